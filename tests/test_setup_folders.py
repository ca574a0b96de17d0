"""Where the tree lies when setup-server.sh runs: moved, copied, under another alphabet, read-only, full, in a foreign
repository; and the script itself replaced while it runs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

from app.cli.virtual_environment import leads_elsewhere
from tests.installation import GIT, ROOT, Published
from tests.test_setup import Done, Server, contents_of, leave_behind

pytestmark = pytest.mark.long


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One whose path is neither ASCII nor one word."""
    place = tmp_path / "Übungs Ordner" / "pixel wise"
    place.mkdir(parents=True)
    return place


@pytest.fixture
def server(folder: Path, compiled: Path, published: Callable[[str], Published]) -> Server:
    """Its .venv has every library, and not yet the command."""
    made = Server(folder, compiled, published("v1.0"))
    for name in ("pyproject.toml", "README.md", "requirements-dev.txt"):
        shutil.copy2(ROOT / name, folder)
    (folder / ".venv/bin/pixelwise").unlink()
    (site_packages(folder) / "here.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    return made


def site_packages(root: Path) -> Path:
    (packages,) = (root / ".venv/lib").glob("python*/site-packages")
    return packages


def shell(server: Server, script: str, *, cwd: Path, **environ: str) -> Done:
    home = {"PATH": os.environ["PATH"], "HOME": str(server.root), "PYTHONDONTWRITEBYTECODE": "1", **GIT}
    return subprocess.run(["bash", "-c", script], cwd=cwd, env={**home, **environ}, capture_output=True, text=True)


def test_a_path_that_is_not_ascii_works_in_the_c_locale(server: Server, tmp_path: Path):
    done = server.setup(LC_ALL="C")
    assert done.returncode == 0, done.stderr
    assert "command pixelwise: installed" in done.stderr
    assert done.stdout.count("Pred: ") == 5
    again = server.setup(LC_ALL="C")
    assert again.returncode == 0 and "command pixelwise: nothing to do" in again.stderr
    for locale in ("C", "C.UTF-8"):
        called = shell(
            server, "source .venv/bin/activate && cd / && pixelwise doctor --json", cwd=server.root, LC_ALL=locale
        )
        assert called.stderr == ""
        checks = json.loads(called.stdout)["checks"]
        assert str(server.root) in next(check["found"] for check in checks if check["name"] == "database")


@pytest.mark.parametrize("name", ["a:b", "a$b", 'a"b', "a`b", "a\\b", "a\nb", b"\xdcbung"])
def test_a_path_that_no_environment_can_have_is_refused_before_anything_is_installed(tmp_path: Path, name: str | bytes):
    place = tmp_path / os.fsdecode(name)
    place.mkdir()
    shutil.copy2(ROOT / "setup-server.sh", place)
    leave_behind(place)
    before = contents_of(place)
    done = subprocess.run(["bash", "setup-server.sh"], cwd=place, capture_output=True, timeout=60)
    assert done.returncode == 3
    assert b"has characters that no virtual environment can have in its path" in done.stderr
    assert contents_of(place) == before


# -- moved and copied --------------------------------------------------------------------------------------------------


def test_an_environment_that_lies_where_it_was_made_is_of_its_folder(server: Server, tmp_path: Path):
    assert server.setup().returncode == 0
    assert leads_elsewhere(server.root / ".venv") == ""
    link = tmp_path / "link"
    link.symlink_to(server.root)
    assert leads_elsewhere(link / ".venv") == "", "the same folder by another name"


@pytest.mark.parametrize("how", ["moved", "copied"])
def test_a_folder_that_was_moved_or_copied_is_found_out_and_its_environment_is_made_anew(
    server: Server, tmp_path: Path, how: str
):
    assert server.setup().returncode == 0
    before, other = server.root, tmp_path / "B"
    (shutil.move if how == "moved" else shutil.copytree)(
        before, other, **({} if how == "moved" else {"symlinks": True})
    )
    server.root = other
    sign = f"bin/activate leads to {before}/.venv"
    assert leads_elsewhere(other / ".venv") == sign
    check = server.setup("--check")
    would = "setup: .venv: would be made anew for this folder\n"
    would += "setup: .venv: would install requirements.txt"
    assert f"setup: .venv: {sign}: it was moved or copied\n{would}" in check.stderr
    assert "is made anew" not in check.stderr and check.stderr.endswith("check: nothing was changed\n")
    assert (".venv", sign, "bash setup-server.sh") in faults_of(server)
    # Nothing is downloaded in a test: what would install is replaced.
    (other / "requirements.txt").write_text("")
    done = server.setup()
    assert "it was moved or copied\nsetup: .venv: is made anew for this folder" in done.stderr
    assert leads_elsewhere(other / ".venv") == ""
    activated = shell(server, 'source .venv/bin/activate && printf %s "$VIRTUAL_ENV"', cwd=other)
    assert activated.stdout == f"{other}/.venv"


def faults_of(server: Server) -> set[tuple[str, str, str]]:
    """What doctor finds, whoever's Python runs it."""
    environ = {"PATH": os.environ["PATH"], "HOME": "/", "PYTHONPATH": str(server.root)}
    command = [
        server.root / ".venv/bin/python",
        "-c",
        "import app.cli; app.cli.main()",
        "doctor",
        "--json",
    ]
    done = subprocess.run(command, cwd=server.root, env=environ, capture_output=True, text=True)
    return {(one["name"], one["found"], one["mend"]) for one in json.loads(done.stdout)["checks"] if not one["healthy"]}


def test_a_command_of_another_installation_than_the_current_folder_says_which_one_it_serves(
    server: Server, tmp_path: Path
):
    assert server.setup().returncode == 0
    other = tmp_path / "B"
    shutil.copytree(server.root, other, symlinks=True, ignore=shutil.ignore_patterns(".venv", "data", "models"))
    command = f"'{server.root}/.venv/bin/pixelwise' --version"
    elsewhere = shell(server, command, cwd=other)
    assert elsewhere.stderr == (
        f"This is the command of {server.root}, not of the current folder {other}: it reads and changes that one.\n"
    )
    assert elsewhere.stdout.startswith("pixelwise ")
    for cwd in (server.root, tmp_path, server.root / "app"):
        assert shell(server, command, cwd=cwd).stderr == ""


# -- where nothing can be written --------------------------------------------------------------------------------------


def test_a_read_only_tree_is_refused_by_name(server: Server):
    if os.geteuid() != 0 or subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode:
        pytest.skip("no mount namespaces here")
    leave_behind(server.root)
    before = server.contents()
    for arguments in ("", "--environment", "--check"):
        script = f'mount --bind . . && mount -o remount,ro,bind . && cd . && bash "$PWD/setup-server.sh" {arguments}'
        done = shell(server, f"unshare --mount bash -c '{script}'", cwd=server.root)
        assert done.returncode == 3, done.stderr
        assert f"{server.root} lies on a read-only file system" in done.stderr
        assert "DATA_DIR elsewhere" in done.stderr
    assert server.contents() == before


def test_a_full_disk_is_not_blamed_on_the_package_registry(server: Server, tmp_path: Path):
    fakes = tmp_path / "bin"
    fakes.mkdir()
    (fakes / "df").write_text("#!/bin/sh\necho Filesystem\necho /dev/x 9999 9982 17 100% /\n")
    (fakes / "df").chmod(0o755)
    (server.root / "requirements.txt").write_text("other==1.0\n")
    leave_behind(server.root)
    before = server.contents()
    done = server.setup(PATH=f"{fakes}:{os.environ['PATH']}")
    assert done.returncode == 3
    assert f"17 MiB are free where {server.root} lies, and requirements.txt needs 1024" in done.stderr
    assert "Free space on that disk" in done.stderr
    assert server.contents() == before


# -- the script itself -------------------------------------------------------------------------------------------------


def test_an_update_while_it_runs_does_not_reach_the_run(server: Server):
    """bash reads on in the file where it stopped: after its last line there must be nothing left to read."""
    script = server.root / "setup-server.sh"
    text = script.read_text()
    assert text.rstrip().splitlines()[-1] == 'main "$@"; exit'
    script.write_text(f"{text}\n".replace("main() {\n", f"main() {{\n  echo 'echo canary' >>'{script}'\n", 1))
    done = server.setup("--check")
    assert done.returncode == 0, done.stderr
    assert "canary" not in done.stdout


@pytest.mark.parametrize("name", ["setup-server.sh", ".ci/run", "benchmarks/run.sh"])
def test_every_script_ends_in_a_line_that_is_read_whole_and_a_failure_within_an_answer_ends_it(name: str):
    lines = (ROOT / name).read_text().rstrip().splitlines()
    assert lines[-1].partition("#")[0].rstrip() in ('main "$@"; exit', "main; exit")
    assert "set -euo pipefail" in lines
    assert any(line.startswith("shopt -s inherit_errexit") for line in lines)
