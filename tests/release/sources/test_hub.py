from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.errors import ConfigurationError, PixelWiseError, Unreachable
from app.release.pull import Pulled
from app.release.record import SUMS
from app.release.refusals import BadRelease, ChangedFile, CredentialsWanted, MovedTag
from app.release.sources.address import parse_address
from app.release.sources.git import Git
from app.release.sources.hub import behind
from tests.release.conftest import House
from tests.release.remote import FILES, PKL, Remote, sums
from tests.release.sources.forge import Forge, serving
from tests.release.sources.hub_server import HubHandler

WHOLE = {**FILES, SUMS: sums(FILES)}
TOKEN = "hf_secret"
ADDRESS = "hf://owner/name"
MD5 = hashlib.md5(FILES[PKL], usedforsecurity=False).hexdigest()

Environment = Callable[..., dict[str, str]]


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Forge]:
    """A Hub with one repository that needs TOKEN; its artefact is a pointer."""
    with serving(Forge(tmp_path / "hub", login=TOKEN), HubHandler) as running:
        publish(running)
        yield running


def publish(hub: Forge, **changed: bytes) -> str:
    added = {".gitattributes": b"*.pkl filter=lfs\n", "README.md": FILES["MODELCARD.md"]}
    return Remote(hub.folder / "owner/name").release("v1.0", {**WHOLE, **added, PKL: hub.keep(FILES[PKL]), **changed})


@pytest.fixture
def pull(house: House, hub: Forge, environment: Environment) -> Callable[..., Pulled]:
    made = {**environment(), "HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN}
    return lambda **changed: house.pull(ADDRESS, environ={**made, **changed})


@pytest.fixture
def refused(pull: Callable[..., Pulled], house: House) -> Callable[..., str]:
    """Pulls, and returns the refusal's words; nothing is placed, and no token is in the words or on the disk."""

    def run(kind: type[PixelWiseError], code: int, **changed: str) -> str:
        before = house.contents()
        with pytest.raises(kind) as caught:
            pull(**changed)
        words = str(caught.value) + "".join(house.said)
        assert caught.value.exit_code == code and TOKEN not in words
        assert house.contents().keys() - {"seen.json"} == before.keys() - {"seen.json"}
        return str(caught.value)

    return run


Refused = Callable[..., str]


# -- addresses ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "hf://Owner/name",
        "HF://owner/name/",
        "https://huggingface.co/owner/name",
        "https://huggingface.co/owner/name.git",
    ],
)
def test_a_repository_of_the_hub_has_one_key(text: str, tmp_path: Path) -> None:
    assert parse_address(text, root=tmp_path).key == "huggingface.co/owner/name"


def test_what_is_recorded_of_it_means_the_same_again(tmp_path: Path) -> None:
    address = parse_address("hf://owner/name.v2/", root=tmp_path)
    assert (address.repository, address.kind) == ("hf://owner/name.v2", "hf")
    assert parse_address(address.repository, root=tmp_path) == address


@pytest.mark.parametrize(
    "text",
    [
        *("hf://", "hf://name", "hf:///name", "hf://owner/", "hf://a/b/c", "hf://datasets/name", "hf://datasets/a/b"),
        *("hf://../name", "hf://a/..", "hf://a/b..c", "hf://-a/b", "hf://a/b?c", "hf://a@b/c", "hf://a/b%2fc"),
        *("hf://a/b.git", "hf://user:secret@a/b", "hf://a/b#c", "hf://a:1/b"),
    ],
)
def test_another_form_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(BadRelease, match=r"hf://owner/name") as refusal:
        parse_address(text, root=tmp_path)
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        ("", "https://huggingface.co/owner/name"),
        ("https://hub.example/", "https://hub.example/owner/name"),
        ("https://hub.example:8443/at", "https://hub.example:8443/at/owner/name"),
        ("http://[::1]:80", "http://[::1]:80/owner/name"),
        ("http://localhost:8000", "http://localhost:8000/owner/name"),
    ],
)
def test_the_endpoint_is_another_place_of_the_same_repository(endpoint: str, url: str, tmp_path: Path) -> None:
    address = parse_address(ADDRESS, root=tmp_path)
    place, authorization = behind(address, {"HF_ENDPOINT": endpoint})
    assert (place.url, place.key, place.repository) == (url, address.key, ADDRESS)
    assert place.transport == url.partition(":")[0] and authorization is None


