from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from app.errors import ConfigurationError, PixelWiseError, Unreachable
from app.release.pull import Pulled
from app.release.refusals import BadRelease, ChangedFile, CredentialsWanted, WrongSize
from app.release.sources.lfs import lfs_server
from tests.release.conftest import House
from tests.release.remote import FILES, PKL, Remote
from tests.release.sources.forge import Forge, pointer, serving

Pull = Callable[..., Pulled]


@pytest.fixture
def pull(house: House, forge: Forge, certificate: Path, environment: Callable[..., dict[str, str]]) -> Pull:
    """Pulls from the forge, by the login of an address such as "someone:secret@"."""
    trusting = environment(GIT_SSL_CAINFO=str(certificate))

    def run(login: str = "", **changed: object) -> Pulled:
        host = forge.url.removeprefix("https://")
        return house.pull(f"https://{login}{host}/remote.git", environ=trusting, **changed)

    return run


def test_a_release_whose_artefact_is_a_pointer_is_pulled_whole(
    pull: Pull, house: House, remote: Remote, forge: Forge
) -> None:
    remote.release("v1.0", {**FILES, PKL: forge.keep(FILES[PKL]), ".gitattributes": b"*.pkl filter=lfs\n"})
    pulled = pull()
    contents = house.contents()
    assert {name: contents[f"v1.0/{name}"] for name in FILES} == FILES
    assert pulled.release.manifest is None or pulled.release.commit
    assert any("Left out of v1.0" in said and ".gitattributes" in said for said in house.said)


DATA = FILES[PKL]
DIGEST = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def refused(pull: Pull, house: House) -> Callable[..., str]:
    """Pulls, and returns the refusal's words; nothing is placed, and no token is in the words or on the disk."""

    def run(kind: type[PixelWiseError], code: int, login: str = "someone:secret@") -> str:
        with pytest.raises(kind) as caught:
            pull(login)
        assert caught.value.exit_code == code
        words = str(caught.value) + "".join(house.said)
        assert "secret" not in words and str(caught.value).isprintable()
        assert not house.accepted and not house.contents().keys() - {"seen.json"}
        return str(caught.value)

    return run


Refused = Callable[..., str]


@pytest.fixture
def release(remote: Remote, forge: Forge) -> None:
    """A release whose artefact is a pointer, behind a login."""
    remote.release("v1.0", {**FILES, PKL: forge.keep(DATA)})
    forge.login = "someone:secret"


# -- pointers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        pointer(DATA).replace(b"spec/v1", b"spec/v2"),
        pointer(DATA).replace(b"\n", b"\r\n"),
        pointer(DATA).removesuffix(b"\n"),
        pointer(DATA) + b"x 1\n",
        pointer(DATA).replace(b"\noid", b"\next-0-foo sha256:" + b"1" * 64 + b"\noid"),
        pointer(DATA).replace(b"sha256", b"sha1"),
        pointer(DATA).replace(DIGEST.encode(), DIGEST.upper().encode()),
        pointer(DATA, size=-1),
        pointer(DATA).replace(b"size ", b"size 0"),
        pointer(DATA).replace(b"size ", b"size 99999999999999999999"),
    ],
)
def test_a_malformed_pointer_is_refused_and_never_taken_for_the_file(
    data: bytes, remote: Remote, forge: Forge, refused: Refused
) -> None:
    remote.release("v1.0", {**FILES, PKL: data})
    assert f"file {PKL}: a malformed pointer of git-LFS" in refused(BadRelease, 4)
    assert not [path for path in forge.paths() if "lfs" in path]


def test_a_long_file_that_begins_like_a_pointer_is_a_file(remote: Remote, pull: Pull, house: House) -> None:
    data = pointer(DATA).ljust(1025, b"\n")
    remote.release("v1.0", {**FILES, "words.txt": data})
    pull()
    assert house.contents()["v1.0/words.txt"] == data


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({PKL: pointer(DATA, size=(64 << 20) + 1)}, "67,108,865 bytes; expected at most 67,108,864"),
        ({"MODELCARD.md": pointer(DATA, size=(64 << 10) + 1)}, "65,537 bytes; expected at most"),
        (
            {f"{name}.pkl": pointer(DATA, size=60 << 20) for name in "abc"},
            "bytes in all files; expected at most 134,217,728",
        ),
    ],
)
def test_the_size_that_a_pointer_states_is_bounded_before_anything_is_asked(
    files: dict[str, bytes], why: str, remote: Remote, forge: Forge, refused: Refused
) -> None:
    remote.release("v1.0", {**FILES, **files})
    assert why in refused(BadRelease, 4)
    assert not [path for path in forge.paths() if "lfs" in path]


