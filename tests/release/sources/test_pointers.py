from __future__ import annotations

import hashlib

import pytest

from app.release.pin import Pin
from app.release.record import SUMS
from app.release.refusals import BadRelease, ChangedFile, WrongSize
from app.release.sources.address import parse_address
from app.release.sources.git import Git
from app.release.sources.git_source import GitSource, Tag, read_committed, read_tree, resolve
from app.release.sources.pointers import Pointer, ReadCommitted, checked
from tests.release.conftest import House
from tests.release.remote import FILES, PKL, Remote, sums

DATA = FILES[PKL]
MD5 = hashlib.md5(DATA).hexdigest()


class Notes:
    """A system of pointers: NAME.note has "md5 size", and the contents lie in the commit at its word."""

    def may_be(self, name: str, size: int) -> bool:
        return name.endswith(".note")

    def find(self, version: str, name: str, data: bytes) -> Pointer | None:
        digest, size = data.decode().split()
        return Pointer(version, name.removesuffix(".note"), int(size), "md5", digest, "notes")

    def read(self, pointer: Pointer, committed: ReadCommitted, *, limit: int) -> bytes:
        data = committed(f"store/{pointer.digest}", limit)
        assert data is not None
        return data


@pytest.fixture
def source(remote: Remote, house: House) -> GitSource:
    folder = house.root / "work"
    folder.mkdir()
    return GitSource(Git(folder, parse_address(str(remote.folder), root=house.root)), [Notes()])


def publish(remote: Remote, contents: bytes = DATA, **more: bytes) -> None:
    blob = remote.blob(contents)
    store = remote.git("mktree", data=f"100644 blob {blob}\t{MD5}\n".encode())
    files = {name: data for name, data in FILES.items() if name != PKL}
    note = f"{MD5} {len(DATA)}".encode()
    entries = {**files, f"{PKL}.note": note, SUMS: sums(FILES), **more}
    remote.release("v1.0", entries, more=(("40000", "store", store),))


def listed(source: GitSource) -> Pin:
    pin = source.resolve("v1.0")
    source.list(pin)
    return pin


def test_a_pointer_under_a_name_of_its_own_is_left_out_for_the_file_that_it_stands_for(
    source: GitSource, remote: Remote
) -> None:
    publish(remote)
    pin = source.resolve("v1.0")
    listing = source.list(pin)
    assert {file.name: file.size for file in listing.files}[PKL] == len(DATA)
    assert list(listing.left_out) == ["store/", f"{PKL}.note"]
    assert source.read(pin, PKL, limit=len(DATA)) == DATA


def test_no_store_is_believed(source: GitSource, remote: Remote) -> None:
    publish(remote, DATA.replace(b"a", b"A", 1))
    with pytest.raises(ChangedFile, match=f"md5 {MD5} by its pointer of notes"):
        source.read(listed(source), PKL, limit=len(DATA))
    publish(remote, DATA[:-1])
    with pytest.raises(WrongSize):
        checked(Pointer("v1.0", PKL, len(DATA), "md5", MD5, "notes"), DATA[:-1])


def test_a_weak_digest_alone_is_refused(source: GitSource, remote: Remote) -> None:
    note = f"{MD5} {len(DATA)}".encode()
    remote.release("v1.0", {"train.py": b"x", f"{PKL}.note": note})
    with pytest.raises(BadRelease, match=f"file {PKL}: only an md5 digest, .* SHA256SUMS in git"):
        listed(source)


def test_a_file_of_a_weak_digest_that_the_sums_do_not_list_is_left_out(source: GitSource, remote: Remote) -> None:
    publish(remote, **{SUMS: sums({"train.py": b"x"})})
    listing = source.list(source.resolve("v1.0"))
    assert PKL not in {file.name for file in listing.files} and f"{PKL}.note" in listing.left_out


def test_a_pointer_beside_the_file_that_it_stands_for_is_refused(source: GitSource, remote: Remote) -> None:
    publish(remote, **{PKL: b"another"})
    with pytest.raises(BadRelease, match="one of two files"):
        listed(source)


def test_only_plain_files_of_the_commit_are_read_by_their_path(source: GitSource, remote: Remote, house: House) -> None:
    inner = remote.git(
        "mktree", data=f"100644 blob {remote.blob(b'x')}\tconfig\n120000 blob {remote.blob(b'y')}\tlink\n".encode()
    )
    remote.release("v1.0", FILES, more=(("40000", "folder", inner),))
    folder = house.root / "other"
    folder.mkdir()
    git = Git(folder, parse_address(str(remote.folder), root=house.root))
    tag: Tag = resolve(git, "v1.0")
    git.run("fetch", "--quiet", git.address.url, "refs/tags/v1.0:refs/tags/v1.0")
    assert read_committed(git, tag, "folder/config", 1) == b"x"
    for path in ("folder/link", "folder", "folder/", "gone", "folder/gone", "folder/*"):
        assert read_committed(git, tag, path, 10) is None, path
    with pytest.raises(BadRelease, match="outside repository"):
        read_committed(git, tag, "../config", 10)
    with pytest.raises(BadRelease, match="more than 7 bytes"):
        read_committed(git, tag, "train.py", 7)


def test_a_readme_that_repeats_the_card_is_left_out_and_another_is_not() -> None:
    def line(name: str, sha: str) -> bytes:
        return f"100644 blob {sha * 40} 5\t{name}\0".encode()

    listing, objects = read_tree("v1.0", line("MODELCARD.md", "1") + line("README.md", "1"))
    assert ([file.name for file in listing.files], list(listing.left_out)) == (["MODELCARD.md"], ["README.md"])
    assert objects.keys() == {"MODELCARD.md"}
    listing, _ = read_tree("v1.0", line("MODELCARD.md", "1") + line("README.md", "2"))
    assert [file.name for file in listing.files] == ["MODELCARD.md", "README.md"]
    listing, _ = read_tree("v1.0", line("README.md", "2"))
    assert [file.name for file in listing.files] == ["README.md"]


def test_a_pointer_to_what_the_sums_do_not_list_is_left_out_however_large_that_is(
    source: GitSource, remote: Remote
) -> None:
    publish(remote, **{"training.bin.note": f"{MD5} {300 << 20}".encode()})
    listing = source.list(source.resolve("v1.0"))
    assert "training.bin.note" in listing.left_out
    assert "training.bin" not in {file.name for file in listing.files}


def test_an_unlisted_pointer_takes_no_committed_file_with_it(source: GitSource, remote: Remote) -> None:
    publish(remote, **{"notes.txt": b"mine", "notes.txt.note": f"{MD5} 9".encode()})
    assert "notes.txt" in {file.name for file in source.list(source.resolve("v1.0")).files}
