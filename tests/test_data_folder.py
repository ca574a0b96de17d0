"""DATA_DIR: a read-only tree that serves, two services of one tree, and what is said where nothing can be written."""

from __future__ import annotations

import json
import os
import shutil
import socket
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.cli.test_diagnosis import doctor, faults
from tests.installation import Installation
from tests.service import KEY, Service

pytestmark = pytest.mark.long

Done = subprocess.CompletedProcess[str]
RELEASES = ("pull", "upgrade v1.0", "models add v2.0", "models default v1.0", "models remove v2.0 --files", "lock")
"""Commands that change the tree itself."""


@pytest.fixture
def mounted(installation: Installation, tmp_path: Path) -> Iterator[Installation]:
    """An installation without .env on a file system that is then `read_only`."""
    place = tmp_path / "mounted"
    shutil.move(installation.root, place)
    if os.geteuid() != 0 or subprocess.run(["mount", "--bind", place, place], capture_output=True).returncode:
        pytest.skip("only root can mount, where that is allowed")
    try:
        yield Installation(place)
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def make_read_only(installation: Installation) -> None:
    subprocess.run(["mount", "-o", "remount,ro,bind", installation.root], check=True)


def test_a_read_only_tree_serves_with_its_data_elsewhere(mounted: Installation, tmp_path: Path):
    make_read_only(mounted)
    data = tmp_path / "elsewhere" / "data"
    there = {"DATA_DIR": str(data), "SECRET_API_KEY": KEY, "PORT": "0"}
    for command in ("flags set keep-drawings off", "db upgrade", "keys add reader", "keys list", "flags list"):
        done = mounted.pixelwise(*command.split(), **there)
        assert done.returncode == 0, done.stderr
    service = Service(mounted.root, there, log=tmp_path / "service.log")
    try:
        with service.client() as client:
            answer = client.post("/classify", json={"pixels": [[0] * 28] * 28})
            assert answer.status_code == 200, answer.text
        assert {path.name for path in data.iterdir()} >= {"pixelwise.db", "service.json", "flags.json"}
        done = mounted.pixelwise("db", "export", "--out", str(tmp_path / "out.csv"), **there)
        assert done.returncode == 0 and len((tmp_path / "out.csv").read_text().splitlines()) == 2
        assert mounted.pixelwise("report", "--out", str(tmp_path / "report"), **there).returncode == 0
        assert mounted.pixelwise("verify", **there).returncode == 0
        _, checks = doctor(mounted, **there)
        assert faults(checks) == {".env": "bash setup-server.sh"}
        assert "served" in checks
    finally:
        assert service.stop() == 0


@pytest.mark.parametrize("database", ["", "sqlite:////nowhere/x.db"])
def test_a_read_only_tree_without_data_dir_is_told_what_to_set(mounted: Installation, tmp_path: Path, database: str):
    elsewhere = f"sqlite:///{tmp_path}/elsewhere.db" if database else ""
    make_read_only(mounted)
    there = {"SECRET_API_KEY": KEY, "PORT": "0", "DATABASE_URL": elsewhere}
    for command in ("serve", "flags set keep-drawings off", *(() if database else ("db upgrade", "keys add x"))):
        done = mounted.pixelwise(*command.split(), **there)
        said(done, "a read-only file system", "DATA_DIR")
    _, checks = doctor(mounted, **there)
    assert faults(checks)["data"] == "set DATA_DIR in .env to a folder that can be written"
    assert "read-only file system" in checks["data"]["found"]


@pytest.mark.parametrize("is_there", [True, False])
def test_a_database_on_a_read_only_disk_is_told_by_its_cause_and_by_what_to_set(mounted: Installation, is_there: bool):
    if is_there:
        assert mounted.pixelwise("db", "upgrade").returncode == 0
    make_read_only(mounted)
    remedy = "Or let DATA_DIR (or DATABASE_URL) in .env name another place."
    said(mounted.pixelwise("keys", "add", "x"), "a read-only file system", remedy)
    _, checks = doctor(mounted, SECRET_API_KEY=KEY)
    assert remedy in faults(checks)["database"]