# -- credentials -------------------------------------------------------------------------------------------------------


def test_a_token_in_the_address_is_sent_to_its_host_and_the_headers_of_an_answer_to_its_address(
    release: None, pull: Pull, house: House, forge: Forge
) -> None:
    forge.header = {"X-Signed": "for this address"}
    pull("someone:secret@")
    batch, contents = [asked for asked in forge.asked if "lfs" in asked.path]
    assert batch.path == "/remote.git/info/lfs/objects/batch"
    assert batch.headers["authorization"].startswith("Basic ") and "x-signed" not in batch.headers
    assert (contents.path, contents.headers["x-signed"]) == (f"/lfs/{DIGEST}", "for this address")
    assert not [name for name, data in house.contents().items() if b"secret" in data]


def test_the_lfsconfig_of_a_repository_is_ignored(remote: Remote, forge: Forge, pull: Pull, tmp_path: Path) -> None:
    with serving(Forge(tmp_path)) as elsewhere:
        config = f"[lfs]\n\turl = {elsewhere.url}/other\n".encode()
        remote.release("v1.0", {**FILES, PKL: forge.keep(DATA), ".lfsconfig": config})
        pull("someone:secret@")
        assert not elsewhere.asked


def test_contents_elsewhere_are_read_without_the_token(
    release: None, pull: Pull, house: House, forge: Forge, certificate: Path, tmp_path: Path
) -> None:
    with serving(Forge(tmp_path, objects=dict(forge.objects)), certificate=certificate) as elsewhere:
        forge.instead["/objects/batch"] = lambda handler: handler.send_json(answer(f"{elsewhere.url}/lfs/{DIGEST}"))
        pull("someone:secret@")
        (asked,) = elsewhere.asked
        assert "authorization" not in asked.headers
    assert house.contents()[f"v1.0/{PKL}"] == DATA


def test_without_a_login_the_credentials_are_asked_for(release: None, forge: Forge, refused: Refused) -> None:
    assert "credentials are missing or refused" in refused(CredentialsWanted, 3, "")
    assert "credentials are missing or refused" in refused(CredentialsWanted, 3, "someone:other@")


# -- the server's answers ----------------------------------------------------------------------------------------------


def answer(href: str = "/lfs/x", header: dict[str, str] | None = None, **changed: object) -> dict[str, object]:
    """The answer of a batch about DATA."""
    action = {"href": href, "header": header or {}}
    one = {"oid": DIGEST, "size": len(DATA), "actions": {"download": action}, **changed}
    return {"transfer": "basic", "objects": [one]}


