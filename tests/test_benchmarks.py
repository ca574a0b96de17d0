"""What the benchmarks' files say of each other; the figures themselves are `make bench`'s."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from drawn.conditions import CONDITIONS
from drawn.suite import NEED_A_DIGIT

ROOT = Path(__file__).resolve().parent.parent
PLOT_LIMIT = 120 << 10


def pins(file: Path) -> dict[str, set[str]]:
    """Package -> versions of a locked requirements file; several where they depend on the Python version."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([a-z0-9-]+)==(\S+)", file.read_text(), flags=re.MULTILINE):
        found.setdefault(name, set()).add(version)
    return found


@pytest.mark.parametrize("measured", ["requirements.txt", "pixelwise-model/requirements.txt"])
def test_what_is_measured_is_what_is_pinned(measured: str):
    benchmarks, promised = pins(ROOT / "benchmarks" / "requirements.txt"), pins(ROOT / measured)
    shared = benchmarks.keys() & promised.keys()
    assert "numpy" in shared
    assert {name: benchmarks[name] for name in shared} == {name: promised[name] for name in shared}


def test_the_page_names_a_plot_that_is_there_and_small():
    page = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    names = re.findall(r"!\[[^]]+\]\(([^)]+)\)", page)
    assert names
    for name in names:
        assert 0 < (ROOT / "docs" / name).stat().st_size < PLOT_LIMIT


def test_the_pages_say_that_a_run_wrote_them():
    for name, command in (("benchmarks.md", "make bench"), ("parity.md", "make parity")):
        assert f"Written by `{command}`" in (ROOT / "docs" / name).read_text(encoding="utf-8")


def test_the_parity_page_covers_scikit_learn_1_3_to_1_9():
    rows = re.findall(r"^\| (1\.\d)\.\d+ \|.*\|$", (ROOT / "docs" / "parity.md").read_text(), flags=re.MULTILINE)
    assert set(rows) == {f"1.{minor}" for minor in range(3, 10)}


def test_the_page_of_what_is_measured_has_each_condition_for_three_versions_and_a_small_picture():
    page = (ROOT / "docs" / "measured.md").read_text(encoding="utf-8")
    assert "Written by `make measured`" in page
    assert "![" in page
    for condition in CONDITIONS:
        has_bare_page = condition not in NEED_A_DIGIT
        assert page.count(f"\n| {condition} |") == 3 + has_bare_page, condition
    assert 0 < (ROOT / "docs" / "measured.png").stat().st_size < 500_000