def said(done: Done, *parts: str) -> None:
    """One line, no traceback, exit code 3 or 6."""
    assert done.returncode in (3, 6), (done.returncode, done.stderr)
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert "; expected " in done.stderr or ", expected " in done.stderr
    for part in parts:
        assert part in done.stderr, done.stderr


@pytest.mark.parametrize("command", RELEASES)
def test_a_command_that_changes_a_read_only_tree_is_refused_in_a_line(
    mounted: Installation, tmp_path: Path, command: str
):
    (mounted.root / ".env").write_text("MODEL_VERSIONS=v1.0,v2.0\n")
    make_read_only(mounted)
    there = {"DATA_DIR": str(tmp_path / "data"), "SECRET_API_KEY": KEY, "MODEL_VERSIONS": ""}
    done = mounted.pixelwise(*command.split(), **there)
    assert "Traceback" not in done.stderr
    assert done.returncode in (2, 3, 4, 6), done.stderr


def test_two_services_of_one_tree_each_answer_with_their_own_data(installation: Installation, tmp_path: Path):
    services = [
        Service(installation.root, {"DATA_DIR": name, "PORT": "0"}, log=tmp_path / f"{name}.log") for name in ("a", "b")
    ]
    try:
        ids = []
        for service in services:
            with service.client() as client:
                answer = client.post("/classify", json={"pixels": [[255] * 28] * 28}).raise_for_status().json()
                ids.append(answer["id"])
        for service, own in zip(services, ids, strict=True):
            with service.client() as client:
                assert [one["id"] for one in client.get("/results").json()["results"]] == [own]
        for name, service in zip(("a", "b"), services, strict=True):
            listed = installation.pixelwise("models", "list", "--json", DATA_DIR=name)
            assert f'"service": "{service.url}"' in listed.stdout
        third = installation.pixelwise("serve", DATA_DIR="a", PORT="0", SECRET_API_KEY=KEY)
        said(third, f"answers at {services[0].url}")
    finally:
        assert [service.stop() for service in services] == [0, 0]


# -- files and their modes ---------------------------------------------------------------------------------------------


def test_nothing_that_is_written_is_for_everyone_to_change_whatever_the_umask(
    installation: Installation, tmp_path: Path
):
    before = os.umask(0)
    try:
        data = installation.root / "data"
        data.mkdir(mode=0o777)
        (data / "service.json").touch(mode=0o666)  # of an earlier version
        service = Service(installation.root, {}, log=tmp_path / "service.log")
        try:
            with service.client() as client:
                client.post("/classify", json={"pixels": [[255] * 28] * 28}).raise_for_status()
            for command in ("flags set keep-drawings off", "flags set keep-drawings on", "db export --out data/all.csv",
                            "report --out data/report", "models list"):  # fmt: skip
                done = installation.pixelwise(*command.split(), SECRET_API_KEY=KEY)
                assert done.returncode == 0, done.stderr
        finally:
            service.stop()
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in data.rglob("*") if path.is_file()}
    for name in ("service.json", "pixelwise.db", "all.csv", "report.html"):
        assert modes[name] == 0o600, name
    assert {"flags.json", "flags.json.before"} <= set(modes)
    assert not [name for name, mode in modes.items() if mode & 0o022]
    assert not [path for path in data.rglob("*/") if path != data and stat.S_IMODE(path.stat().st_mode) & 0o002]


# -- what a system refuses ---------------------------------------------------------------------------------------------


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Path]:
    """A disk without a free byte."""
    disk = tmp_path / "full"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root can mount, where that is allowed")
    try:
        (disk / "data").mkdir()
        with (disk / "fill").open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 4096)
            except OSError:
                pass
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


@pytest.mark.parametrize(
    "command",
    ["serve", "db upgrade", "keys add x", "keys list", "flags set keep-drawings off", "report --out OUT",
     "db export --out OUT/x.csv", "labels export --out OUT/x.csv"],
)  # fmt: skip
def test_a_full_disk_has_one_remedy(installation: Installation, full: Path, command: str):
    is_about_the_file = "OUT" in command
    data = installation.root / "data" if is_about_the_file else full / "data"
    there = {"DATA_DIR": str(data), "SECRET_API_KEY": KEY, "PORT": "0"}
    if is_about_the_file:
        assert installation.pixelwise("db", "upgrade", **there).returncode == 0
    done = installation.pixelwise(*command.replace("OUT", str(full)).split(), **there)
    said(done)
    assert "ree space" in done.stderr, done.stderr


