"""`setup-server.sh --service`, in a mount namespace: a copy of /etc, an empty /run, and a systemctl that starts what
the unit says, as the user that it names. The user, the settings, nginx's own check and the service are real.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.deploy.test_nginx import NAME, free_port
from tests.installation import Published
from tests.postgresql import Server as PostgreSQL
from tests.postgresql import postgresql as postgresql
from tests.test_setup import Done, Server

pytestmark = pytest.mark.long

UNIT = "systemd/system/pixelwise.service"
SITE = "nginx/sites-available/pixelwise"
NAMESPACE = """
set -e
# Python itself may lie in a home: that is opened here, with nothing in it but what is needed.
for path in $LIBRARIES; do mkdir -p "$FAKE/kept$path"; mount --bind "$path" "$FAKE/kept$path"; done
for folder in $PRIVATE; do mount -t tmpfs -o mode=755 tmpfs "$folder"; done
for path in $LIBRARIES; do mkdir -p "$path"; mount --bind "$FAKE/kept$path" "$path"; done
mount --bind "$ETC" /etc
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/system
exec "$@"
"""
SYSTEMCTL = """#!/bin/bash
# Stands in for systemd: notes what it is told, and runs pixelwise.service as the unit says.
echo "$*" >>"$FAKE/calls"
case "$*" in *"restart pixelwise") ;; *) exit 0 ;; esac
value() { sed -n "s/^$1=//p" /etc/systemd/system/pixelwise.service; }
if [ -e "$FAKE/pid" ]; then kill -HUP "$(cat "$FAKE/pid")"; exit; fi
cd "$(value WorkingDirectory)" || exit 1
read -ra command <<<"$(value ExecStart)"
setpriv --reuid="$(value User)" --regid="$(value User)" --clear-groups env -i "${command[@]}" \
  </dev/null >"$FAKE/log" 2>&1 &
echo $! >"$FAKE/pid"
"""


class Machine(Server):
    """A server on which systemd seems to run; `etc` is its /etc."""

    def __init__(self, folder: Path, compiled: Path, v1: Published) -> None:
        (folder / "pixelwise").mkdir()
        super().__init__(folder / "pixelwise", compiled, v1)
        for path in (self.root, *self.root.rglob("*")):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044))
        deploy = Path(__file__).resolve().parents[2] / "deploy"
        shutil.copytree(deploy, self.root / "deploy")
        self.etc, self.fake = folder / "etc", folder / "fake"
        subprocess.run(["cp", "-a", "/etc", self.etc], check=True)
        for left in (self.etc / UNIT, self.etc / SITE):
            left.unlink(missing_ok=True)
        self.fake.mkdir()
        (self.fake / "systemctl").write_text(SYSTEMCTL)
        (self.fake / "systemctl").chmod(0o755)
        self.port = free_port()
        self.env.write_text(f"# mine\nPORT={self.port}\nALLOWED_HOSTS=my.example.org\n")
        self.env.chmod(0o600)

    def run(self, *command: str, **environ: str) -> Done:
        """A command on that machine."""
        libraries = [Path(sys.base_prefix), Path(sysconfig.get_path("purelib"))]
        private = {folder for path in libraries for folder in path.parents if not folder.stat().st_mode & 0o001}
        outer = [folder for folder in private if not private & set(folder.parents)]
        home = {
            "PATH": f"{self.fake}:{os.environ['PATH']}:/usr/sbin:/sbin",
            "HOME": str(self.root),
            "PYTHONDONTWRITEBYTECODE": "1",
            "ETC": str(self.etc),
            "FAKE": str(self.fake),
            "LIBRARIES": " ".join(map(str, libraries)) if outer else "",
            "PRIVATE": " ".join(map(str, outer)),
        }
        inside = ["unshare", "--mount", "bash", "-c", NAMESPACE, "-", *command]
        return subprocess.run(inside, cwd="/", env={**home, **environ}, capture_output=True, text=True, timeout=180)

    def install(self, *arguments: str, **environ: str) -> Done:
        return self.run("bash", str(self.root / "setup-server.sh"), "--service", *arguments, **environ)

    def calls(self) -> list[str]:
        """What systemctl was told since this was last asked."""
        file = self.fake / "calls"
        told = file.read_text().splitlines() if file.exists() else []
        file.unlink(missing_ok=True)
        return told

    def settings(self) -> dict[str, str]:
        return dict(re.findall(r"^(\w+)=(.*)$", self.env.read_text(), re.MULTILINE))

    def stop(self) -> None:
        """The service, if it was started; it is a child of nobody here."""
        file = self.fake / "pid"
        if file.exists():
            pid = int(file.read_text())
            os.kill(pid, signal.SIGTERM)
            end = time.monotonic() + 40
            while Path(f"/proc/{pid}").exists() and "State:\tZ" not in Path(f"/proc/{pid}/status").read_text():
                assert time.monotonic() < end
                time.sleep(0.05)

    def user(self) -> int:
        """The number of the user pixelwise, in this machine's own list."""
        (number,) = re.findall(r"^pixelwise:x:(\d+):", (self.etc / "passwd").read_text(), re.MULTILINE)
        return int(number)


