"""Signed releases: what a pull and a start accept. What a signature itself may be: tests/signing/."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from msgspec import structs, to_builtins

from app.errors import Refused, SystemRefused, Unreachable
from app.release.record import RECORD, Release, read_record
from app.release.refusals import BadRelease, MovedTag
from app.release.signature import find_signer, look_for_signer
from app.signing.refusals import BadSignature, NobodyTrusted, NotSigned, NotTrusted
from app.signing.trust import Trust
from tests.release.conftest import House
from tests.release.remote import FILES, PKL, Remote
from tests.signing.signers import EVE, LENA, signed_tag, signer, tag_text, trusting


@pytest.fixture
def trust(tmp_path: Path) -> Trust:
    return trusting(tmp_path, signer(LENA).line())


@pytest.fixture
def commit(remote: Remote) -> str:
    return remote.commit(FILES)


@pytest.fixture
def signed(house: House, remote: Remote, commit: str, trust: Trust) -> House:
    """A house with a release that Lena signed."""
    signed_tag(remote, "v1.0", commit, signer(LENA))
    house.pull(str(remote.folder), trust=trust)
    return house


def refused(house: House, remote: Remote, trust: Trust, kind: type[Refused], said: str, version: str = "v1.0") -> None:
    """A pull that is refused with exit code 4, and changes nothing."""
    before = house.contents()
    with pytest.raises(kind, match=said) as caught:
        house.pull(str(remote.folder), version, trust=trust)
    assert caught.value.exit_code == 4
    assert house.contents() == before


def release_in(house: House):
    release = read_record(house.models / "v1.0")
    assert release is not None
    return release


def no_card(folder: Path) -> None:
    """The artefact that a card names, where none does."""


def look(house: House, trust: Trust, *, card: str | None = None, entries: Sequence[Release] = ()) -> str | None:
    folder = house.models / "v1.0"
    return look_for_signer(folder, release_in(house), trust, lambda folder: card, lambda: entries)[0]


# -- a pull ------------------------------------------------------------------------------------------------------------


def test_a_signed_tag_is_pulled_and_its_proof_and_signer_recorded(house: House, remote: Remote, trust: Trust):
    tag = signed_tag(remote, "v1.0", remote.commit(FILES), signer(LENA))
    release = house.pull(str(remote.folder), trust=trust).release
    assert release.signer == LENA and release.proof is not None
    assert remote.git("hash-object", "-t", "tag", "--stdin", data=release.proof.tag) == tag
    assert read_record(house.models / "v1.0") == release == read_record(house.models)
    assert "v1.0: signed by lena@example.org." in house.said


def test_a_tag_that_nobody_signed_is_refused(house: House, remote: Remote, commit: str, trust: Trust):
    remote.tag("v1.0", commit)
    refused(house, remote, trust, NotSigned, r"no signature; .*`release\.py v1\.0 --sign KEY`")
    remote.point("v1.0", commit)  # a lightweight tag
    refused(house, remote, trust, NotSigned, "no signature")


def test_a_tag_that_somebody_else_signed_is_refused(house: House, remote: Remote, commit: str, trust: Trust):
    signed_tag(remote, "v1.0", commit, signer(EVE))
    refused(house, remote, trust, NotTrusted, "ED25519 key SHA256:.* another way than the release")


def test_signers_that_a_release_brings_are_not_asked(house: House, remote: Remote, trust: Trust):
    files = {**FILES, "allowed_signers": signer(EVE).line().encode()}
    signed_tag(remote, "v1.0", remote.commit(files), signer(EVE))
    refused(house, remote, trust, NotTrusted, "not listed")


def test_a_signed_tag_under_another_name_is_refused(house: House, remote: Remote, commit: str, trust: Trust):
    signed_tag(remote, "v2.0", commit, signer(LENA), named="v1.0")
    refused(house, remote, trust, BadRelease, "tag object named 'v1.0'; expected one named 'v2.0'", "v2.0")


def test_a_signature_is_of_its_tag_and_no_other(house: House, remote: Remote, commit: str, trust: Trust):
    """Its signature is put behind the text of a tag of another commit, or of one with a byte changed."""
    signature = signer(LENA).sign(tag_text("v1.0", commit))
    other = remote.commit({**FILES, PKL: b"another"})
    for text in (tag_text("v1.0", other), tag_text("v1.0", commit).replace(b"release", b"Release")):
        remote.point("v1.0", remote.raw("tag", text + signature))
        refused(house, remote, trust, BadSignature, "incorrect signature; expected")


def test_an_expired_key_does_not_count_by_a_date_of_eleven_digits(
    house: House, remote: Remote, commit: str, tmp_path: Path
):
    signed_tag(remote, "v1.0", commit, signer(LENA), second=17_000_000_000)
    trust = trusting(tmp_path, signer(LENA).line('valid-before="20260101"'))
    refused(house, remote, trust, BadSignature, "a tag without a date that can be read")


def test_a_tag_that_its_signer_moved_is_a_moved_tag(signed: House, remote: Remote, trust: Trust):
    signed_tag(remote, "v1.0", remote.commit({**FILES, PKL: b"another"}), signer(LENA))
    refused(signed, remote, trust, MovedTag, "moved to commit")


def test_a_pgp_signature_and_a_second_one_are_refused(house: House, remote: Remote, commit: str, trust: Trust):
    text = tag_text("v1.0", commit)
    pgp = b"-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----\n"
    remote.point("v1.0", remote.raw("tag", text + pgp))
    refused(house, remote, trust, BadSignature, "BEGIN PGP SIGNATURE.*gpg.format=ssh")
    once = text + signer(LENA).sign(text)
    remote.point("v1.0", remote.raw("tag", once + signer(LENA).sign(once)))
    refused(house, remote, trust, BadSignature, "2 signatures in one tag")


@pytest.mark.parametrize("kind", ["tag", "commit"])
def test_a_signed_tag_of_huge_objects_is_refused(house: House, remote: Remote, commit: str, trust: Trust, kind: str):
    if kind == "tag":
        text = tag_text("v1.0", commit) + b"x" * (64 << 10) + b"\n"
        remote.point("v1.0", remote.raw("tag", text + signer(LENA).sign(text)))
    else:
        body = remote.git("cat-file", "commit", commit) + "x" * (64 << 10)
        signed_tag(remote, "v1.0", remote.raw("commit", body.encode()), signer(LENA))
    refused(house, remote, trust, BadRelease, rf"a {kind} object of 65,\d+ bytes; expected at most 65,536")


def test_a_repository_that_names_a_program_for_signatures_does_not_get_it_run(
    house: House, remote: Remote, commit: str, trust: Trust, tmp_path: Path
):
    marker, program = tmp_path / "it-ran", tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {marker}\n")
    program.chmod(0o755)
    for key in ("gpg.ssh.program", "gpg.program", "gpg.x509.program", "gpg.ssh.defaultKeyCommand"):
        remote.git("config", key, str(program))
    remote.git("config", "gpg.format", "ssh")
    signed_tag(remote, "v1.0", commit, signer(LENA))
    assert house.pull(str(remote.folder), trust=trust).release.signer == LENA
    assert not marker.exists()


def test_signers_of_whom_one_is_needed_must_be_named_and_readable(
    house: House, remote: Remote, commit: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    signed_tag(remote, "v1.0", commit, signer(LENA))
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "missing", tmp_path / "empty"):
        with pytest.raises(NobodyTrusted, match=r"ALLOWED_SIGNERS, .*docs/signing\.md") as caught:
            house.pull(str(remote.folder), trust=Trust(True, path))
        assert caught.value.exit_code == 3
    trust = trusting(tmp_path, signer(LENA).line())

    def denied(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", denied)
    with pytest.raises(SystemRefused, match="allowed_signers: no permission"):
        trust.check()


# -- without REQUIRE_SIGNATURE -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("by", "trusted", "said"),
    [
        (None, None, []),
        (None, LENA, ["not signed"]),
        (EVE, LENA, ["by nobody trusted here: signed with ED25519 key"]),
        (EVE, None, ["signed, and ALLOWED_SIGNERS names nobody who could have"]),
        (LENA, LENA, ["signed by lena@example.org"]),
    ],
)
def test_where_no_signature_is_needed_it_is_said_who_signed(
    house: House, remote: Remote, commit: str, tmp_path: Path, by: str | None, trusted: str | None, said: list[str]
):
    if by is None:
        remote.tag("v1.0", commit)
    else:
        signed_tag(remote, "v1.0", commit, signer(by))
    path = tmp_path / "missing"
    trust = Trust(False, path) if trusted is None else trusting(tmp_path, signer(trusted).line(), required=False)
    assert house.pull(str(remote.folder), trust=trust).release.signer == (by if by == trusted else None)
    lines = [line.removeprefix("v1.0: ") for line in house.said if line.startswith("v1.0: ")]
    assert len(lines) == len(said) and all(map(str.startswith, lines, said))


def test_a_form_of_signature_that_is_not_checked_here_is_said_where_none_is_needed(
    house: House, remote: Remote, commit: str, trust: Trust
):
    pgp = b"-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----\n"
    remote.point("v1.0", remote.raw("tag", tag_text("v1.0", commit) + pgp))
    free = Trust(False, trust.path)
    release = house.pull(str(remote.folder), trust=free).release
    name, said = look_for_signer(house.models / "v1.0", release, free, no_card, list)
    assert name is None and said.startswith("signed in a form that is not checked here: one that begins")


def test_a_list_of_revoked_keys_that_cannot_be_read_is_not_taken_for_none(
    house: House, remote: Remote, commit: str, trust: Trust
):
    (trust.path.parent / "revoked_signers").symlink_to("nowhere")
    signed_tag(remote, "v1.0", commit, signer(LENA))
    refused(house, remote, trust, NotTrusted, "revoked_signers cannot be read")


def test_a_signature_that_does_not_hold_is_refused_in_any_case(
    house: House, remote: Remote, commit: str, tmp_path: Path
):
    signature = signer(LENA).sign(b"something else")
    remote.point("v1.0", remote.raw("tag", tag_text("v1.0", commit) + signature))
    trust = trusting(tmp_path, signer(LENA).line(), required=False)
    refused(house, remote, trust, BadSignature, "incorrect signature")


# -- the release in place ----------------------------------------------------------------------------------------------


def test_a_release_that_was_pulled_before_it_was_signed_is_fetched_anew(
    house: House, remote: Remote, commit: str, trust: Trust
):
    remote.tag("v1.0", commit)
    house.pull(str(remote.folder))
    refused(house, remote, trust, NotSigned, "no signature")
    signed_tag(remote, "v1.0", commit, signer(LENA))
    assert house.pull(str(remote.folder), trust=trust).outcome == "pulled"
    assert release_in(house).signer == LENA
    assert house.pull(str(remote.folder), trust=trust).outcome == "in place"


def test_a_release_in_place_goes_on_offline_only_if_it_is_signed(
    house: House, remote: Remote, commit: str, trust: Trust
):
    remote.tag("v1.0", commit)
    house.pull(str(remote.folder))
    away = remote.folder.rename(remote.folder.with_name("away"))
    offline = {"trust": trust, "keep_offline": True}
    with pytest.raises(NotSigned):
        house.pull(str(remote.folder), **offline)
    with pytest.raises(Unreachable):
        house.pull(str(remote.folder), trust=trust)
    away.rename(remote.folder)
    signed_tag(remote, "v1.0", commit, signer(LENA))
    house.pull(str(remote.folder), trust=trust)
    remote.folder.rename(away)
    assert house.pull(str(remote.folder), **offline).outcome == "kept"


def test_a_signer_who_is_no_longer_trusted_ends_it(signed: House, trust: Trust, tmp_path: Path):
    folder = signed.models / "v1.0"
    assert find_signer(folder, release_in(signed), trust) == LENA
    (tmp_path / "revoked_signers").write_text(f"{signer(LENA).public}\n")
    with pytest.raises(NotTrusted, match="revoked_signers has this key"):
        find_signer(folder, release_in(signed), trust)


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_file_changed_after_the_pull_is_refused(signed: House, trust: Trust, name: str):
    (signed.models / "v1.0" / name).unlink()
    with pytest.raises(BadSignature, match=f"{name}: "):
        find_signer(signed.models / "v1.0", release_in(signed), trust)
    (signed.models / "v1.0" / name).write_bytes(FILES[name].swapcase())
    with pytest.raises(BadSignature, match=f"{name} with other bytes"):
        find_signer(signed.models / "v1.0", release_in(signed), trust)


# -- a record that somebody edited -------------------------------------------------------------------------------------


def edit(house: House, change: Callable[[dict], None]) -> None:
    path = house.models / "v1.0" / RECORD
    record = json.loads(path.read_text())
    change(record)
    path.unlink()
    path.write_text(json.dumps(record))


def test_a_record_that_calls_itself_another_version_is_refused(signed: House, trust: Trust):
    edit(signed, lambda record: record.update(version="v2.0"))
    with pytest.raises(BadSignature, match=r"named 'v1\.0'; expected one named 'v2\.0'"):
        find_signer(signed.models / "v1.0", release_in(signed), trust)


def test_a_record_with_the_proof_of_another_release_is_refused(
    signed: House, remote: Remote, trust: Trust, tmp_path: Path
):
    signed_tag(remote, "v1.0", remote.commit({PKL: b"another"}), signer(LENA))
    other = House(tmp_path / "other")
    other.pull(str(remote.folder), trust=trust)
    proof = json.loads((other.models / "v1.0" / RECORD).read_text())["proof"]
    edit(signed, lambda record: record.update(proof=proof))
    with pytest.raises(BadSignature, match="expected commit"):
        find_signer(signed.models / "v1.0", release_in(signed), trust)
    edit(signed, lambda record: record.update(commit=other.pull(str(remote.folder)).release.commit))
    with pytest.raises(BadSignature, match=r"is not in the signed commit|with other bytes"):
        find_signer(signed.models / "v1.0", release_in(signed), trust)


@pytest.mark.parametrize("name", ["MODELCARD.md", "train.py"])
def test_a_record_that_leaves_out_a_signed_file_is_refused(signed: House, trust: Trust, name: str):
    """Its place could take another file, which a start would read."""
    edit(signed, lambda record: record.update(files=[one for one in record["files"] if one["name"] != name]))
    with pytest.raises(BadSignature, match=f"a record without {name}"):
        find_signer(signed.models / "v1.0", release_in(signed), trust)


def test_a_record_of_a_file_that_nobody_signed_is_refused(signed: House, trust: Trust):
    (signed.models / "v1.0/more.pkl").write_bytes(b"artefact")
    more = next(file for file in release_in(signed).files if file.name == PKL)
    edit(signed, lambda record: record["files"].append({**to_builtins(more), "name": "more.pkl"}))
    with pytest.raises(BadSignature, match=r"more\.pkl, which is not in the signed commit"):
        find_signer(signed.models / "v1.0", release_in(signed), trust)


def test_a_record_whose_proof_is_taken_out_is_one_of_a_release_that_is_not_signed(signed: House, trust: Trust):
    edit(signed, lambda record: record.pop("proof"))
    with pytest.raises(NotSigned, match=r"`pixelwise pull v1\.0` fetches the signature too"):
        find_signer(signed.models / "v1.0", release_in(signed), trust)
    free = Trust(False, trust.path)
    said = look_for_signer(signed.models / "v1.0", release_in(signed), free, no_card, [])
    assert said == (None, "not signed")


@pytest.mark.parametrize("part", ["tag", "commit", "tree"])
def test_a_proof_that_is_cut_off_is_refused(signed: House, trust: Trust, part: str):
    edit(signed, lambda record: record["proof"].update({part: record["proof"][part][:40]}))
    with pytest.raises(BadSignature):
        find_signer(signed.models / "v1.0", release_in(signed), trust)


@pytest.mark.parametrize("value", ["not base64!", "AAA", "A" * (88 << 10), 7, None, ["AAAA"]])
def test_a_proof_that_is_no_proof_makes_the_record_none(signed: House, value: object):
    edit(signed, lambda record: record["proof"].update(tag=value))
    with pytest.raises(BadRelease, match=r"record .*expected the record that `pixelwise pull` wrote"):
        read_record(signed.models / "v1.0")


def test_a_record_written_by_hand_has_no_say_in_who_is_trusted(signed: House, tmp_path: Path):
    """Its signer is what the pull found; every start asks again."""
    edit(signed, lambda record: record.update(signer=EVE))
    with pytest.raises(NotTrusted):
        find_signer(signed.models / "v1.0", release_in(signed), trusting(tmp_path, signer(EVE).line()))


def test_a_pull_puts_an_edited_record_right(signed: House, remote: Remote, trust: Trust):
    before = signed.contents()
    edit(signed, lambda record: record["proof"].update(tag=record["proof"]["tag"][:40]))
    assert signed.pull(str(remote.folder), trust=trust).outcome == "pulled"
    assert signed.contents() == before


def test_a_record_that_serves_another_signed_file_is_refused_and_put_right_by_a_pull(
    house: House, remote: Remote, trust: Trust
):
    """No signature covers the record, which says which of the files is the artefact."""
    two = {**FILES, "digit_classifier_v2.pkl": b"another"}
    signed_tag(remote, "v1.0", remote.commit(two), signer(LENA))
    house.pull(str(remote.folder), trust=trust)
    before = house.contents()
    edit(house, lambda record: record.update(artefact="digit_classifier_v2.pkl"))
    said = r"a record that serves digit_classifier_v2\.pkl, .*; expected digit_classifier_v1\.pkl, by what was signed"
    with pytest.raises(BadSignature, match=said):
        look(house, trust)
    with pytest.raises(BadSignature, match=said):
        look(house, Trust(False, trust.path))
    assert house.pull(str(remote.folder), trust=trust).outcome == "pulled"
    assert house.contents() == before


def test_the_artefact_of_a_signed_release_is_the_one_that_its_card_names(signed: House, trust: Trust):
    edit(signed, lambda record: record.update(artefact="train.py"))
    with pytest.raises(BadSignature, match=r"expected digit_classifier_v1\.pkl"):
        look(signed, trust)
    assert look(signed, trust, card="train.py") == LENA
    with pytest.raises(BadSignature, match=r"expected gone\.pkl, as its card names it"):
        look(signed, trust, card="gone.pkl")


def test_a_reviewed_entry_may_name_another_artefact(signed: House, trust: Trust):
    edit(signed, lambda record: record.update(artefact="train.py"))
    entry = release_in(signed)
    assert look(signed, trust, entries=[entry]) == LENA
    for other in (structs.replace(entry, version="v2.0"), structs.replace(entry, artefact=PKL)):
        with pytest.raises(BadSignature, match=r"expected digit_classifier_v1\.pkl"):
            look(signed, trust, entries=[other])
