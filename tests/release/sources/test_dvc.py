"""DVC's pointers in a git repository, honest and hostile."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from app.errors import PixelWiseError, Unreachable
from app.release.refusals import BadRelease, ChangedFile, WrongSize
from app.release.signature import find_signer
from app.release.sources.address import parse_address
from app.release.sources.dvc import DvcStore
from tests.release.conftest import House
from tests.release.remote import PKL, Remote, sums
from tests.signing.signers import LENA, signed_tag, signer, trusting

ARTEFACT = b"artefact of some bytes"
MD5 = hashlib.md5(ARTEFACT, usedforsecurity=False).hexdigest()
CARD = b"# A model\n"
POINTER = f"outs:\n- md5: {MD5}\n  size: {len(ARTEFACT)}\n  hash: md5\n  path: {PKL}\n"
CONFIG = "[core]\n    remote = storage\n['remote \"storage\"']\n    url = ../storage\n"
WHOLE = {PKL: ARTEFACT, "MODELCARD.md": CARD}
WITH_SUMS = {**WHOLE, "SHA256SUMS": sums(WHOLE)}


class DvcRemote:
    """A release of v1.0 with its artefact in a folder `storage` of the repository."""

    def __init__(self, remote: Remote) -> None:
        self.remote = remote
        self.storage = remote.folder / "storage"
        self.place = self.storage / "files" / "md5" / MD5[:2] / MD5[2:]

    def release(
        self,
        *,
        pointer: str = POINTER,
        config: str | None = CONFIG,
        files: dict[str, bytes] | None = None,
        data: bytes | None = ARTEFACT,
    ) -> str:
        """The commit; `data` is what lies at the pointer's place, None for nothing."""
        if data is not None:
            self.place.parent.mkdir(parents=True, exist_ok=True)
            self.place.write_bytes(data)
        own = {"MODELCARD.md": CARD, "SHA256SUMS": WITH_SUMS["SHA256SUMS"]} if files is None else files
        more = [("40000", ".dvc", self._tree({} if config is None else {"config": config.encode()}))]
        commit = self.remote.commit({**own, f"{PKL}.dvc": pointer.encode()}, more=tuple(more))
        self.remote.tag("v1.0", commit)
        return commit

    def put(self, files: dict[str, bytes]) -> None:
        """Releases these files, the artefact by a pointer."""
        data = files[PKL]
        md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
        self.place = self.storage / "files" / "md5" / md5[:2] / md5[2:]
        text = POINTER.replace(MD5, md5).replace(f"size: {len(ARTEFACT)}", f"size: {len(data)}")
        self.release(pointer=text, files={name: own for name, own in files.items() if name != PKL}, data=data)

    def _tree(self, files: dict[str, bytes]) -> str:
        entries = [
            f"100644 {name}".encode() + b"\0" + bytes.fromhex(self.remote.blob(data)) for name, data in files.items()
        ]
        return self.remote.raw("tree", b"".join(entries))


@pytest.fixture
def dvc(remote: Remote) -> DvcRemote:
    return DvcRemote(remote)


def refusal_of(house: House, dvc: DvcRemote, kind: type[PixelWiseError]) -> str:
    with pytest.raises(kind) as refusal:
        house.pull(str(dvc.remote.folder))
    assert not house.contents()
    return str(refusal.value)


def test_the_bytes_behind_a_pointer_are_the_release_s(house: House, dvc: DvcRemote) -> None:
    commit = dvc.release()
    pulled = house.pull(str(dvc.remote.folder)).release
    assert pulled.commit == commit and house.contents()[f"v1.0/{PKL}"] == ARTEFACT
    assert {file.name for file in pulled.files} == set(WITH_SUMS)
    assert f"Left out of v1.0 (folders, odd names, and what a system adds for itself): .dvc/, {PKL}.dvc." in house.said


def test_one_entry_of_the_lock_covers_the_release_from_git_and_from_dvc(
    house: House, dvc: DvcRemote, tmp_path: Path
) -> None:
    other = Remote(tmp_path / "plain.git")
    other.release(files=WITH_SUMS)
    by_git = house.pull(str(other.folder)).release
    dvc.release()
    assert house.pull(str(dvc.remote.folder)).release.manifest == by_git.manifest is not None


