"""docs/architecture.md: its pictures are drawn from what the code is, and every file that it names is there."""

from __future__ import annotations

import re
import runpy
from dataclasses import fields
from types import SimpleNamespace

import pytest

from app.web.process_state import ProcessState
from tests.installation import ROOT
from tests.test_architecture import MAY_IMPORT

PAGE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def draw() -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(str(ROOT / "docs/draw.py")))


def test_the_pictures_are_those_that_are_drawn(draw: SimpleNamespace):
    for name, picture in draw.pictures().items():
        assert (ROOT / "docs" / name).read_text(encoding="utf-8") == picture, "run `.venv/bin/python docs/draw.py`"
        assert f"]({name})" in PAGE


def test_each_room_stands_above_those_that_it_may_import(draw: SimpleNamespace):
    floor = {name: number for number, names in enumerate(draw.HOUSE) for name in names}
    assert set(floor) == set(MAY_IMPORT) - {"predict", "drawn", "app"}
    for name, imported in MAY_IMPORT.items():
        below = imported - {"app"} - ({"main"} if name == "server" else set())  # its worker serves what main joins
        for other in below if name in floor else ():
            assert floor[name] < floor[other], f"{name} imports {other}"


def test_every_file_that_the_page_and_its_pictures_name_exists(draw: SimpleNamespace):
    named = set(re.findall(r"`((?:app|tests|drawn|docs|benchmarks|pixelwise-model)/[\w./-]*)`", PAGE))
    named |= {name if name.startswith(("app/", "pixelwise-model/")) else f"app/{name}" for name, _ in draw.REQUEST}
    named |= {name for name, _ in draw.MODEL if name.startswith(("app/", "pixelwise-model/"))}
    assert len(named) > 40
    for name in named:
        assert (ROOT / name.partition(",")[0]).exists(), name


def test_every_room_is_described():
    rooms = {path.name for path in (ROOT / "app").iterdir() if (path / "__init__.py").is_file()}
    for room in rooms:
        assert re.search(rf"^\|.*`app/{room}/`", PAGE, re.MULTILINE), room


def test_the_files_that_begin_a_room_are_in_it():
    for room, begin in re.findall(r"^\| `app/(\w+)/` \|[^|]*\| (.*) \|$", PAGE, re.MULTILINE):
        for name in re.findall(r"`([\w/]+(?:\.py|/))`", begin):
            assert (ROOT / "app" / room / name).exists(), f"{room}: {name}"


def test_each_part_of_one_process_is_described():
    table = PAGE.partition("## What is one process's own")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == [field.name for field in fields(ProcessState)]
