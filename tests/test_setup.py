"""setup-server.sh, in a copy of the tree whose .venv is prepared, so that nothing is downloaded.

What it does on a bare machine is shown by `make run` on a new clone (.ci/run).
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.installation import GIT, ROOT, Published
from tests.release.remote import Remote

pytestmark = pytest.mark.long

FILES = ("setup-server.sh", "predict.py", "model.lock", ".env.example", "requirements.txt")
Done = subprocess.CompletedProcess[str]


class Server:
    """A clone whose environment is installed: no .env and no models yet."""

    def __init__(self, root: Path, compiled: Path, v1: Published) -> None:
        self.root = root
        shutil.copytree(compiled / "app", root / "app")
        for name in FILES:
            shutil.copy2(ROOT / name, root)
        self.repository = Remote(root / "pixelwise-model" / "releases.git")
        self.repository.release("v1.0", v1.files)
        self._environment()

    def _environment(self) -> None:
        """.venv as `environment` and `command_line` leave it; its libraries are those of this process."""
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", self.root / ".venv"], check=True)
        (packages,) = (self.root / ".venv/lib").glob("python*/site-packages")
        (packages / "here.pth").write_text(f"{self.root}\n{sysconfig.get_path('purelib')}\n")
        command = self.root / ".venv/bin/pixelwise"
        command.write_text(f"#!{self.root / '.venv/bin/python'}\nfrom app.cli.program import main\n\nmain()\n")
        command.chmod(0o755)
        shutil.copy2(ROOT / "requirements.txt", self.root / ".venv/.installed-requirements.txt")

    def setup(self, *arguments: str, cwd: str | Path = "/", **environ: str) -> Done:
        home = {"PATH": os.environ["PATH"], "HOME": str(self.root), "PYTHONDONTWRITEBYTECODE": "1", **GIT}
        command = [shutil.which("bash") or "bash", str(self.root / "setup-server.sh"), *arguments]
        return subprocess.run(command, cwd=cwd, env={**home, **environ}, capture_output=True, text=True, timeout=120)

    def contents(self) -> dict[str, tuple[int, int, bytes]]:
        """Every file by its mode, its time and its bytes."""
        return contents_of(self.root)

    @property
    def env(self) -> Path:
        return self.root / ".env"

    @property
    def mode(self) -> int:
        """Of .env."""
        return stat.S_IMODE(self.env.stat().st_mode)

    @property
    def key(self) -> str:
        """SECRET_API_KEY of .env, which has one such line."""
        (key,) = re.findall(r"^SECRET_API_KEY=(.*)$", self.env.read_text(), re.MULTILINE)
        return key

    @property
    def pattern(self) -> str:
        """.env.example with that key."""
        return (self.root / ".env.example").read_text().replace("\nSECRET_API_KEY=\n", f"\nSECRET_API_KEY={self.key}\n")


def contents_of(root: Path) -> dict[str, tuple[int, int, bytes]]:
    """Every file by its mode, its time and its bytes; the file that pulls lock has none."""
    return {
        str(path.relative_to(root)): (path.stat().st_mode, path.stat().st_mtime_ns, path.read_bytes())
        for path in root.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def leave_behind(root: Path) -> None:
    """Stand-ins for what an earlier run made and a service filled: settings, a release and a database."""
    for name in (".env", "models/record.json", "models/digit_classifier_v1.pkl", "data/pixelwise.db"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(f"# {name}\n")


@pytest.fixture
def server(tmp_path: Path, compiled: Path, published: Callable[[str], Published]) -> Server:
    (tmp_path / "clone").mkdir()
    return Server(tmp_path / "clone", compiled, published("v1.0"))


def test_one_command_ends_in_digits_read_and_a_second_one_has_nothing_to_do(server: Server):
    first = server.setup(cwd="/")
    assert first.returncode == 0, first.stderr
    assert first.stdout.count("Pred: ") == 5
    assert "accuracy of golden digits" in first.stdout
    assert server.mode == 0o600
    assert server.env.read_text() == server.pattern
    assert re.fullmatch(r"[\w-]{43}", server.key)
    assert server.key not in first.stdout + first.stderr
    assert (server.root / "models/v1.0/record.json").exists()
    assert "results" in tables(server.root / "data/pixelwise.db")

    before = server.contents()
    again = server.setup(cwd=server.root / "app")
    assert again.returncode == 0, again.stderr
    assert server.contents() == before
    for step in ("system packages", ".venv: holds", "command pixelwise", "local release v1.0: built", "SECRET_API_KEY"):
        assert any(step in line and "nothing to do" in line for line in again.stderr.splitlines()), step
    assert ".env: kept as it is" in again.stderr
    assert "v1.0: in place" in again.stderr
    assert again.stdout == first.stdout


def tables(database: Path) -> set[str]:
    connection = sqlite3.connect(database)
    try:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    finally:
        connection.close()


def test_check_changes_nothing_and_says_what_it_would_do(server: Server):
    before = server.contents()
    done = server.setup("--check")
    assert done.returncode == 0, done.stderr
    assert server.contents() == before
    assert ".env: would be created from .env.example, mode 600" in done.stderr
    assert "SECRET_API_KEY: a random one would be written" in done.stderr
    assert "release: would ask MODEL_REPO for v1.0" in done.stderr
    assert "database: its tables would be" in done.stderr
    assert done.stderr.endswith("check: nothing was changed\n")


def test_check_works_before_anything_is_installed(server: Server):
    shutil.rmtree(server.root / ".venv")
    before = server.contents()
    done = server.setup("--check")
    assert done.returncode == 0, done.stderr
    assert server.contents() == before
    assert ".venv: would install requirements.txt" in done.stderr
    assert "command pixelwise: would be installed" in done.stderr


def test_check_sees_that_requirements_have_changed(server: Server):
    (server.root / "requirements.txt").write_text("other==1.0\n")
    assert ".venv: would install requirements.txt" in server.setup("--check").stderr


def test_an_env_file_that_is_there_is_kept_but_for_a_key_it_lacks(server: Server):
    server.env.write_text("MODEL_VERSION=v1.0\n# mine\nKEEP_DRAWINGS=no")
    server.env.chmod(0o600)
    assert server.setup().returncode == 0
    assert server.env.read_text() == f"MODEL_VERSION=v1.0\n# mine\nKEEP_DRAWINGS=no\nSECRET_API_KEY={server.key}\n"
    assert (server.mode, len(server.key)) == (0o600, 43)


def test_a_key_takes_the_place_of_its_empty_line_and_a_link_stays_one(server: Server):
    elsewhere = server.root / "settings"
    elsewhere.write_text("# a\n  export SECRET_API_KEY =\n# SECRET_API_KEY=no\nSECRET_API_KEY=''\nPORT=81\n")
    elsewhere.chmod(0o600)
    server.env.symlink_to(elsewhere)
    assert server.setup().returncode == 0
    assert elsewhere.read_text() == f"# a\nSECRET_API_KEY={server.key}\n# SECRET_API_KEY=no\nPORT=81\n"
    assert server.env.is_symlink()
    assert server.mode == 0o600


def test_a_new_key_is_another_each_time_and_one_of_the_environment_is_none_of_a_file_that_is_there(server: Server):
    keys = set()
    for _ in range(2):
        server.env.write_text("MODEL_VERSION=v1.0\n")
        server.env.chmod(0o600)
        assert server.setup(SECRET_API_KEY="which-a-service-under-systemd-would-not-have").returncode == 0
        keys.add(server.key)
    assert len(keys) == 2


def test_a_key_that_is_there_stays_and_those_who_may_read_it_become_fewer(server: Server):
    server.env.write_text("SECRET_API_KEY=mine-0f5c9b7a1e3d2846\n")
    server.env.chmod(0o644)
    assert ".env: others may read it" in server.setup("--check").stderr
    assert server.mode == 0o644
    assert ".env: others could read it: it has mode 600 now" in server.setup().stderr
    assert server.mode == 0o600
    assert server.env.read_text() == "SECRET_API_KEY=mine-0f5c9b7a1e3d2846\n"


GOOD_KEY = "SECRET_API_KEY=mine-0f5c9b7a1e3d2846\n"


@pytest.mark.parametrize(
    "line",
    [
        "PORT=80OO",
        "# gr\xfc\xdfe".encode("latin-1"),
        "MODEL_VERSION=",
        "LOG_LEVEL: info",
        "DRAWING_DAYS=-1",
        "PORT=81\nPORT=82",
    ],
    ids=["port", "latin-1", "empty", "colon", "days", "twice"],
)
def test_settings_that_cannot_be_read_end_the_run_before_anything_is_written(server: Server, line: str | bytes):
    """A failed look-up was once taken for an empty key, and a random one replaced the good one."""
    assert server.setup().returncode == 0
    server.env.write_bytes(GOOD_KEY.encode() + (line if isinstance(line, bytes) else line.encode()) + b"\n")
    server.env.chmod(0o644)
    before = server.contents()
    done = server.setup()
    assert done.returncode == 3, done.stderr
    assert server.contents() == before
    assert ".env" in done.stderr and "settings: " in done.stderr


@pytest.mark.parametrize("key", ['"mine-0f5c9b7a1e3d2846"', "'mine-0f5c9b7a1e3d2846'", "mine-\xfc-0f5c9b7a1e3d2846"])
def test_a_key_of_the_environment_that_cannot_be_ends_the_run_before_anything_is_written(server: Server, key: str):
    leave_behind(server.root)
    before = server.contents()
    done = server.setup(SECRET_API_KEY=key)
    assert done.returncode == 3, done.stderr
    assert "SECRET_API_KEY" in done.stderr and "mine" not in done.stderr
    assert server.contents() == before


def test_a_random_text_that_cannot_be_made_is_not_written(server: Server):
    server.env.write_text("MODEL_VERSION=v1.0\n")
    server.env.chmod(0o600)
    (packages,) = (server.root / ".venv/lib").glob("python*/site-packages")
    (packages / "sitecustomize.py").write_text("import secrets\nsecrets.token_urlsafe = lambda size: ''\n")
    done = server.setup()
    assert done.returncode != 0
    assert "no random text could be made" in done.stderr
    assert server.env.read_text() == "MODEL_VERSION=v1.0\n"


def test_what_an_interrupted_run_left_is_no_obstacle(server: Server):
    (server.root / ".env.draft").write_text("half a fi")
    (server.root / "models/.incoming-old/v1.0").mkdir(parents=True)
    (server.root / "models/.incoming-old/v1.0/digit_classifier_v1.pkl").write_bytes(b"half")
    done = server.setup()
    assert done.returncode == 0, done.stderr
    assert server.env.read_text() == server.pattern
    assert not (server.root / ".env.draft").exists()
    assert not list((server.root / "models").glob(".incoming-*"))


def test_nothing_in_env_is_executed(server: Server):
    server.env.write_text("MODEL_REPO=$(touch canary)\nMODEL_VERSION=`touch canary`\n")
    done = server.setup(cwd=server.root)
    assert done.returncode != 0
    assert not (server.root / "canary").exists()


def test_a_bad_setting_ends_it_with_its_own_exit_code(server: Server):
    server.env.write_text("REQUIRE_LOCK=perhaps\n")
    done = server.setup()
    assert done.returncode == 3
    assert "REQUIRE_LOCK=perhaps" in done.stderr


def test_every_version_that_is_named_is_pulled(server: Server, published: Callable[[str], Published]):
    server.repository.release("v2.0", published("v2.0").files)
    server.env.write_text("MODEL_VERSIONS=v1.0,v2.0\n")
    server.env.chmod(0o600)
    check = server.setup("--check")
    assert "release: would ask MODEL_REPO for v1.0 v2.0" in check.stderr
    done = server.setup()
    assert done.returncode == 0, done.stderr
    for version in ("v1.0", "v2.0"):
        assert f"local release {version}: built before: nothing to do" in done.stderr
        assert (server.root / "models" / version / "record.json").exists()
    assert "version v1.0, classes 1 2 3" in done.stdout, "the default is what is tried"


def test_a_repository_that_cannot_be_reached_is_no_obstacle_while_its_release_is_in_place(server: Server):
    away = server.root / "away.git"
    home = server.root / "home.git"
    shutil.copytree(server.root / "pixelwise-model/releases.git", home)
    here = {"MODEL_REPO": "home.git"}
    assert server.setup(**here).returncode == 0
    home.rename(away)
    done = server.setup(**here)
    assert done.returncode == 0, done.stderr
    assert "home.git" in done.stderr
    assert "Pred:" in done.stdout


def test_a_release_of_another_repository_does_not_stand_in_for_one_that_cannot_be_reached(server: Server):
    assert server.setup().returncode == 0
    done = server.setup(MODEL_REPO="nowhere.git")
    assert done.returncode == 6
    assert "nowhere.git" in done.stderr
    assert "Pred:" not in done.stdout


def test_a_moved_tag_is_refused_and_the_model_stays(server: Server, published: Callable[[str], Published]):
    assert server.setup().returncode == 0
    before = server.contents()
    server.repository.release("v1.0", {**published("v1.0").files, "train.py": b"other\n"})
    done = server.setup()
    assert done.returncode == 4
    assert "tag v1.0: moved to commit " in done.stderr
    after = server.contents()
    assert {name: after[name] for name in before if name.startswith("models/")} == {
        name: content for name, content in before.items() if name.startswith("models/")
    }


def test_an_unknown_option_is_refused_with_those_there_are(server: Server):
    done = server.setup("--nonsense")
    assert done.returncode == 2
    assert "--check" in done.stderr


@pytest.mark.parametrize("arguments", [("--postgresql",), ("--nginx", "digits.example.org"), ("--service", "--nginx")])
def test_options_that_want_another_are_refused(server: Server, arguments: tuple[str, ...]):
    before = server.contents()
    assert server.setup(*arguments).returncode == 2
    assert server.contents() == before


def test_half_a_script_does_nothing(server: Server):
    """Every line but the last only defines: a download that breaks off runs nothing."""
    script = server.root / "setup-server.sh"
    *lines, last = script.read_text().splitlines()
    assert last == 'main "$@"; exit'
    script.write_text("\n".join(lines) + "\n")
    before = server.contents()
    assert server.setup().returncode == 0
    assert server.contents() == before
    assert "set -euo pipefail" in lines


# -- system packages: never the real apt-get ---------------------------------------------------------------------------


@pytest.fixture
def bare(server: Server, tmp_path: Path) -> Callable[..., Done]:
    """Runs it with only these programs; a fake one writes its name and arguments into `calls`."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def run(*fakes: str, user: int, arguments: tuple[str, ...] = ()) -> Done:
        for name in ("bash", "dirname", "env", "cat"):
            (folder / name).symlink_to(shutil.which(name) or name)
        for name in (*fakes, "id"):
            body = f"echo {user}" if name == "id" else f'echo {name} "$@" >> {tmp_path}/calls'
            if name == "sudo":
                body += '\nshift\n"$@"'
            (folder / name).write_text(f"#!/bin/sh\n{body}\n")
            (folder / name).chmod(0o755)
        return server.setup(*arguments, PATH=str(folder))

    return run