def test_a_signed_tag_vouches_for_what_a_pointer_stands_for(house: House, dvc: DvcRemote, tmp_path: Path) -> None:
    lena = signer(LENA)
    signed_tag(dvc.remote, "v1.0", dvc.release(), lena)
    trust = trusting(tmp_path, lena.line())
    release = house.pull(str(dvc.remote.folder), trust=trust).release
    assert find_signer(house.models / "v1.0", release, trust) == LENA


def test_the_layout_of_dvc_2_is_read_too(house: House, dvc: DvcRemote) -> None:
    dvc.place = dvc.storage / MD5[:2] / MD5[2:]
    dvc.release(pointer=POINTER.replace("  hash: md5\n", ""))
    house.pull(str(dvc.remote.folder))
    assert house.contents()[f"v1.0/{PKL}"] == ARTEFACT


def test_a_pointer_names_its_own_remote_before_the_usual_one(house: House, dvc: DvcRemote) -> None:
    config = CONFIG.replace("url = ../storage", "url = ../elsewhere") + "['remote \"own\"']\n    url = ../storage\n"
    dvc.release(pointer=POINTER + "  remote: own\n", config=config)
    house.pull(str(dvc.remote.folder))


def test_data_that_is_no_file_of_the_release_is_left_where_it_is(house: House, dvc: DvcRemote) -> None:
    folder = f"outs:\n- md5: {MD5}.dir\n  size: 9\n  nfiles: 1\n  hash: md5\n  path: data\n"
    table = f"outs:\n- md5: {MD5}\n  size: 9\n  hash: md5\n  path: train.csv\n"
    own = {"MODELCARD.md": CARD, "SHA256SUMS": WITH_SUMS["SHA256SUMS"]}
    dvc.release(files={**own, "data.dvc": folder.encode(), "train.csv.dvc": table.encode()})
    house.pull(str(dvc.remote.folder))
    assert not {"v1.0/data", "v1.0/train.csv"} & set(house.contents())


@pytest.mark.parametrize(
    ("data", "kind", "said"),
    [
        (b"artefact of same bytes", ChangedFile, f"promised md5 {MD5} by its pointer of DVC"),
        (ARTEFACT[:-1], WrongSize, "21 bytes; promised 22 bytes by its pointer of DVC"),
        (ARTEFACT * 100, BadRelease, "more than 22 bytes (storage/files/md5/"),
        (None, BadRelease, "no file files/md5/"),
    ],
    ids=["one byte changed", "short", "long", "missing"],
)
def test_other_bytes_than_the_pointer_promises_are_refused(
    house: House, dvc: DvcRemote, data: bytes | None, kind: type[PixelWiseError], said: str
) -> None:
    dvc.release(data=data)
    assert said in refusal_of(house, dvc, kind)


def test_bytes_with_the_md5_of_the_pointer_are_refused_by_the_sums(house: House, dvc: DvcRemote) -> None:
    """As if somebody had forged an md5: the pointer is that of the bytes, the digest in git is not."""
    other = b"another artefact"
    md5 = hashlib.md5(other, usedforsecurity=False).hexdigest()
    dvc.place = dvc.storage / "files" / "md5" / md5[:2] / md5[2:]
    dvc.release(pointer=POINTER.replace(MD5, md5).replace(str(len(ARTEFACT)), str(len(other))), data=other)
    assert "by SHA256SUMS" in refusal_of(house, dvc, ChangedFile)


def test_md5_alone_is_not_enough(house: House, dvc: DvcRemote) -> None:
    dvc.release(files={"MODELCARD.md": CARD})
    assert "only an md5 digest, which can be forged; expected SHA256SUMS in git" in refusal_of(house, dvc, BadRelease)


@pytest.mark.parametrize(
    ("pointer", "said"),
    [
        (POINTER.replace(PKL, "../escape.pkl"), "the path ../escape.pkl"),
        (POINTER.replace(PKL, ".git"), "the path .git"),
        (POINTER.replace("hash: md5", "hash: etag"), "a digest by etag"),
        (POINTER.replace(MD5, "../../../etc/passwd"), "no pointer of DVC (ValidationError"),
        (POINTER.replace("size: 22", "size: -1"), "no pointer of DVC (ValidationError"),
        (POINTER.replace("size: 22", "size: 99999999999"), "99,999,999,999 bytes"),
        ("outs: []\n", "no pointer of DVC"),
        ("- 1\n", "no pointer of DVC"),
        ("a: &a [1]\nb: *a\n", "a YAML anchor or alias"),
        ("!!python/object/apply:os.system [id]\n", "the YAML tag"),
        ("[" * 1000, "YAML nested too deeply"),
        (POINTER.replace(PKL, "MODELCARD.md"), "one of two files"),
    ],
)
def test_a_malformed_pointer_is_refused(house: House, dvc: DvcRemote, pointer: str, said: str) -> None:
    dvc.release(pointer=pointer)
    assert said in refusal_of(house, dvc, BadRelease)