@pytest.mark.parametrize(
    "endpoint",
    [
        *("http://hub.example", "http://10.0.0.1", "ftp://hub.example", "hub.example", "file:///x", "https://"),
        *("https://secret@hub.example", "https://hub.example/?x", "https://hub.example:port", "https://[::1"),
        *("https://hub.example/a b", "https://hub.example/a\nb"),
    ],
)
def test_an_endpoint_that_is_not_protected_is_refused(endpoint: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="HF_ENDPOINT: ") as refusal:
        behind(parse_address(ADDRESS, root=tmp_path), {"HF_ENDPOINT": endpoint, "HF_TOKEN": TOKEN})
    assert refusal.value.exit_code == 3 and "secret" not in str(refusal.value)


@pytest.mark.parametrize("token", ["hf secret", "hf_secret\n", "hf_sécret", "a:secret"])
def test_a_token_that_is_none_is_refused_unseen(token: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="HF_TOKEN: characters that no token has") as refusal:
        behind(parse_address(ADDRESS, root=tmp_path), {"HF_TOKEN": token})
    assert "cret" not in str(refusal.value)


# -- a pull ------------------------------------------------------------------------------------------------------------


def test_a_release_of_the_hub_is_pulled_and_what_the_hub_wants_is_left_out(
    pull: Callable[..., Pulled], house: House, hub: Forge
) -> None:
    pulled = pull()
    contents = house.contents()
    assert {name: contents[f"v1.0/{name}"] for name in WHOLE} == WHOLE
    assert {file.name for file in pulled.release.files} == set(WHOLE)
    assert pulled.release.repository == ADDRESS and pulled.release.manifest is not None
    assert any(re.search(r"Left out of v1\.0 .*\.gitattributes, README\.md", said) for said in house.said)
    assert not [name for name, data in contents.items() if TOKEN.encode() in data]
    assert TOKEN.encode() not in b"".join(asked.body for asked in hub.asked)


def test_the_token_is_in_no_file_that_others_can_read(hub: Forge, environment: Environment, tmp_path: Path) -> None:
    place, authorization = behind(parse_address(ADDRESS, root=tmp_path), {"HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN})
    assert authorization is not None
    folder = tmp_path / "work"
    folder.mkdir()
    Git(folder, place, environ=environment(), authorization=authorization)
    assert TOKEN not in place.url and TOKEN not in repr(place)
    (file,) = [path for path in folder.iterdir() if path.is_file()]
    assert authorization in file.read_text() and file.stat().st_mode & 0o777 == 0o600


def test_the_token_is_in_no_argument_and_no_environment_of_git(pull: Callable[..., Pulled], tmp_path: Path) -> None:
    spy = tmp_path / "bin/git"
    spy.parent.mkdir()
    real = shutil.which("git")
    spy.write_text(f'#!/bin/sh\n(env; echo "$@") >> {tmp_path}/seen\nexec {real} "$@"\n')
    spy.chmod(0o755)
    pull(PATH=f"{spy.parent}:{os.environ['PATH']}")
    assert "fetch" in (tmp_path / "seen").read_text() and TOKEN not in (tmp_path / "seen").read_text()


def test_a_proxy_is_not_given_what_is_meant_for_this_machine(pull: Callable[..., Pulled]) -> None:
    assert pull(http_proxy="http://127.0.0.1:1", HTTP_PROXY="http://127.0.0.1:1").outcome == "pulled"


def test_a_public_repository_needs_no_token(pull: Callable[..., Pulled], hub: Forge) -> None:
    hub.login = None
    pull(HF_TOKEN="")
    assert not [asked for asked in hub.asked if "authorization" in asked.headers]


# -- refusals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", ["", "hf_other"])
def test_a_missing_or_wrong_token_is_a_matter_of_credentials(token: str, refused: Refused) -> None:
    said = refused(CredentialsWanted, 3, HF_TOKEN=token)
    assert "Set HF_TOKEN in the environment" in said and "hf_other" not in said


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (401, CredentialsWanted, 3),
        (403, CredentialsWanted, 3),
        (404, Unreachable, 6),
        (429, Unreachable, 6),
        (500, Unreachable, 6),
    ],
)
def test_a_hub_that_says_no_to_git_is_told_by_its_status(
    status: int, kind: type[PixelWiseError], code: int, hub: Forge, refused: Refused
) -> None:
    hub.instead["/info/refs"] = lambda handler: handler.send({}, b"", status=status)
    assert "hf://owner/name" in refused(kind, code)


def test_a_page_to_log_in_is_no_repository(hub: Forge, refused: Refused) -> None:
    hub.instead["/info/refs"] = lambda handler: handler.send({"Content-Type": "text/html"}, b"<html>Log in")
    assert "no tag like v1.0 (a page to log in looks like that to git too)" in refused(BadRelease, 4)


