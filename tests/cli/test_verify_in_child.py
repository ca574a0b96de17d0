"""One version alone, whatever is the default here."""

from __future__ import annotations

import pytest

from app.cli import verify_in_child as trial
from app.cli.verify_in_child import run_alone, try_alone
from tests.installation import Installation, without_drawn


@pytest.mark.parametrize("version", ["v1.0", "v1.1", "v2.0"])
@pytest.mark.long
def test_a_version_starts_alone_beside_settings_that_name_others(
    installation_of_three: Installation, monkeypatch: pytest.MonkeyPatch, version: str
):
    root = installation_of_three.root
    (root / ".env").write_text("MODEL_VERSIONS=v1.0,v9.0\nMODEL_PATH=nowhere.pkl\n")
    monkeypatch.setenv("MODEL_VERSIONS", "v9.0,v1.0")
    classes = tuple("0123456789" if version == "v2.0" else "123456789")
    assert try_alone(version, root=root) == (None, classes, True, True)


def test_what_has_no_recorded_answers_is_told_from_what_reproduces_them(installation_of_course: Installation):
    assert try_alone("v2.0", root=installation_of_course.root) == (None, tuple("0123456789"), False, False)


def test_what_was_measured_without_drawn_digits_has_no_certainty(installation: Installation, published):
    v1 = published("v1.0")
    installation.place_published(v1, card=without_drawn(v1.card))
    assert try_alone("v1.0", root=installation.root) == (None, tuple("123456789"), True, False)


def test_what_does_not_start_says_why_in_its_own_words(installation_of_three: Installation):
    root, models = installation_of_three.root, installation_of_three.models
    missing = try_alone("v1.7", root=root).refusal
    assert missing is not None and missing.exit_code == 3
    assert (missing.subject, missing.found) == (f"release {models / 'v1.7'}", "nothing pulled")
    assert missing.remedy.startswith("Run `pixelwise pull v1.7`")
    other = try_alone("v1.0", root=root, path=models / "v2.0/digit_classifier_v2.pkl").refusal
    assert other is not None and (other.exit_code, other.found) == (4, "classes 0 1 2 3 4 5 6 7 8 9")
    assert other.remedy.startswith("Set MODEL_VERSION to the version")
    assert (missing.word, other.word) == ("expected", "promised")


def test_what_never_ends_is_refused(installation: Installation, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(trial, "START_SECONDS", 0.01)
    refusal = try_alone("v1.0", root=installation.root).refusal
    assert refusal is not None and (refusal.exit_code, refusal.found) == (4, "no start within 0.01 s")


def test_what_ends_without_a_refusal_is_one_with_python_s_last_words(installation: Installation):
    with (installation.root / "app/classifier.py").open("a") as code:
        code.write("\nraise KeyError('surprise')\n")
    refusal = try_alone("v1.0", root=installation.root).refusal
    assert refusal is not None
    assert (refusal.exit_code, refusal.found) == (1, "KeyError: 'surprise'")
    assert refusal.remedy.startswith("Try again")


def test_a_command_runs_with_one_version_and_gives_its_exit_code(installation_of_three: Installation, capfd):
    root, models = installation_of_three.root, installation_of_three.models
    assert run_alone("v2.0", "verify", "--json", root=root, path=models / "v2.0/digit_classifier_v2.pkl") == 0
    assert '"version": "v2.0"' in capfd.readouterr().out
    assert run_alone("v1.7", "verify", root=root, path=None) == 3
