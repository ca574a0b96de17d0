"""deploy/Containerfile: what stands in it; and, with PIXELWISE_CONTAINER=1 (`make soak`), the image that it makes.

The image is built by buildah on Debian's own Python, made by debootstrap, and run in a mount namespace with a root file
system that is read-only, as user 10001: some five minutes, and 2 GB of disk.
"""

from __future__ import annotations

import fnmatch
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.environment.database_password import DB_PASSWORD
from app.settings import DEFAULTS
from tests.deploy.manifests import CONTAINERFILE, KEY, image_environ
from tests.deploy.test_nginx import free_port
from tests.installation import ROOT

TEXT = CONTAINERFILE.read_text().replace("\\\n", " ")
OURS = {"PATH", "HOME", "PYTHONDONTWRITEBYTECODE", "OPENBLAS_NUM_THREADS"}
MOST_BYTES = 320 << 20
"""What the image may have beyond the one that it is made from."""
NEEDED = {"buildah": "buildah", "debootstrap": "debootstrap", "unshare": "util-linux", "setpriv": "util-linux"}


def seen_by_a_build(path: str) -> bool:
    """Whether .dockerignore lets a path of the tree through; the last line that fits decides."""
    visible = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        pattern = line.removeprefix("!")
        if any(fnmatch.fnmatch(part, pattern) for part in (path, *map(str, Path(path).parents))):
            visible = line.startswith("!")
    return visible


def test_what_is_installed_is_hashed_and_what_is_pulled_is_locked():
    assert re.findall(r"pip install (.*)", TEXT)[0].split()[1:4] == ["--only-binary", ":all:", "--require-hashes"]
    assert re.findall(r"pixelwise pull (\S+)", TEXT) == ["--frozen"]
    assert 'CMD ["pull", "--frozen"]' in TEXT
    assert image_environ()["REQUIRE_LOCK"] == "true"


def test_its_environment_is_of_settings_and_has_no_secret():
    assert set(image_environ()) - OURS <= set(DEFAULTS)
    assert not {"SECRET_API_KEY", DB_PASSWORD} & set(re.findall(r"\w+", re.sub("#.*", "", TEXT)))


def test_a_build_sees_what_it_copies_and_nothing_secret():
    copied = [
        word
        for line in re.findall(r"^COPY (?!--from)(.*)$", TEXT, re.MULTILINE)
        for word in line.split()[:-1]
    ]  # fmt: skip
    assert len(copied) > 6
    for pattern in copied:
        found = list(ROOT.glob(pattern))
        assert found, pattern
        assert all(seen_by_a_build(str(path.relative_to(ROOT))) for path in found), pattern
    for secret in (
        ".env",
        ".git/config",
        "data/pixelwise.db",
        "models/v1.0",
        "pixelwise-model/releases.git",
        "tests/x.py",
    ):
        assert not seen_by_a_build(secret), secret


def test_the_last_stage_is_the_service_and_none_after_the_build_has_its_tools():
    stages = re.findall(r"^FROM (\S+) AS (\w+)$", TEXT, re.MULTILINE)
    assert [name for _, name in stages] == ["build", "product", "puller", "release", "service"]
    assert stages[-1] == ("product", "service")
    product = TEXT.partition(" AS product\n")[2].partition("\nFROM ")[0]
    assert "apt-get" not in product and "pip" not in product
    assert "USER 10001:10001" in product


# -- the image itself --------------------------------------------------------------------------------------------------

ROOM = """
set -e
root=$1; shift
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount -t tmpfs -o uid=10001,gid=10001,mode=700 tmpfs "$root/data"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
exec chroot "$root" setpriv --reuid=10001 --regid=10001 --clear-groups --no-new-privs --bounding-set=-all \
  env -i -C /opt/pixelwise "$@"
"""
ASK = """
id -u
touch /x /opt/pixelwise/x 2>/dev/null && echo "the root can be written to"
pixelwise serve 2>/tmp/log & service=$!
python deploy/wait_until_ready.py "http://127.0.0.1:$PORT" 60 && echo ready
kill $service; wait $service; echo "exit $?"
SECRET_API_KEY=change-me pixelwise serve 2>/dev/null; echo "exit $?"
for name in sklearn joblib pytest pip; do python -c "import $name" 2>/dev/null && echo "has $name"; done
for name in gcc cc git make; do command -v $name && echo "has $name"; done
true
"""


