"""A release that is replaced while it is read: no read is refused, and none is of two releases."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app.release.default_copies import copy_out
from app.release.models_folder import clear_unlinked, only_one_pull, place
from app.release.record import RECORD, Release, describe, read_record, record_bytes
from app.verify import open_model as opening
from tests.installation import CARD, REPOSITORY, Installation, Published
from tests.release.shop import V1, Shop

READS = 60
LEAST_REPLACEMENTS, MOST_REPLACEMENTS = 20, 20_000

READER = """
import os, sys
from pathlib import Path
from app.verify.checks import Code
from app.verify.open_model import ModelChoice, open_model
from app.release.models_folder import pulled

models = Path(sys.argv[1])
source = ModelChoice("v1.0", None, models, models / "model.lock", False, True)
print("ready", flush=True)
seen = set()
for _ in range(int(sys.argv[2])):
    seen.add(pulled(models, "v1.0").commit)
    open_model(source, Code(tuple("123456789")))
print(len(seen))
"""


def replace(models: Path, files: dict[str, bytes], artefact: str, number: int) -> None:
    """What a pull does once it has fetched."""
    described = tuple(describe(name, data) for name, data in files.items())
    release = Release(
        repository=REPOSITORY, version="v1.0", commit=f"{number % 5:040d}", artefact=artefact, files=described
    )
    staged = models / ".staged"
    staged.mkdir()
    for name, data in {**files, RECORD: record_bytes(release)}.items():
        (staged / name).write_bytes(data)
    with only_one_pull(models, print):
        replaced = place(staged, models, "v1.0")
        copy_out(models, release)
        clear_unlinked(models, keep=replaced)
    if staged.exists():  # what was there already is used again
        for path in staged.iterdir():
            path.unlink()
        staged.rmdir()


def test_no_read_is_refused_while_a_release_is_replaced_many_times(
    tmp_path: Path, published: Callable[[str], Published]
):
    v1 = published("v1.0")
    house = Installation(tmp_path)
    house.place_published(v1)
    command = [sys.executable, "-c", READER, str(house.models), str(READS)]
    number = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as reader:
        assert reader.stdout is not None and reader.stdout.readline() == "ready\n"
        while reader.poll() is None:
            number += 1
            if number > MOST_REPLACEMENTS:
                reader.kill()
                pytest.fail(f"{READS} reads did not end within {MOST_REPLACEMENTS:,} replacements")
            replace(house.models, {**v1.files, "number": b"%d" % (number % 5)}, v1.record.artefact, number)
        said, complaint = reader.communicate()
    assert (reader.returncode, complaint) == (0, "")
    assert number >= LEAST_REPLACEMENTS and int(said) > 1, "the reads met no replacement"


def test_model_path_in_models_is_read_again_when_its_release_is_replaced_between_two_reads(
    shop: Shop, v1: Published, monkeypatch: pytest.MonkeyPatch
):
    read: list[Release | None] = []

    def read_and_replace(folder: Path) -> Release | None:
        record = read_record(folder)
        if not read:
            replace(shop.models, {**v1.files, CARD: v1.files[CARD] + b"\n"}, v1.record.artefact, 1)
        read.append(record)
        return record

    monkeypatch.setattr(opening, "read_record", read_and_replace)
    model = shop.open(f"models/{V1}")
    assert (model.version, model.notices, model.recorded is not None) == ("v1.0", (), True)
    assert len(read) == 2 and read[0] != read[1] == read_record(shop.models)