@pytest.fixture
def machine(compiled: Path, published: Callable[[str], Published]) -> Iterator[Machine]:
    if os.geteuid() != 0:
        pytest.skip("only root can make a user and a namespace")
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode:
        pytest.skip("no mount namespaces here")
    with tempfile.TemporaryDirectory(prefix="pixelwise-machine-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        made = Machine(folder, compiled, published("v1.0"))
        try:
            yield made
        finally:
            made.stop()


def test_it_runs_as_a_user_that_owns_its_data_and_its_settings_and_nothing_else(machine: Machine):
    done = machine.install()
    assert done.returncode == 0, done.stderr
    assert f"PixelWise answers at http://127.0.0.1:{machine.port}" in done.stderr
    assert httpx.get(f"http://127.0.0.1:{machine.port}/ready", trust_env=False).json()["status"] == "ready"
    assert machine.calls() == ["daemon-reload", "enable --quiet pixelwise", "reload-or-restart pixelwise"]
    unit = (machine.etc / UNIT).read_text()
    assert f"ExecStart={machine.root}/.venv/bin/pixelwise serve\n" in unit
    assert f"ReadWritePaths={machine.root}/data\n" in unit
    assert "/opt/pixelwise" not in unit.partition("[Unit]")[2]
    in_a_home = Path(sys.executable).resolve().parts[1] in ("home", "root")
    assert f"ProtectHome={'read-only' if in_a_home else 'true'}\n" in unit
    user = machine.user()
    pid = int((machine.fake / "pid").read_text())
    assert Path(f"/proc/{pid}").stat().st_uid == user
    owned = {path.relative_to(machine.root).parts[0] for path in machine.root.rglob("*") if path.lstat().st_uid == user}
    assert owned == {".env", "data"}
    assert {stat.S_IMODE((machine.root / name).stat().st_mode) for name in (".env", "data/pixelwise.db")} == {0o600}
    assert stat.S_IMODE((machine.root / "data").stat().st_mode) == 0o700
    assert len(machine.settings()["SECRET_API_KEY"]) == 43
    assert machine.settings()["SECRET_API_KEY"] not in done.stdout + done.stderr + unit

    before = machine.contents()
    again = machine.install()
    assert again.returncode == 0, again.stderr
    assert "user pixelwise: nothing to do" in again.stderr
    assert f"/etc/{UNIT}: nothing to do" in again.stderr
    assert machine.calls() == ["enable --quiet pixelwise", "reload-or-restart pixelwise"]
    changed = {name for name, content in machine.contents().items() if before.get(name) != content}
    assert all(name.startswith("data/") for name in changed)


def test_its_data_may_lie_elsewhere_in_a_folder_of_its_own(machine: Machine):
    data = machine.root.parent / "var"
    machine.env.write_text(f"{machine.env.read_text()}DATA_DIR={data}\n")
    data.mkdir()
    (data / "other").write_text("of somebody else")
    done = machine.install()
    assert done.returncode == 3
    assert f"DATA_DIR={data} holds more than what the service writes" in done.stderr
    assert (data.stat().st_uid, (data / "other").stat().st_uid) == (0, 0)
    assert not (machine.etc / UNIT).exists()

    (data / "other").unlink()
    done = machine.install()
    assert done.returncode == 0, done.stderr
    assert f"ReadWritePaths={data}\n" in (machine.etc / UNIT).read_text()
    assert {"pixelwise.db", "service.json"} <= {path.name for path in data.iterdir()}
    assert data.stat().st_uid == machine.user()
    assert not (machine.root / "data").exists()


def test_check_says_it_all_and_does_nothing(machine: Machine):
    before, etc = machine.contents(), (machine.etc / "passwd").read_bytes()
    done = machine.install("--check", "--postgresql", "--nginx", NAME)
    assert done.returncode == 0, done.stderr
    for step in ("user pixelwise: would", f"/etc/{UNIT}: would", "enabled, and started", f"would add {NAME}"):
        assert step in done.stderr, done.stderr
    assert machine.contents() == before
    assert (machine.etc / "passwd").read_bytes() == etc
    assert machine.calls() == []


def test_with_nginx_it_knows_its_name_and_its_proxy(machine: Machine):
    if shutil.which("nginx", path="/usr/sbin:/usr/bin") is None:
        say = pytest.fail if os.environ.get("PIXELWISE_NGINX") == "required" else pytest.skip
        say("no nginx here (Debian: apt-get install nginx)")
    done = machine.install("--nginx", NAME.upper())
    assert done.returncode == 0, done.stderr
    settings = machine.settings()
    assert settings["ALLOWED_HOSTS"] == f"'my.example.org {NAME}'"
    assert settings["TRUSTED_PROXIES"] == "127.0.0.1/32"
    site = (machine.etc / SITE).read_text()
    assert f"server_name {NAME};" in site
    assert f"server 127.0.0.1:{machine.port};" in site
    assert (machine.etc / "nginx/sites-enabled/pixelwise").is_symlink()
    assert machine.calls()[-1] == "reload-or-restart nginx"

    (machine.etc / SITE).write_text(site + "# certbot was here\n")
    again = machine.install("--nginx", NAME)
    assert again.returncode == 0, again.stderr
    assert machine.settings() == settings
    assert (machine.etc / SITE).read_text().endswith("# certbot was here\n")

    (machine.etc / SITE).write_text("nonsense;\n")
    broken = machine.install("--nginx", NAME)
    assert broken.returncode == 3
    assert "nonsense" in broken.stderr
    assert not (machine.etc / "nginx/sites-enabled/pixelwise").is_symlink()


def test_with_postgresql_it_gets_a_role_a_database_and_a_password_of_its_own(machine: Machine, postgresql: PostgreSQL):
    there = {"PGHOST": "127.0.0.1", "PGPORT": str(postgresql.port), "PGUSER": "postgres"}
    done = machine.install("--postgresql", **there)
    assert done.returncode == 0, done.stderr
    address = machine.settings()["DATABASE_URL"]
    found = re.fullmatch(rf"postgresql://pixelwise:([\w-]{{43}})@127\.0\.0\.1:{postgresql.port}/pixelwise", address)
    assert found
    assert found[1] not in done.stdout + done.stderr
    assert f"Database postgresql 127.0.0.1:{postgresql.port}/pixelwise" in done.stderr
    again = machine.install("--postgresql", **there)
    assert again.returncode == 0, again.stderr
    assert machine.settings()["DATABASE_URL"] == address
    assert "start postgresql" in machine.calls()


def test_root_upgrades_the_model_and_the_settings_stay_the_service_s_own(
    machine: Machine, published: Callable[[str], Published]
):
    machine.repository.release("v1.1", published("v1.1").files)
    assert machine.install().returncode == 0
    done = machine.run(str(machine.root / ".venv/bin/pixelwise"), "upgrade", "v1.1")
    assert done.returncode == 0, done.stderr
    assert machine.env.stat().st_uid == machine.user()
    served = httpx.get(f"http://127.0.0.1:{machine.port}/health", trust_env=False).json()
    assert served["model_version"] == "v1.1"


def test_a_tree_that_the_user_may_not_read_is_refused_and_not_opened(machine: Machine):
    machine.root.chmod(0o700)
    done = machine.install()
    assert done.returncode == 3
    assert "Move the tree" in done.stderr
    assert machine.env.stat().st_uid == 0
    assert stat.S_IMODE(machine.root.stat().st_mode) == 0o700
    assert not (machine.etc / UNIT).exists()


def test_without_systemd_it_is_refused_before_anything_is_done(machine: Machine):
    before = machine.contents()
    environ = {"PATH": os.environ["PATH"]}
    hidden = ["unshare", "--mount", "bash", "-c", 'mount -t tmpfs tmpfs /run && exec "$@"', "-"]
    command = [*hidden, "bash", str(machine.root / "setup-server.sh"), "--service"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 3
    assert "does not run systemd" in done.stderr
    assert machine.contents() == before