@pytest.mark.parametrize(
    ("said", "kind", "code", "why"),
    [
        ({"objects": []}, BadRelease, 4, "an answer about other contents"),
        (answer(oid="0" * 64), BadRelease, 4, "an answer about other contents"),
        (answer(size=5), BadRelease, 4, "contents of 5 bytes"),
        (answer(actions={}), BadRelease, 4, "without an address of its contents"),
        ({**answer(), "transfer": "ssh"}, BadRelease, 4, "a transfer 'ssh' that was not asked for"),
        (answer(error={"code": 404, "message": "gone\x1b"}), BadRelease, 4, r"404 gone\x1b"),
        (answer(error={"code": 403, "message": "no"}), CredentialsWanted, 3, "403 no"),
        (answer(error={"code": 404, "message": "not secret"}), BadRelease, 4, "404 not (hidden)"),
        (answer(error={"code": 429, "message": ""}), Unreachable, 6, "429"),
        (answer(error={"code": 500, "message": "x" * 9000}), Unreachable, 6, "500 xxx"),
        (answer("http://example.com/x"), BadRelease, 4, "expected an https address"),
        (answer("file:///etc/passwd"), BadRelease, 4, "expected an https address"),
        (answer("/lfs/x", {"Host": "inside"}), BadRelease, 4, "an answer with the header Host"),
        (answer("/lfs/x", {"Content-Length": "5"}), BadRelease, 4, "an answer with the header Content-Length"),
        (answer("/lfs/x", {"X": "a\r\nY: b"}), BadRelease, 4, "an answer with the header X"),
        ({"objects": "x"}, BadRelease, 4, "no JSON of the expected form"),
    ],
)
def test_an_answer_that_does_not_fit_is_refused(
    said: object, kind: type[PixelWiseError], code: int, why: str, release: None, forge: Forge, refused: Refused
) -> None:
    forge.instead["/objects/batch"] = lambda handler: handler.send_json(said)
    assert why in refused(kind, code)


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [(401, CredentialsWanted, 3), (403, CredentialsWanted, 3), (404, BadRelease, 4), (410, BadRelease, 4)]
    + [(status, Unreachable, 6) for status in (429, 500, 503)],
)
@pytest.mark.parametrize("part", ["/objects/batch", "/lfs/"])
def test_a_server_that_says_no_is_told_by_its_status(
    part: str, status: int, kind: type[PixelWiseError], code: int, release: None, forge: Forge, refused: Refused
) -> None:
    forge.instead[part] = lambda handler: handler.send({}, b"secret", status=status)
    assert str(status) in refused(kind, code)