class Image:
    """A built image, mounted."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def run(self, script: str, **environ: str) -> list[str]:
        """The lines that a script says within it."""
        settings = {**image_environ(), "MODEL_VERSION": "v1.0", "MODEL_REPO": "/releases.git", **environ}
        given = [f"{name}={value}" for name, value in settings.items()]
        command = [
            "unshare",
            "--mount",
            "--pid",
            "--fork",
            "bash",
            "-c",
            ROOM,
            "-",
            self.root,
            *given,
            "sh",
            "-c",
            script,
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    if os.environ.get("PIXELWISE_CONTAINER") != "1":
        pytest.skip("builds an image in some five minutes: PIXELWISE_CONTAINER=1")
    if os.geteuid() != 0:
        pytest.skip("only root can make a root file system")
    for program, package in NEEDED.items():
        if shutil.which(program) is None:
            pytest.skip(f"no {program} here (Debian: apt-get install {package})")
    with _built(tmp_path_factory.mktemp("container")) as built:
        yield built


@contextmanager
def _built(folder: Path) -> Iterator[Image]:
    base, context = folder / "base", folder / "context"
    storage = ["--root", str(folder / "root"), "--runroot", str(folder / "run")]

    def buildah(*arguments: str | Path) -> str:
        command = ["buildah", *storage, "--storage-driver", "overlay", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout.strip()

    # The base image's place is taken by Debian's Python, which trusts whom this machine trusts.
    packages = "--include=python3,python3-venv,ca-certificates"
    subprocess.run(["debootstrap", "--variant=minbase", packages, "bookworm", base], check=True, capture_output=True)
    shutil.copy("/etc/ssl/certs/ca-certificates.crt", base / "etc/ssl/certs/ca-certificates.crt")
    (base / "etc/pip.conf").write_text("[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n")
    made = buildah("from", "scratch")
    buildah("add", "-q", made, base, "/")
    buildah("commit", "-q", made, "localhost/python")
    shutil.rmtree(base)

    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in files.split("\0")[:-1]:
        (context / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, context / name)
    (context / ".env").write_text("SECRET_API_KEY=must-not-be-in-the-image\n")
    shutil.copytree(ROOT / "models", context / "models", symlinks=True)
    lock = [ROOT / ".venv/bin/python", "-c", "import app.cli; app.cli.main()", "lock", "v1.0"]
    subprocess.run(
        lock, cwd=context, env={"PATH": os.environ["PATH"], "PYTHONPATH": "."}, check=True, capture_output=True
    )

    releases = f"{ROOT / 'pixelwise-model/releases.git'}:/releases.git:ro"
    arguments = ["--build-arg", "PYTHON_IMAGE=localhost/python", "--build-arg", "MODEL_REPO=/releases.git"]
    options = ["--isolation", "chroot", "--format", "docker", "-f", "deploy/Containerfile", "-v", releases]
    buildah("bud", *options, *arguments, "-t", "pixelwise", context)
    container = buildah("from", "localhost/pixelwise")
    try:
        yield Image(Path(buildah("mount", container)))
    finally:
        buildah("rm", "--all")


def test_the_image_serves_as_nobody_from_a_root_that_is_read_only(image: Image):
    said = image.run(ASK, SECRET_API_KEY=KEY, PORT=str(free_port()))
    assert said == ["10001", "ready", "exit 0", "exit 3"]


def test_the_image_has_no_secret_and_is_not_large(image: Image):
    assert not (image.root / "opt/pixelwise/.env").exists()
    installed = sum(path.lstat().st_size for path in (image.root / "opt/pixelwise").rglob("*"))
    assert installed < MOST_BYTES