def calls(tmp_path: Path) -> list[str]:
    file = tmp_path / "calls"
    return file.read_text().splitlines() if file.exists() else []


def test_without_the_right_to_install_it_names_what_is_missing(bare: Callable[..., Done], tmp_path: Path):
    done = bare("apt-get", user=1000)
    assert done.returncode == 3
    assert "apt-get install python3 python3-venv git" in done.stderr
    assert calls(tmp_path) == []


def test_on_another_system_it_names_what_is_missing(bare: Callable[..., Done]):
    done = bare(user=0)
    assert done.returncode == 3
    assert "missing: python3 python3-venv git" in done.stderr


@pytest.mark.parametrize(("user", "prefix"), [(0, ""), (1000, "sudo")])
def test_where_it_may_it_installs_without_asking(bare: Callable[..., Done], tmp_path: Path, user: int, prefix: str):
    bare("apt-get", *([prefix] if prefix else []), user=user)
    installed = [line for line in calls(tmp_path) if line.startswith("apt-get")]
    assert installed == ["apt-get update -qq", "apt-get install -y -qq python3 python3-venv git"]
    if prefix:
        assert all(line.startswith("sudo -n ") for line in calls(tmp_path) if line not in installed)


def test_check_installs_nothing_even_where_it_may(bare: Callable[..., Done], tmp_path: Path):
    done = bare("apt-get", user=0, arguments=("--check",))
    assert "would install python3 python3-venv git" in done.stderr
    assert calls(tmp_path) == []
