from __future__ import annotations

from pathlib import Path

import pytest

from app.release.refusals import BadRelease
from app.release.sources.address import parse_address, without_user

ROOT = Path("/house")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", ": empty; "),
        ("   ", ": empty; "),
        ("-oProxyCommand=touch x", "an option of git"),
        ("--upload-pack=touch x", "an option of git"),
        ("ext::sh -c touch% x", "the transport helper ext::"),
        ("fd::17", "the transport helper fd::"),
        ("https::https://host/x", "the transport helper https::"),
        ("::x", "the transport helper ::"),
        ("http://host/x.git", "the http transport"),
        ("HTTP://host/x.git", "the http transport"),
        ("git://host/x.git", "the git:// transport"),
        ("ftp://host/x.git", "the transport ftp://"),
        ("hf:owner/name", "hf: without the //"),
        ("https:/host/x", "https: without the //"),
        ("mlflow+https:host/x", "without the //"),
        ("https://host/x\n.git", "control characters"),
        ("models\x1b[31m", "control characters"),
        ("ssh://-oProxyCommand=x/y", "an option of ssh"),
        ("ssh://%2DoProxyCommand=x@host/y", "an option of ssh"),
        ("-x@host:y", "an option of git"),
        ("git@-oProxyCommand=x:y", "an option of ssh"),
        ("git@host:-x", "an option of ssh"),
        ("https:///x.git", "no host name"),
        ("https://host", "a host without a path"),
        ("https://host/", "a host without a path"),
        ("https://host:port/x", "an address that cannot be read"),
        ("https://host/x?y=1", "characters that no address"),
        ("https://host/x#y", "characters that no address"),
        ("https://evil.example\\@host/x", "characters that no address"),
        ("https://host/x%0ay", "characters that no address"),
        ("https://höst/x", "characters that no address"),
        ("https://host/x/../y", "a path with . or .. in it"),
        ("https://host/x/%2e%2e/y", "a path with . or .. in it"),
        ("mlflow+https://host", "a host without a path"),
        ("mlflow+https:///digits", "no host name"),
        ("mlflow+https://host:port/digits", "an address that cannot be read"),
        ("mlflow+https://me:secret@host/digits", "a user or a token in an address of MLflow"),
        ("mlflow+https://host/digits?x=1", "characters that no address"),
        ("mlflow+https://host/di'gits", "a name of a registered model with odd characters"),
        ("mlflow+https://host/di%22gits", "a name of a registered model with odd characters"),
        ("mlflow+https://host/di%2Fgits%3Ax", "a name of a registered model with odd characters"),
        ("mlflow+https://host/../digits", "a path with . or .. in it"),
        ("mlflow+ftp://host/digits", "the transport mlflow+ftp://"),
        ("mlflow://host/digits", "the transport mlflow://"),
        ("file://host/x.git", "a file:// address on host host"),
        ("file://", "a file:// address"),
        ("file:///x%0ay", "control characters"),
    ],
)
def test_an_address_that_is_not_safe_is_refused_with_its_own_sentence(text: str, why: str) -> None:
    with pytest.raises(BadRelease) as refusal:
        parse_address(text, root=ROOT)
    assert why in str(refusal.value) and refusal.value.exit_code == 4
    assert str(refusal.value).isprintable()


@pytest.mark.parametrize(
    "text",
    [
        "https://host/x/y.git",
        "https://host/x/y",
        "https://host/x/y/",
        "https://HOST:443/X/y.git/",
        "https://someone:secret@host/x/y.git",
        "https://host//x/%79",
        "ssh://git@host/x/y",
        "ssh://git@host:22/x/y.git",
        "git@host:x/y.git",
        "git@host:/x/y",
        "host:x/y",
    ],
)
def test_one_repository_has_one_key_however_it_is_written(text: str) -> None:
    assert parse_address(text, root=ROOT).key == "host/x/y"


@pytest.mark.parametrize(
    "text", ["https://other/x/y", "https://host/x/z", "https://host:8443/x/y", "ssh://host:2222/x/y"]
)
def test_another_host_port_or_path_is_another_repository(text: str) -> None:
    assert parse_address(text, root=ROOT).key != "host/x/y"