def test_with_a_token_no_redirect_is_followed(hub: Forge, refused: Refused, tmp_path: Path) -> None:
    with serving(Forge(tmp_path), HubHandler) as elsewhere:
        to = {"Location": f"{elsewhere.url}/owner/name/info/refs?service=git-upload-pack"}
        hub.instead["/info/refs"] = lambda handler: handler.send(to, b"", status=302)
        refused(Unreachable, 6)
        assert not elsewhere.asked


def test_a_changed_byte_is_refused(hub: Forge, refused: Refused) -> None:
    (digest,) = hub.objects
    hub.objects[digest] = FILES[PKL].replace(b"a", b"A", 1)
    assert f"sha256 {digest} by its pointer of git-LFS" in refused(ChangedFile, 4)


def test_a_moved_tag_is_refused(hub: Forge, pull: Callable[..., Pulled], refused: Refused) -> None:
    pull()
    other = {**FILES, "MODELCARD.md": b"# Another\n"}
    publish(hub, **{"MODELCARD.md": other["MODELCARD.md"], SUMS: sums(other)})
    assert "tag v1.0: moved to commit" in refused(MovedTag, 4)


def test_a_listing_of_a_hundred_thousand_files_is_refused(hub: Forge, refused: Refused) -> None:
    remote = Remote(hub.folder / "owner/name")
    blob = remote.blob(b"x")
    listed = b"".join(f"100644 blob {blob}\tfile{number:06}.txt\n".encode() for number in range(100_000))
    tree = remote.git("mktree", data=listed)
    remote.tag("v1.0", remote.git("commit-tree", tree, "-m", "x"))
    assert "more than 1,048,576 bytes in one answer of git" in refused(BadRelease, 4)


def test_a_symbolic_link_is_refused(hub: Forge, refused: Refused) -> None:
    remote = Remote(hub.folder / "owner/name")
    link = ("120000", "linked.pkl", remote.blob(b"/etc/passwd"))
    remote.release("v1.0", WHOLE, more=(link,))
    assert "a symbolic link" in refused(BadRelease, 4)


# -- pointers of DVC ---------------------------------------------------------------------------------------------------


@pytest.fixture
def with_dvc(hub: Forge) -> Callable[[str], None]:
    """Publishes the release anew, with its artefact in a remote of DVC at this address."""

    def run(url: str) -> None:
        remote = Remote(hub.folder / "owner/name")
        config = remote.blob(f"[core]\nremote = s\n['remote \"s\"']\nurl = {url}\n".encode())
        folder = remote.raw("tree", b"100644 config\0" + bytes.fromhex(config))
        listed = {name: data for name, data in WHOLE.items() if name != PKL}
        outs = f"outs:\n- md5: {MD5}\n  size: {len(FILES[PKL])}\n  hash: md5\n  path: {PKL}\n"
        remote.release("v1.0", {**listed, f"{PKL}.dvc": outs.encode()}, more=(("40000", ".dvc", folder),))

    return run


def test_a_pointer_of_dvc_on_the_hub_is_followed_without_the_token(
    hub: Forge, pull: Callable[..., Pulled], with_dvc: Callable[[str], None], house: House
) -> None:
    hub.instead["/remote/"] = lambda handler: handler.send({}, FILES[PKL])
    for place in (hub.url.replace("127.0.0.1", "localhost"), hub.url):
        with_dvc(f"{place}/remote")
        assert pull().release.manifest is not None
        assert house.contents()[f"v1.0/{PKL}"] == FILES[PKL]
        shutil.rmtree(house.models)
    asked = [one for one in hub.asked if one.path.startswith("/remote/")]
    assert [one.path for one in asked] == [f"/remote/files/md5/{MD5[:2]}/{MD5[2:]}"] * 2
    assert not any("authorization" in one.headers for one in asked)


def test_a_changed_byte_behind_a_pointer_of_dvc_is_refused(
    hub: Forge, refused: Refused, with_dvc: Callable[[str], None]
) -> None:
    hub.instead["/remote/"] = lambda handler: handler.send({}, FILES[PKL].swapcase())
    with_dvc(f"{hub.url}/remote")
    assert "by its pointer of DVC" in refused(ChangedFile, 4)


@pytest.mark.parametrize("url", ["s3://bucket/x", "../storage", "http://example.org/x"])
def test_another_remote_of_dvc_is_refused_with_an_address_that_dvc_knows(
    hub: Forge, refused: Refused, with_dvc: Callable[[str], None], url: str
) -> None:
    with_dvc(url)
    said = refused(BadRelease, 4)
    assert f"`git clone --branch v1.0 {hub.url}/owner/name release`" in said