@pytest.mark.parametrize(
    "url",
    [
        "../../storage",
        "/etc",
        "file:///etc",
        "../storage/../../x",
        "s3://bucket/x",
        "ssh://h/x",
        "https://[x",
        "http://[::1/x",
        "ftp:" + "x" * 300,
    ],
)
def test_a_remote_elsewhere_is_refused_with_a_way_that_helps(house: House, dvc: DvcRemote, url: str) -> None:
    dvc.release(config=CONFIG.replace("../storage", url))
    said = refusal_of(house, dvc, BadRelease)
    assert "`dvc pull` and `sha256sum --check SHA256SUMS`" in said and "MODEL_REPO" in said and "file:///" in said


def test_a_remote_that_is_a_link_is_not_followed(house: House, dvc: DvcRemote, tmp_path: Path) -> None:
    dvc.release()
    outside = tmp_path / "outside"
    dvc.storage.rename(outside)
    dvc.storage.symlink_to(outside)
    assert "a symbolic link (storage)" in refusal_of(house, dvc, BadRelease)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (None, ".dvc/config: missing"),
        ("[core]\n", "no remote in its section core"),
        ("[core]\n    remote = storage\n", "no url of a remote storage"),
        ("no section\n", "no configuration of DVC"),
        ("[core]\n[core]\n", "no configuration of DVC"),
        ("x" * 100_000, "more than 65,536 bytes"),
    ],
)
def test_a_configuration_without_a_remote_is_refused(
    house: House, dvc: DvcRemote, config: str | None, said: str
) -> None:
    dvc.release(config=config)
    assert said in refusal_of(house, dvc, BadRelease)


@pytest.mark.parametrize(
    "url", ["http://example.org/x", "HTTP://example.org/x", "hTTp://10.0.0.1/x", "http://169.254.169.254/latest"]
)
def test_a_remote_over_http_elsewhere_is_refused(house: House, dvc: DvcRemote, url: str) -> None:
    dvc.release(config=CONFIG.replace("../storage", url))
    said = refusal_of(house, dvc, BadRelease)
    assert "over http, which anyone on the way can change" in said and "`dvc pull`" in said


@pytest.mark.parametrize("url", ["https://169.254.169.254/x", "HTTPS://[fe80::1]/x"])
def test_the_remote_of_a_local_repository_leads_to_no_link_local_address(
    house: House, dvc: DvcRemote, url: str
) -> None:
    dvc.release(config=CONFIG.replace("../storage", url))
    assert "a link-local address" in refusal_of(house, dvc, BadRelease)


@pytest.mark.parametrize("url", ["x" * 300, "../" + "x" * 300, "https://" + "x" * 300 + "/x"])
def test_a_remote_with_a_name_that_is_too_long_is_the_repository_s_fault(
    house: House, dvc: DvcRemote, url: str
) -> None:
    dvc.release(config=CONFIG.replace("../storage", url))
    refusal_of(house, dvc, BadRelease)


def test_a_remote_in_capitals_is_read(house: House, dvc: DvcRemote) -> None:
    dvc.release(config=CONFIG.replace("../storage", "HTTP://LOCALHOST:1/x"))
    assert "(localhost)" in refusal_of(house, dvc, Unreachable)


def test_a_remote_where_nobody_answers_is_unreachable(house: House, dvc: DvcRemote) -> None:
    dvc.release(config=CONFIG.replace("../storage", "http://127.0.0.1:1/x"))
    assert "Connection refused" in refusal_of(house, dvc, Unreachable)


def test_a_repository_behind_ssh_leads_into_no_private_network(tmp_path: Path) -> None:
    address = parse_address("git@1.1.1.1:owner/models", root=tmp_path)
    config = CONFIG.replace("../storage", "https://169.254.169.254/x").encode()
    store = DvcStore(address, {})
    pointer = store.find("v1.0", f"{PKL}.dvc", POINTER.encode())
    assert pointer is not None
    with pytest.raises(BadRelease, match="private network"):
        store.read(pointer, lambda path, limit: config, limit=100)