@pytest.mark.parametrize(
    "text",
    [
        "mlflow+https://host/ml/Digits",
        "MLFLOW+HTTPS://HOST:443/ml/Digits/",
        "mlflow+https://host/ml/%44igits",
    ],
)
def test_one_registered_model_has_one_key_however_it_is_written(text: str) -> None:
    address = parse_address(text, root=ROOT)
    assert (address.key, address.kind) == ("mlflow:host/ml/Digits", "mlflow")


@pytest.mark.parametrize(
    "text", ["https://host/ml/Digits", "mlflow+https://host/ml/digits", "mlflow+https://host:8443/ml/Digits"]
)
def test_another_server_model_or_system_is_another_registered_model(text: str) -> None:
    assert parse_address(text, root=ROOT).key != "mlflow:host/ml/Digits"


def test_a_token_reaches_git_and_nothing_else() -> None:
    address = parse_address("https://someone:secret@host/x.git", root=ROOT)
    assert address.url == "https://someone:secret@host/x.git"
    assert address.repository == "https://host/x.git"
    assert "secret" not in repr(address)


@pytest.mark.parametrize("text", ["https://someone:secret@host/x?y", "mlflow+https://someone:secret@host/x"])
def test_a_refusal_does_not_show_a_token(text: str) -> None:
    with pytest.raises(BadRelease) as refusal:
        parse_address(text, root=ROOT)
    assert "secret" not in str(refusal.value)


def test_the_ssh_user_is_part_of_what_is_shown() -> None:
    assert parse_address("ssh://git@host:2222/x", root=ROOT).repository == "ssh://git@host:2222/x"
    assert parse_address("git@host:x", root=ROOT).repository == "git@host:x"


def test_an_ipv6_host_is_a_host() -> None:
    assert parse_address("https://[::1]:8443/x", root=ROOT).repository == "https://[::1]:8443/x"
    assert parse_address("git@[::1]:x", root=ROOT).key == "::1/x"


def test_a_path_below_the_root_is_recorded_without_the_machine(tmp_path: Path) -> None:
    for text in ("a/b.git", f"{tmp_path}/a/b.git", f"file://{tmp_path}/a/b.git", "./a/../a/b.git"):
        address = parse_address(text, root=tmp_path)
        assert address.repository == "a/b.git"
        assert address.folder == tmp_path / "a/b.git" and address.url == str(tmp_path / "a/b.git")


def test_a_path_elsewhere_is_recorded_whole(tmp_path: Path) -> None:
    assert parse_address("../b.git", root=tmp_path).repository == str(tmp_path.parent / "b.git")


def test_what_is_recorded_means_the_same_repository_when_it_is_read_again(tmp_path: Path) -> None:
    for text in ("./a:b/c.git", "./-x", "a b/c", "git@host:x.git", "https://u:p@host/x", "ssh://git@host/x"):
        address = parse_address(text, root=tmp_path)
        again = parse_address(address.repository, root=tmp_path)
        assert (again.key, again.repository) == (address.key, address.repository)


@pytest.mark.parametrize(
    "text",
    [
        "https://me:ab/ghp_SECRET@github.com/me/m",
        "file://me:p_SECRET@h/x",
        "mlflow+https:/a:ghp_SECRET@h/x",
        "https:\\\\me:ghp_SECRET@h/x",
        "oauth2:ghp_SECRET@github.com/me/models.git",
        "https:/me:ghp_SECRET@h/x",
        "me:ghp_SECRET@github.com:me/m",
        "http://me:SECRET@h/x",
    ],
)
def test_a_mistyped_address_does_not_show_its_token(text: str):
    with pytest.raises(BadRelease) as refusal:
        parse_address(text, root=ROOT)
    assert "SECRET" not in str(refusal.value)


def test_the_address_for_a_command_line_has_no_token():
    address = without_user(parse_address("https://me:SECRET@h/x@y", root=ROOT))
    assert address.url == "https://h/x@y" and address.host == "h"