@pytest.mark.parametrize(
    "command",
    ["serve", "db upgrade", "keys add x", "flags set keep-drawings off", "flags rollback", "models list", "doctor"],
)
def test_a_data_folder_that_is_a_file_is_said(installation: Installation, command: str):
    (installation.root / "data").write_text("")
    done = installation.pixelwise(*command.split(), SECRET_API_KEY=KEY, PORT="0")
    assert "Traceback" not in done.stderr, done.stderr
    assert "; expected " in done.stderr
    if not command.startswith(("flags", "models", "doctor")):
        said(done, "a file where a folder belongs")


@pytest.mark.parametrize("command", ["db export", "labels export"])
def test_an_export_into_a_folder_that_is_missing_is_said(installation: Installation, command: str):
    assert installation.pixelwise("db", "upgrade").returncode == 0
    done = installation.pixelwise(*command.split(), "--out", "missing/x.csv")
    said(done, "--out missing/x.csv: No such file or directory")
    assert not (installation.root / "missing").exists()


@pytest.mark.parametrize("host", ["a..b", "x" * 5000, "no such host"])
def test_a_host_that_is_none_is_said(installation: Installation, host: str):
    done = installation.pixelwise("serve", HOST=host, SECRET_API_KEY=KEY)
    said(done, "PORT=8000")
    _, checks = doctor(installation, HOST=host, SECRET_API_KEY="a-key-that-nobody-is-shown")
    assert faults(checks)["address"].startswith("Correct HOST and PORT in .env")


def test_a_host_of_two_colons_is_every_address_of_either_family(installation: Installation, tmp_path: Path):
    service = Service(installation.root, {"HOST": "::", "PORT": "0"}, log=tmp_path / "service.log")
    try:
        port = service.url.rpartition(":")[2]
        for address in ("[::1]", "127.0.0.1"):
            assert httpx.get(f"http://{address}:{port}/health", trust_env=False).status_code == 200
    finally:
        service.stop()
    lines = [json.loads(line) for line in service.log.read_text().splitlines() if line.startswith("{")]
    assert [line["client"] for line in lines if line["source"] == "request"] == ["::1", "127.0.0.1"]


def test_doctor_sees_that_one_family_of_every_address_is_taken(installation: Installation):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        _, checks = doctor(installation, HOST="::", PORT=port, SECRET_API_KEY="a-key-that-nobody-is-shown")
    assert faults(checks)["address"].startswith("Set another PORT")


# -- a key that others could guess -------------------------------------------------------------------------------------


def contents(root: Path) -> dict[str, bytes]:
    """Settings, models and data, byte for byte."""
    files = [root / ".env", *(root / "models").rglob("*"), *(root / "data").rglob("*")]
    return {str(path): path.read_bytes() for path in files if path.is_file() and path.name != ".lock"}


def test_a_weak_key_is_warned_of_here_and_refused_beyond_before_anything_is_changed(
    installation: Installation, tmp_path: Path
):
    (installation.root / ".env").write_text("SECRET_API_KEY=abcd4711\nMODEL_VERSION=v1.0\n")
    service = Service(installation.root, {"SECRET_API_KEY": "abcd4711"}, log=tmp_path / "service.log")
    service.stop()
    assert "SECRET_API_KEY can be guessed (it has fewer than 16 characters)" in service.log.read_text()
    assert "abcd4711" not in service.log.read_text()
    before = contents(installation.root)
    for command in ("serve", "upgrade v1.0", "models add v2.0", "models default v1.0"):
        done = installation.pixelwise(*command.split(), HOST="0.0.0.0")
        said(done, "SECRET_API_KEY can be guessed", "HOST=0.0.0.0")
        assert "abcd4711" not in done.stderr
    assert contents(installation.root) == before
    on_loopback = installation.pixelwise("models", "default", "v1.0")
    assert on_loopback.returncode == 0
    assert on_loopback.stderr.startswith("SECRET_API_KEY can be guessed"), "before anything else"
