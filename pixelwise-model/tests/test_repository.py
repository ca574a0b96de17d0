import subprocess
import time
from pathlib import Path

import pytest

from errors import GitFailed, ReleaseRefused, RemoteUnreachable, TagExists
from repository import ReleaseRepository, version_key


def git(repository: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(repository), *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path):
    return ReleaseRepository(tmp_path / "deep" / "releases.git")


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "MODELCARD.md").write_text("a card\r\nwith odd ends")
    (folder / "model.pkl").write_bytes(b"\x80\x05\r\n\x00")
    return folder


@pytest.fixture
def remote(tmp_path):
    """A fork, as a local bare repository."""
    subprocess.run(["git", "init", "--quiet", "--bare", str(tmp_path / "fork.git")], check=True)
    return str(tmp_path / "fork.git")


def test_a_release_is_a_commit_and_an_annotated_tag_of_its_own_identity(repository, folder):
    commit = repository.publish("v1.0", folder, "Release v1.0")
    assert git(repository.path, "cat-file", "-t", "v1.0") == "tag"
    assert (
        git(repository.path, "rev-parse", "v1.0^{commit}")
        == commit
        == git(repository.path, "rev-parse", "main")
    )
    assert git(repository.path, "log", "-1", "--format=%an <%ae> %s") == (
        "PixelWise release <release@pixelwise.invalid> Release v1.0"
    )
    assert "tagger PixelWise release <release@pixelwise.invalid>" in git(
        repository.path, "cat-file", "tag", "v1.0"
    )
    assert git(repository.path, "fsck", "--strict") == ""


def test_the_bytes_of_every_file_are_kept(repository, folder, tmp_path):
    repository.publish("v1.0", folder, "Release v1.0")
    git(tmp_path, "clone", "--quiet", "--branch", "v1.0", str(repository.path), "clone")
    for path in folder.iterdir():
        stored = subprocess.run(
            ["git", "-C", str(repository.path), "cat-file", "blob", f"v1.0:{path.name}"], capture_output=True
        )
        assert stored.stdout == path.read_bytes()


def test_a_repository_that_would_change_line_ends_does_not(repository, folder):
    repository.publish("v1.0", folder, "Release v1.0")
    git(repository.path, "config", "core.autocrlf", "true")
    repository.publish("v1.1", folder, "Release v1.1")
    assert git(repository.path, "rev-parse", "v1.0^{tree}") == git(
        repository.path, "rev-parse", "v1.1^{tree}"
    )


def test_releases_follow_each_other_and_hold_only_their_own_files(repository, folder):
    first = repository.publish("v1.0", folder, "Release v1.0")
    (folder / "model.pkl").rename(folder / "other.pkl")
    second = repository.publish("v1.1", folder, "Release v1.1")
    assert git(repository.path, "rev-parse", "v1.1^{commit}^") == first
    assert git(repository.path, "rev-parse", "main") == second
    assert git(repository.path, "ls-tree", "--name-only", "v1.1").split() == ["MODELCARD.md", "other.pkl"]


def test_a_tag_is_never_moved_and_a_refused_release_leaves_nothing(repository, folder):
    repository.publish("v1.0", folder, "Release v1.0")
    before = git(repository.path, "for-each-ref")
    (folder / "MODELCARD.md").write_text("another card")
    with pytest.raises(GitFailed, match="update-ref"):
        repository.publish("v1.0", folder, "Release v1.0 again")
    assert git(repository.path, "for-each-ref") == before


def test_a_release_that_git_refuses_leaves_no_tag_and_no_repository(tmp_path, folder):
    (folder / "subfolder").mkdir()
    repository = ReleaseRepository(tmp_path / "releases.git")
    with pytest.raises(GitFailed, match="hash-object"):
        repository.publish("v1.0", folder, "Release v1.0")
    assert git(repository.path, "for-each-ref") == ""
    assert [path.name for path in tmp_path.glob(".releases-*")] == []


