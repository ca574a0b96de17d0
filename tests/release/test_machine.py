"""What this machine refuses during a pull is not blamed on the repository: own words, and a remedy for each cause."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.errors import ConfigurationError, PixelWiseError, SystemRefused, Unreachable
from app.release.record import read_record
from tests.release.conftest import House
from tests.release.remote import FILES, PKL, Remote

BIG = {**FILES, PKL: os.urandom(300_000)}


def mount(*arguments: str) -> None:
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")


@pytest.fixture
def on_a_small_disk(house: House) -> Iterator[Callable[[int], None]]:
    """Mounts a file system of so many KiB at models/."""
    mounted = []

    def mount_it(kibibytes: int) -> None:
        house.models.mkdir(exist_ok=True)
        mount("-t", "tmpfs", "-o", f"size={kibibytes}k", "tmpfs", str(house.models))
        mounted.append(house.models)

    yield mount_it
    for folder in mounted:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def read_only(house: House) -> Iterator[Callable[[], None]]:
    """Makes models/ a read-only file system, with what is in it."""
    mounted = []

    def mount_it() -> None:
        mount("--bind", str(house.models), str(house.models))
        mounted.append(house.models)
        mount("-o", "remount,bind,ro", str(house.models))

    yield mount_it
    for folder in mounted:
        subprocess.run(["umount", str(folder)], check=True)


# git fills the first ones, the copy of the fetched files, of the default's files the later ones
@pytest.mark.parametrize("kibibytes", [4, 32, 64, 128, 256, 340, 400, 500, 640, 700, 800, 900])
def test_a_full_disk_is_named_with_its_own_remedy_and_what_was_there_stays(
    house: House, remote: Remote, on_a_small_disk: Callable[[int], None], kibibytes: int
):
    remote.release("v1.0", BIG)
    on_a_small_disk(kibibytes)
    with pytest.raises(SystemRefused) as caught:
        house.pull(str(remote.folder))
    assert (caught.value.exit_code, caught.value.found) == (3, "no space left on its disk")
    assert "Free space" in caught.value.remedy and "MODEL_REPO" not in str(caught.value)
    assert str(house.models) in caught.value.subject


def test_a_pull_that_met_a_full_disk_leaves_the_release_in_place_whole(
    house: House, remote: Remote, tmp_path: Path, on_a_small_disk: Callable[[int], None]
):
    small = Remote(tmp_path / "small.git")
    small.release()
    remote.release("v1.0", BIG)
    on_a_small_disk(500)
    house.pull(str(small.folder))
    before = house.contents()
    with pytest.raises(SystemRefused, match="no space left"):
        house.pull(str(remote.folder))
    assert house.contents() == before


def test_a_read_only_file_system_is_named_with_its_own_remedy(
    house: House, remote: Remote, read_only: Callable[[], None]
):
    remote.release()
    house.pull(str(remote.folder))
    before = house.contents()
    read_only()
    with pytest.raises(SystemRefused, match=r"models.*: a read-only file system.*Mount it") as caught:
        house.pull(str(remote.folder))
    assert "MODEL_REPO" not in str(caught.value)
    assert house.contents() == before and read_record(house.models) is not None


@pytest.mark.parametrize("home", [None, "", "/nonexistent", "/dev/null"])
def test_a_missing_home_changes_nothing(
    house: House, remote: Remote, environment: Callable[..., dict[str, str]], home: str | None
):
    remote.release()
    environ = environment()
    del environ["HOME"]
    if home is not None:
        environ["HOME"] = home
    assert house.pull(str(remote.folder), environ=environ).outcome == "pulled"


# -- the words of git --------------------------------------------------------------------------------------------------

GIT = """#!/bin/sh
case "$*" in *ls-remote*) ;; *) exit 0 ;; esac
cat >&2 <<'END'
{said}
END
exit 128
"""


@pytest.fixture
def git_says(house: House, tmp_path: Path, environment: Callable[..., dict[str, str]]):
    """A pull from an address, whose git says this and fails."""

    def pull(said: str, repository: str) -> PixelWiseError:
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin/git").write_text(GIT.format(said=said))
        (tmp_path / "bin/git").chmod(0o755)
        path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
        with pytest.raises(PixelWiseError) as caught:
            house.pull(repository, environ=environment(PATH=path))
        return caught.value

    return pull


AWAY = "https://example.test/x.git"


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("fatal: write error: No space left on device", "no space left on its disk"),
        ("error: unable to write file objects/x: Disk quota exceeded", "a quota that is used up"),
        ("fatal: cannot mkdir x: Read-only file system", "a read-only file system"),
        ("error: open(x): Too many open files", "too many open files"),
    ],
)
@pytest.mark.parametrize("place", ["here", "away"])
def test_the_words_of_git_about_this_machine_are_understood(
    git_says: Callable[..., PixelWiseError], remote: Remote, said: str, found: str, place: str
):
    error = git_says(said, AWAY if place == "away" else str(remote.folder))
    assert isinstance(error, SystemRefused) and error.found == found


def test_that_git_cannot_write_is_about_this_machine_though_it_gives_no_cause(git_says):
    error = git_says("fatal: unable to write file x", AWAY)
    assert isinstance(error, ConfigurationError) and "df -h" in error.remedy and "unable to write" in error.found


def test_no_permission_is_about_this_machine_where_the_repository_is_a_folder_here(git_says, remote: Remote):
    error = git_says("fatal: could not open 'objects/x' for reading: Permission denied", str(remote.folder))
    assert isinstance(error, SystemRefused) and error.subject == str(remote.folder)
    assert "user who owns it" in error.remedy


@pytest.mark.parametrize(
    "said",
    [
        "git@example.test: Permission denied (publickey).",
        "remote: fatal: write error: No space left on device",
        "warning: unable to access '/root/.config/git/attributes': Permission denied\nfatal: no route",
        "fatal: unable to access 'https://example.test/x.git/': Could not resolve host",
    ],
)
def test_what_the_other_side_says_of_itself_is_not_about_this_machine(git_says, said: str):
    assert isinstance(git_says(said, AWAY), Unreachable)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_named(house: House, remote: Remote):
    remote.release()
    house.models.mkdir(mode=0o500)
    with pytest.raises(SystemRefused, match=r"models.*no permission"):
        house.pull(str(remote.folder))
