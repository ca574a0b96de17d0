"""Signatures by SSH, with the real ssh-keygen: whose count, for what, and when."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from app.signing.git_objects import SignedTag
from app.signing.refusals import BadSignature, NoSshKeygen, NotTrusted
from app.signing.ssh_keygen import find_signer
from tests.signing.signers import EVE, LENA, signer, tag_text

TEXT = tag_text("v1.0", "1" * 40)
YEAR_2023 = 1_700_000_000


def signed(by: str = LENA, *, namespace: str = "git", payload: bytes = TEXT, second: int = YEAR_2023) -> SignedTag:
    return SignedTag(payload, signer(by).sign(TEXT, namespace=namespace), second)


def find(tag: SignedTag, folder: Path, *lines: str, revoked: Path | None = None) -> str:
    signers = folder / "allowed_signers"
    signers.write_text("".join(lines))
    return find_signer(tag, signers, revoked, version="v1.0")


def test_the_signer_has_the_name_that_the_operator_wrote_down(tmp_path: Path):
    assert find(signed(), tmp_path, signer(EVE).line(), signer(LENA).line()) == LENA


@pytest.mark.parametrize("name", ["*@example.org", "-rf", "Löwe@example.org", '"lena smith"'])
def test_an_odd_name_is_a_name(tmp_path: Path, name: str):
    assert find(signed(), tmp_path, signer(LENA).line(name=name)) == name.strip('"')


@pytest.mark.parametrize("line", ["!eve@example.org,*", "*,!eve@example.org", "!eve@example.org,!x,lena@example.org"])
def test_whom_a_line_shuts_out_is_not_called_the_signer(tmp_path: Path, line: str):
    assert find(signed(), tmp_path, signer(LENA).line(name=line)) in ("*", LENA)


def test_a_line_that_only_shuts_out_trusts_nobody(tmp_path: Path):
    with pytest.raises(NotTrusted, match="not listed"):
        find(signed(), tmp_path, signer(LENA).line(name="!eve@example.org"))


@pytest.mark.parametrize("line", ["lena@example.org,lena@example.net", "!eve@example.org,lena@example.org"])
def test_of_several_names_in_a_line_the_first_is_called(tmp_path: Path, line: str):
    assert find(signed(), tmp_path, signer(LENA).line(name=line)) == LENA


def test_a_name_does_not_control_a_terminal(tmp_path: Path):
    assert find(signed(), tmp_path, signer(LENA).line(name="lena\x1b[2J")) == "lena\\x1b[2J"


@pytest.mark.parametrize("lines", [[], [EVE]])
def test_a_signer_who_is_not_listed_is_refused_with_the_key(tmp_path: Path, lines: list[str]):
    with pytest.raises(NotTrusted, match=r"signed with ED25519 key SHA256:\S{43} \(not listed\); expected a signer of"):
        find(signed(), tmp_path, *(signer(name).line() for name in lines))


@pytest.mark.parametrize("payload", [TEXT[:-1], TEXT.replace(b"v1.0", b"v1.1"), TEXT + b" ", b""])
def test_a_changed_byte_is_refused(tmp_path: Path, payload: bytes):
    with pytest.raises(BadSignature, match="incorrect signature"):
        find(signed(payload=payload), tmp_path, signer(LENA).line())


@pytest.mark.parametrize("namespace", ["file", "git@example.org", "gi"])
def test_a_signature_for_another_purpose_is_refused(tmp_path: Path, namespace: str):
    with pytest.raises(BadSignature, match="namespace does not match"):
        find(signed(namespace=namespace), tmp_path, signer(LENA).line(""))


def test_a_signer_of_other_things_is_not_one_of_releases(tmp_path: Path):
    with pytest.raises(NotTrusted, match='not permitted for use in signature namespace "git"'):
        find(signed(), tmp_path, signer(LENA).line('namespaces="file"'))


@pytest.mark.parametrize("data", [b"", b"junk", b"-----BEGIN SSH SIGNATURE-----\n!\n-----END SSH SIGNATURE-----\n"])
def test_what_is_no_signature_is_refused(tmp_path: Path, data: bytes):
    with pytest.raises(BadSignature, match=r"signature of .*expected a signature of the tag's own bytes"):
        find(SignedTag(TEXT, data, YEAR_2023), tmp_path, signer(LENA).line())


@pytest.mark.parametrize(
    ("options", "why"),
    [('valid-before="20200101"', "key has expired"), ('valid-after="20300101"', "key is not yet valid")],
)
def test_a_key_counts_in_its_time_by_the_tag_s_own_date(tmp_path: Path, options: str, why: str):
    with pytest.raises(NotTrusted, match=why):
        find(signed(), tmp_path, signer(LENA).line(options))
    at = {"valid-before": 1_500_000_000, "valid-after": 1_900_000_000}[options.partition("=")[0]]
    assert find(signed(second=at), tmp_path, signer(LENA).line(options)) == LENA


def test_dates_count_in_utc_wherever_the_machine_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    line = signer(LENA).line('valid-before="20231114221320"')  # the very second of the tag
    for zone in ("UTC", "Pacific/Kiritimati", "Pacific/Niue"):
        monkeypatch.setenv("TZ", zone)
        assert find(signed(second=YEAR_2023 - 1), tmp_path, line) == LENA
        with pytest.raises(NotTrusted, match="expired"):
            find(signed(second=YEAR_2023 + 1), tmp_path, line)


def test_a_revoked_key_counts_no_longer(tmp_path: Path):
    revoked = tmp_path / "revoked_signers"
    revoked.write_text(f"{signer(EVE).public}\n")
    assert find(signed(), tmp_path, signer(LENA).line(), revoked=revoked) == LENA
    revoked.write_text(f"{signer(LENA).public}\n")
    with pytest.raises(NotTrusted, match="revoked_signers has this key"):
        find(signed(), tmp_path, signer(LENA).line(), revoked=revoked)


def test_where_revoked_keys_cannot_be_read_nobody_is_trusted(tmp_path: Path):
    revoked = tmp_path / "revoked_signers"
    revoked.write_text("junk\n")
    with pytest.raises(NotTrusted, match="revoked_signers"):
        find(signed(), tmp_path, signer(LENA).line(), revoked=revoked)


def test_a_line_that_is_none_is_passed_over_and_trusts_nobody(tmp_path: Path):
    assert find(signed(), tmp_path, "# people\n\nlena\n", signer(LENA).line()) == LENA
    with pytest.raises(NotTrusted, match="missing key"):
        find(signed(), tmp_path, "lena\n")


def test_nothing_of_the_caller_s_environment_or_home_changes_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HOME", "/nowhere")
    monkeypatch.setenv("SSH_ASKPASS", "/bin/false")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    assert find(signed(), tmp_path, signer(LENA).line()) == LENA


def test_without_ssh_keygen_the_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    tag = signed()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoSshKeygen, match="apt-get install openssh-client") as caught:
        find(tag, tmp_path, signer(LENA).line())
    assert caught.value.exit_code == 3
    assert os.environ["PATH"] == str(tmp_path)