def test_nobodys_git_configuration_or_environment_changes_a_release(
    repository, folder, tmp_path, monkeypatch
):
    config = tmp_path / "gitconfig"
    config.write_text(
        "[user]\n name = Me\n email = me@example.org\n[core]\n autocrlf = true\n[commit]\n gpgSign = true\n"
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Me")
    for variable in ("GIT_DIR", "GIT_OBJECT_DIRECTORY"):
        monkeypatch.setenv(variable, str(tmp_path / "elsewhere"))
    repository.publish("v1.0", folder, "Release v1.0")
    for variable in ("GIT_DIR", "GIT_OBJECT_DIRECTORY"):
        monkeypatch.delenv(variable)
    assert git(repository.path, "log", "-1", "--format=%an", "main") == "PixelWise release"
    assert git(repository.path, "cat-file", "-s", "v1.0:MODELCARD.md") == str(len("a card\r\nwith odd ends"))


def test_the_same_release_built_twice_with_one_date_is_one_commit_and_one_tag_object(
    folder, tmp_path, monkeypatch
):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    builds = []
    for name, zone, clock in (("one.git", "UTC", 1), ("two.git", "Asia/Tokyo", 2)):
        monkeypatch.setenv("TZ", zone)
        monkeypatch.setattr("time.time", lambda clock=clock: clock)
        built = ReleaseRepository(tmp_path / name)
        built.publish("v1.0", folder, "Release v1.0")
        built.publish("v1.1", folder, "Release v1.1")
        builds.append(git(built.path, "for-each-ref"))
    assert builds[0] == builds[1]
    assert git(built.path, "log", "--format=%ad|%cd", "--date=raw", "v1.1") == "\n".join(
        ["1700000000 +0000|1700000000 +0000"] * 2
    )
    assert "> 1700000000 +0000" in git(built.path, "cat-file", "tag", "v1.1")
    assert git(built.path, "fsck", "--strict") == ""


@pytest.mark.parametrize("second", ["0", "7", "0099999999", "9999999999"])
def test_any_second_that_can_be_given_is_a_date(repository, folder, monkeypatch, second):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", second)
    repository.publish("v1.0", folder, "Release v1.0")
    assert git(repository.path, "log", "-1", "--format=%at %ct", "v1.0") == f"{int(second)} {int(second)}"
    assert git(repository.path, "fsck", "--strict") == ""


def test_without_a_given_date_it_is_the_clocks(repository, folder, monkeypatch):
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    before = int(time.time())
    repository.publish("v1.0", folder, "Release v1.0")
    dates = git(repository.path, "log", "-1", "--format=%at %ct", "v1.0").split()
    dates.append(git(repository.path, "for-each-ref", "--format=%(taggerdate:unix)", "refs/tags/v1.0"))
    assert all(before <= int(date) <= time.time() for date in dates)


@pytest.mark.parametrize("bad", ["", "yesterday", "-1", "1.5", " 1", "1\n", "10000000000", "١"])
def test_a_date_that_is_no_second_is_refused_before_anything_is_made(repository, folder, monkeypatch, bad):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", bad)
    with pytest.raises(ReleaseRefused, match=r"^SOURCE_DATE_EPOCH=.*no number of seconds.*Unset it"):
        repository.publish("v1.0", folder, "Release v1.0")
    assert not repository.path.exists()


def test_versions_are_sorted_as_numbers_and_other_tags_are_none(repository, folder):
    assert repository.versions() == []
    for version in ("v1.10", "v1.9", "v2.0"):
        repository.publish(version, folder, version)
    git(repository.path, "tag", "latest", "v2.0")
    assert repository.versions() == ["v1.9", "v1.10", "v2.0"]
    assert repository.previous("v2.0") == "v1.10"
    assert repository.previous("v1.9") is None
    assert repository.previous("v3.0") == "v2.0"


def test_a_text_of_an_earlier_release_can_be_read(repository, folder):
    repository.publish("v1.0", folder, "Release v1.0")
    assert repository.read("v1.0", "MODELCARD.md").startswith("a card")
    assert repository.read("v1.0", "absent.md") is None


@pytest.mark.parametrize("version", ["1.0", "v1", "v1.0.0", "v1.0-rc", "", "v1.0\n", "--force"])
def test_a_version_of_another_shape_is_refused(version):
    with pytest.raises(ReleaseRefused, match=r"expected vN\.N"):
        version_key(version)


def test_a_folder_that_is_no_repository_is_refused(tmp_path, folder):
    with pytest.raises(GitFailed, match="not a git repository"):
        ReleaseRepository(folder).publish("v1.0", folder, "Release v1.0")


# -- a fork: a local bare remote ------------------------------------------------------------------------


def test_a_pushed_release_is_the_same_commit_and_tag(repository, folder, remote):
    commit = repository.publish("v2.0", folder, "Release v2.0")
    assert not repository.published_at("v2.0", remote)
    repository.push("v2.0", remote)
    assert repository.published_at("v2.0", remote)
    assert git(remote, "rev-parse", "v2.0^{commit}") == commit
    assert git(remote, "for-each-ref", "--format=%(refname)") == "refs/tags/v2.0"


def test_another_release_of_that_name_at_the_remote_is_never_overwritten(
    repository, folder, remote, tmp_path
):
    theirs = ReleaseRepository(tmp_path / "theirs.git")
    theirs.publish("v2.0", folder, "Their v2.0")
    theirs.push("v2.0", remote)
    with pytest.raises(TagExists, match=r"a tag v2\.0 in "):
        repository.published_at("v2.0", remote)
    repository.publish("v2.0", folder, "Our v2.0")
    with pytest.raises(RemoteUnreachable, match="already exists"):
        repository.push("v2.0", remote)
    assert git(remote, "rev-parse", "v2.0") == git(theirs.path, "rev-parse", "v2.0")


def test_a_remote_that_is_not_there_is_named(repository, folder, tmp_path):
    repository.publish("v1.0", folder, "Release v1.0")
    for ask in (repository.published_at, repository.push):
        with pytest.raises(RemoteUnreachable, match=r"absent\.git") as refusal:
            ask("v1.0", str(tmp_path / "absent.git"))
        assert refusal.value.exit_code == 6


def test_an_address_is_never_taken_for_an_option(repository, folder, tmp_path):
    repository.publish("v1.0", folder, "Release v1.0")
    for ask in (repository.published_at, repository.push):
        with pytest.raises(RemoteUnreachable):
            ask("v1.0", f"--upload-pack=touch {tmp_path / 'canary'}")
    assert not (tmp_path / "canary").exists()
