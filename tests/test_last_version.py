"""Data of the last version that was released, in the files that it wrote: rows, keys, flags and settings go on to work.

`tests/last_version/` was written by commit 9a9b021: a service of v1.0 and v2.0 that answered 16 drawings, 10 of them
labelled, with v2.0 for 40% of the visitors and as a shadow; the database is SQLite's own dump.
"""

from __future__ import annotations

import csv
import json
import shutil
import sqlite3
from pathlib import Path

import pytest

from tests.installation import ROOT, Installation
from tests.service import StartService

LAST = ROOT / "tests/last_version"
ANSWERS = json.loads((LAST / "results.json").read_text(encoding="utf-8"))["results"]


@pytest.fixture
def kept(compiled_with_three: Path, tmp_path: Path) -> Installation:
    """An installation of this version with the files of the last one."""
    root = tmp_path / "kept"
    shutil.copytree(compiled_with_three, root, symlinks=True)
    (root / ".env").write_text((LAST / "env").read_text(encoding="utf-8"))
    (root / "data").mkdir()
    shutil.copy2(LAST / "flags.json", root / "data")
    database = sqlite3.connect(root / "data/pixelwise.db")
    database.executescript((LAST / "database.sql").read_text(encoding="utf-8"))
    database.close()
    return Installation(root)


def test_the_tables_are_brought_to_this_version_and_every_row_is_exported(kept: Installation):
    upgraded = kept.pixelwise("db", "upgrade")
    assert upgraded.returncode == 0, upgraded.stderr
    exported = kept.pixelwise("db", "export", "--out", "all.csv")
    assert exported.returncode == 0, exported.stderr
    rows = list(csv.DictReader((kept.root / "all.csv").read_text(encoding="utf-8").splitlines()))
    assert {row["id"]: row["prediction"] for row in rows} == {one["id"]: one["prediction"] for one in ANSWERS}
    labelled = kept.pixelwise("labels", "export", "--out", "labels.csv")
    assert labelled.returncode == 0, labelled.stderr
    rows = list(csv.DictReader((kept.root / "labels.csv").read_text(encoding="utf-8").splitlines()))
    assert {row["id"]: row["label"] for row in rows if row["label"]} == {
        one["id"]: one["label"].replace("not-a-digit", "-1") for one in ANSWERS if one["label"]
    }


def test_its_keys_flags_and_report_are_read(kept: Installation):
    assert "archive" in kept.pixelwise("keys", "list").stdout
    flags = json.loads(kept.pixelwise("flags", "list", "--json").stdout)["flags"]
    shares = {flag["flag"]: flag["shares"] for flag in flags if flag.get("shares")}
    assert shares == {"model-version": {"v2.0": 40.0, "v1.0": 60.0}, "shadow-versions": {"v2.0": 100.0}}
    report = kept.pixelwise("report", "--json")
    assert report.returncode == 0, report.stderr
    said = json.loads(report.stdout)
    assert said["answers"] == len(ANSWERS)
    labels = said["volunteered"]["labels"]
    assert (labels["part"], labels["of"]) == (sum(bool(one["label"]) for one in ANSWERS), len(ANSWERS))


@pytest.mark.long
def test_a_service_of_this_version_goes_on_with_it(kept: Installation, start_service_of_three: StartService):
    service = start_service_of_three((LAST / "env").read_text(encoding="utf-8"))
    service.stop()
    shutil.rmtree(service.root / "data")
    shutil.copytree(kept.root / "data", service.root / "data")
    service.start()
    with service.client() as client:
        assert client.get("/health").json()["versions"] == ["v1.0", "v2.0"]
        assert client.get("/results", params={"limit": 100}).json()["results"] == ANSWERS
        assert client.post(f"/results/{ANSWERS[0]['id']}/label", json={"label": "4"}).status_code == 200
        versions = {
            client.get("/visit", headers={"x-visitor": f"person {place}"}).json()["model_version"]
            for place in range(40)
        }
    assert versions == {"v1.0", "v2.0"}, "the rollout of 40% goes on"
