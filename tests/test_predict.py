"""The smoke test, on the local v1.0. A release without golden set: test_course_release.py."""

from __future__ import annotations

import re

import pytest

from predict import USAGE
from tests.installation import Installation

LINE = re.compile(r"Pred: \d \(conf [01]\.\d\d\) True: \d(?:  \[.+\])*")


def test_it_prints_one_line_for_each_of_five_digits_then_the_checks(installation: Installation):
    done = installation.predict()
    assert (done.returncode, done.stderr) == (0, "")
    first, *rest = done.stdout.splitlines()
    assert first == "digit_classifier_v1.pkl: LogisticRegression, version v1.0, classes 1 2 3 4 5 6 7 8 9"
    digits = [line for line in rest if line.startswith("Pred:")]
    assert len(digits) == 5
    assert all(LINE.fullmatch(line) for line in digits)
    outcomes = [line.rpartition(" -> ")[2] for line in rest if not line.startswith("Pred:")]
    assert outcomes == ["agrees"] * 3


def test_a_withheld_digit_is_shown_as_withheld_and_not_as_a_failure(installation: Installation):
    digits = [line for line in installation.predict().stdout.splitlines() if line.startswith("Pred:")]
    assert [line for line in digits if "withheld" in line] == [digits[-1]]
    assert "True: 0  [withheld: this version was never taught 0]" in digits[-1]


def test_the_accuracy_is_held_against_the_card(installation: Installation):
    said = installation.predict().stdout
    assert re.search(r"golden accuracy: \d+ of 1000 right; promised: \d+ of 1000 right -> agrees", said)
    assert re.search(r"accuracy of golden digits: [\d,]+ of 1,000 right: .* -> agrees", said)


def test_it_runs_from_any_current_directory(installation: Installation):
    (installation.root / "elsewhere").mkdir()
    code = f"import os, runpy; os.chdir('elsewhere'); runpy.run_path({str(installation.root / 'predict.py')!r}, run_name='__main__')"  # noqa: E501 - one line of code
    assert installation.run("-c", code).returncode == 0


def test_it_gives_the_same_under_python_o(installation: Installation):
    plain = installation.predict()
    installation.flags = ("-O",)
    assert installation.predict().stdout == plain.stdout


@pytest.mark.parametrize(("argument", "code"), [("v2.0", 2), ("--json", 2), ("--help", 0)])
def test_an_argument_is_answered_by_the_usage_and_nothing_is_read(installation: Installation, argument: str, code: int):
    done = installation.run("predict.py", argument)
    assert done.returncode == code
    assert [*done.stdout.splitlines(), *done.stderr.splitlines()] == [USAGE]
    assert bool(done.stdout) == (code == 0)


def test_a_python_without_the_libraries_is_told_which_one_has_them(installation: Installation):
    done = installation.run("-S", "predict.py")  # -S: without site-packages
    assert (done.returncode, done.stdout) == (3, "")
    assert "run .venv/bin/python predict.py" in done.stderr
    assert "Traceback" not in done.stderr
