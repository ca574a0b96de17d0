"""In an environment that holds the runtime's pins and nothing else, the product runs: no scikit-learn, no joblib."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.installation import ROOT, Installation

pytestmark = pytest.mark.long
OF_THE_EXTRA = re.compile(r"^(import|from) pyarrow", re.MULTILINE)


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The Python of a fresh environment with requirements.txt, each file held against its hash."""
    folder = tmp_path_factory.mktemp("runtime") / "venv"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    install = [
        folder / "bin/python",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--require-hashes",
    ]
    done = subprocess.run([*install, "-r", ROOT / "requirements.txt"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return str(folder / "bin/python")


@pytest.fixture
def house(installation: Installation, python: str) -> Installation:
    installation.python = python
    return installation


@pytest.mark.parametrize("name", ["sklearn", "joblib", "pytest"])
def test_it_cannot_be_imported_there(house: Installation, name: str):
    done = house.run("-c", f"import {name}")
    assert done.returncode == 1
    assert f"No module named '{name}'" in done.stderr


def test_the_smoke_test_passes_there(house: Installation):
    done = house.predict()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("Pred: ") == 5


def test_verify_agrees_there(house: Installation):
    done = house.pixelwise("verify", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["agree"] is True


def test_pictures_are_read_there(house: Installation, tmp_path: Path):
    code = "from PIL import Image; Image.new('L', (28, 28), 200).save('grey.png')"
    assert house.run("-c", code).returncode == 0
    done = house.pixelwise("predict", "grey.png", "--json")
    assert done.returncode == 0, done.stderr
    (image,) = json.loads(done.stdout)["images"]
    assert image["prediction"] is None
    assert image["findings"][0]["name"] == "blank"


def test_nothing_that_is_imported_is_missing_from_the_pins(house: Installation):
    """Every module of the product, not only those that the commands above happen to need; without those of Parquet,
    which the extra `score` is for."""
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in sorted((ROOT / "app").rglob("*.py"))
        if path.name != "__init__.py" and not OF_THE_EXTRA.search(path.read_text(encoding="utf-8"))
    ]
    assert len(names) > 200
    done = house.run("-c", "import " + ", ".join(names), SECRET_API_KEY="a-key-that-is-long-enough-for-tests")
    assert done.returncode == 0, done.stderr