@pytest.mark.parametrize("part", ["/objects/batch", "/lfs/"])
@pytest.mark.parametrize("more", [b"", b"x" * 10_000])
def test_a_page_to_log_in_is_called_one(part: str, more: bytes, release: None, forge: Forge, refused: Refused) -> None:
    page = b"<html>" + more
    forge.instead[part] = lambda handler: handler.send({"Content-Type": "text/html"}, page)
    assert "an HTML page" in refused(BadRelease, 4)


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"objects":' + b'{"a":' * 100_000, b" " * (2 << 20)])
def test_json_without_measure_is_refused(body: bytes, release: None, forge: Forge, refused: Refused) -> None:
    forge.instead["/objects/batch"] = lambda handler: handler.send({}, body)
    assert re.search("no JSON of the expected form|more than 1,048,576 bytes", refused(BadRelease, 4))


@pytest.mark.parametrize(
    ("contents", "kind", "why"),
    [
        (DATA.replace(b"a", b"A", 1), ChangedFile, f"sha256 {DIGEST} by its pointer of git-LFS"),
        (DATA + b"x", BadRelease, "more than 8 bytes"),
        (DATA * 100_000, BadRelease, "more than 8 bytes"),
        (DATA[:-1], WrongSize, "7 bytes; promised 8 bytes by its pointer"),
        (b"", WrongSize, "0 bytes; promised 8 bytes by its pointer"),
    ],
)
def test_contents_that_differ_from_the_pointer_are_refused(
    contents: bytes, kind: type[PixelWiseError], why: str, release: None, forge: Forge, refused: Refused
) -> None:
    forge.objects[DIGEST] = contents
    assert why in refused(kind, 4)


def test_contents_that_are_not_there_are_named(remote: Remote, refused: Refused) -> None:
    remote.release("v1.0", {**FILES, PKL: pointer(b"never uploaded")})
    assert "404 Object does not exist; expected the 14 bytes" in refused(BadRelease, 4)


def test_a_redirect_with_a_token_to_another_host_carries_none(
    release: None, pull: Pull, house: House, forge: Forge, certificate: Path, tmp_path: Path
) -> None:
    forge.header = {"Authorization": "RemoteAuth secret"}
    with serving(Forge(tmp_path, objects=dict(forge.objects)), certificate=certificate) as elsewhere:
        to = {"Location": f"{elsewhere.url}/lfs/{DIGEST}"}
        forge.instead["/lfs/"] = lambda handler: handler.send(to, b"", status=302)
        pull("someone:secret@")
        (asked,) = elsewhere.asked
        assert "authorization" not in asked.headers
    assert house.contents()[f"v1.0/{PKL}"] == DATA


def test_a_batch_that_is_redirected_is_refused(release: None, forge: Forge, refused: Refused) -> None:
    to = {"Location": "https://127.0.0.1:1/x"}
    forge.instead["/objects/batch"] = lambda handler: handler.send(to, b"", status=307)
    assert "a redirect of what was sent" in refused(BadRelease, 4)


# -- local and ssh -----------------------------------------------------------------------------------------------------


def place(repository: Path, data: bytes) -> Path:
    """Where `git lfs` keeps the contents of a repository."""
    file = repository / "lfs/objects" / DIGEST[:2] / DIGEST[2:4] / DIGEST
    file.parent.mkdir(parents=True)
    file.write_bytes(data)
    return file


def test_the_contents_of_a_local_repository_lie_in_it(house: House, remote: Remote) -> None:
    remote.release("v1.0", {**FILES, PKL: pointer(DATA)})
    with pytest.raises(BadRelease, match=f"no lfs/objects/.*/{DIGEST} in .*remote.git"):
        house.pull(str(remote.folder))
    file = place(remote.folder, DATA)
    house.pull(str(remote.folder))
    assert house.contents()[f"v1.0/{PKL}"] == DATA
    (house.models / "v1.0").unlink()
    file.write_bytes(DATA.replace(b"a", b"A", 1))
    with pytest.raises(ChangedFile, match="by its pointer of git-LFS"):
        house.pull(str(remote.folder))


@pytest.mark.parametrize("part", ["lfs", "lfs/objects", f"lfs/objects/{DIGEST[:2]}", "file"])
def test_no_link_leads_out_of_a_local_repository(part: str, house: House, remote: Remote) -> None:
    remote.release("v1.0", {**FILES, PKL: pointer(DATA)})
    file = place(remote.folder, DATA)
    path = file if part == "file" else remote.folder / part
    away = path.rename(house.root / "away")
    path.symlink_to(away)
    with pytest.raises(BadRelease, match="a symbolic link"):
        house.pull(str(remote.folder))


def test_a_pipe_in_the_place_of_contents_is_refused_at_once(house: House, remote: Remote) -> None:
    remote.release("v1.0", {**FILES, PKL: pointer(DATA)})
    file = place(remote.folder, DATA)
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(BadRelease, match="no plain file"):
        house.pull(str(remote.folder))


def test_over_ssh_a_pointer_is_refused_with_the_ways_that_work(
    house: House, remote: Remote, environment: Callable[..., dict[str, str]], tmp_path: Path
) -> None:
    remote.release("v1.0", {**FILES, PKL: pointer(DATA)})
    ssh = tmp_path / "ssh"
    ssh.write_text('#!/bin/sh\n[ "$1" = -G ] && exit 0\nfor last; do :; done\nexec sh -c "$last"\n')
    ssh.chmod(0o755)
    with pytest.raises(ConfigurationError, match=r"behind ssh; .*its https address.*git lfs fetch --all") as caught:
        house.pull(f"git@host:{remote.folder}", environ=environment(GIT_SSH_COMMAND=str(ssh)))
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("https://user:token@host:8443/x/y.git", "https://host:8443/x/y.git/info/lfs"),
        ("https://host/x/y", "https://host/x/y.git/info/lfs"),
        ("https://host/x/y/", "https://host/x/y.git/info/lfs"),
    ],
)
def test_the_server_is_the_repositorys_own(url: str, server: str) -> None:
    assert lfs_server(url) == server


@pytest.mark.usefixtures("release")
def test_a_host_without_a_server_of_lfs_is_refused_with_a_way_that_helps(forge: Forge, refused: Refused) -> None:
    forge.instead["/objects/batch"] = lambda handler: handler.send({}, b"", status=404)
    said = refused(BadRelease, 4)
    assert "404 Not Found from 127.0.0.1, asked for its contents; expected a server of git-LFS beside https://" in said
    assert "let MODEL_REPO name the repository where the files were pushed" in said and "credentials" not in said
    forge.login = None
    assert "the same where credentials are missing (MODEL_REPO=https://USER:TOKEN@HOST/…)" in refused(BadRelease, 4, "")


@pytest.mark.usefixtures("release")
def test_contents_that_are_gone_are_their_owner_s_to_upload(forge: Forge, refused: Refused) -> None:
    forge.instead["/lfs/"] = lambda handler: handler.send({}, b"", status=404)
    said = refused(BadRelease, 4)
    assert "404 Not Found" in said and "Its owner must upload them" in said and "MODEL_REPO" not in said
