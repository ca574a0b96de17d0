"""The fifth view at a start and in `pixelwise verify`: who signed what is served."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.model.refusals import ArtefactRefused
from app.release.record import CARD, RECORD
from app.signing.refusals import BadSignature, NobodyTrusted, NotSigned, NotTrusted
from app.signing.trust import Trust
from app.verify.check_signer import check_signer
from app.verify.checks import Check, Code
from app.verify.open_model import ModelChoice, open_model
from tests.installation import Published
from tests.release.conftest import House
from tests.release.remote import FILES, Remote
from tests.release.shop import NINE, V1
from tests.signing.signers import EVE, LENA, signed_tag, signer, trusting


@pytest.fixture
def trust(tmp_path: Path) -> Trust:
    return trusting(tmp_path, signer(LENA).line())


@pytest.fixture
def signed(house: House, remote: Remote, trust: Trust, v1: Published) -> House:
    """The real v1.0, signed by Lena and pulled."""
    signed_tag(remote, "v1.0", remote.commit(v1.files), signer(LENA))
    house.pull(str(remote.folder), trust=trust)
    return house


def start(house: House, trust: Trust | None, path: str | None = None, *, is_default: bool = False):
    named = house.root / path if path else None
    source = ModelChoice("v1.0", named, house.models, house.lock_file, False, is_default, trust)
    return open_model(source, Code(NINE))


def signer_of(checks: tuple[Check, ...]) -> list[tuple[str, str]]:
    return [(check.found, check.outcome) for check in checks if check.name == "signer"]


@pytest.mark.parametrize("path", [None, f"models/{V1}", f"models/v1.0/{V1}"])
def test_a_start_that_needs_a_signature_has_the_fifth_view(signed: House, trust: Trust, path: str | None):
    assert signer_of(start(signed, trust, path, is_default=True).checks) == [(LENA, "agrees")]


@pytest.mark.parametrize("trust_of", [lambda path: None, lambda path: Trust(False, path)])
def test_a_start_that_needs_none_does_not_ask(signed: House, trust: Trust, trust_of):
    assert signer_of(start(signed, trust_of(trust.path)).checks) == []


def test_a_release_that_an_older_version_pulled_is_refused_until_it_is_pulled_again(
    house: House, remote: Remote, trust: Trust, v1: Published
):
    signed_tag(remote, "v1.0", remote.commit(v1.files), signer(LENA))
    house.pull(str(remote.folder))
    path = house.models / "v1.0/record.json"
    text = path.read_text()
    path.unlink()
    path.write_text(text[: text.index(',\n  "proof"')] + "\n}\n")
    with pytest.raises(NotSigned, match=r"`pixelwise pull v1\.0` fetches the signature too"):
        start(house, trust)
    house.pull(str(remote.folder), trust=trust)
    assert signer_of(start(house, trust).checks) == [(LENA, "agrees")]


def test_a_file_without_a_record_can_have_no_signer(signed: House, trust: Trust, v1: Published):
    (signed.root / "mine.pkl").write_bytes(v1.artefact)
    with pytest.raises(NotSigned, match=r"mine\.pkl, which no record beside it covers"):
        start(signed, trust, "mine.pkl")


def test_a_file_that_the_signed_record_beside_it_does_not_name_has_no_signer(
    signed: House, trust: Trust, v1: Published
):
    (signed.models / "v1.0/evil.pkl").write_bytes(v1.artefact)
    with pytest.raises(NotSigned, match=r"evil\.pkl, which no record beside it covers"):
        start(signed, trust, "models/v1.0/evil.pkl")


def test_a_record_that_serves_another_signed_file_does_not_start(
    house: House, remote: Remote, trust: Trust, v1: Published, tmp_path: Path
):
    """The other one is a model too, under a card that says nothing of either, as those of the course are."""
    files = {V1: v1.artefact, "train.py": b"", "digit_classifier_v1_1.pkl": v1.artefact, CARD: b"# digits 1-9\n"}
    signed_tag(remote, "v1.0", remote.commit(files), signer(LENA))
    house.pull(str(remote.folder), trust=trust)
    assert signer_of(start(house, trust).checks) == [(LENA, "agrees")]
    path = house.models / "v1.0" / RECORD
    text = path.read_text().replace(f'"artefact": "{V1}"', '"artefact": "digit_classifier_v1_1.pkl"')
    path.unlink()
    path.write_text(text)
    start(house, None)
    for named in (None, "models/v1.0/digit_classifier_v1_1.pkl"):
        with pytest.raises(BadSignature, match=r"a record that serves digit_classifier_v1_1\.pkl"):
            start(house, trust, named)


def test_a_card_that_nobody_signed_is_not_read(house: House, remote: Remote, trust: Trust, v1: Published):
    signed_tag(remote, "v1.0", remote.commit({V1: v1.artefact}), signer(LENA))
    house.pull(str(remote.folder), trust=trust)
    (house.models / "v1.0" / CARD).write_bytes(v1.files[CARD])
    assert start(house, None).card is not None
    assert start(house, trust).card is None


def test_a_signature_is_checked_before_the_artefact_is_read(house: House, remote: Remote, tmp_path: Path, trust: Trust):
    """A file that is no model is refused for its signature, not for what is in it."""
    signed_tag(remote, "v1.0", remote.commit(FILES), signer(EVE))
    house.pull(str(remote.folder))
    with pytest.raises(NotTrusted):
        start(house, trust)
    with pytest.raises(ArtefactRefused):
        start(house, trusting(tmp_path, signer(EVE).line()))


@pytest.mark.parametrize("name", ["train.py", "requirements.txt"])
def test_a_file_that_no_start_reads_is_covered_too(signed: House, trust: Trust, name: str):
    path = signed.models / "v1.0" / name
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data[::-1])
    start(signed, None)
    with pytest.raises(BadSignature, match=f"{name} with other bytes"):
        start(signed, trust)


def test_nobody_trusted_is_a_fault_of_the_settings(signed: House, tmp_path: Path):
    with pytest.raises(NobodyTrusted) as caught:
        start(signed, Trust(True, tmp_path / "missing"))
    assert caught.value.exit_code == 3


def test_where_none_is_needed_the_view_says_what_there_is(signed: House, tmp_path: Path, trust: Trust):
    folder, lock = signed.models / "v1.0", signed.lock_file
    assert check_signer(Trust(False, trust.path), folder, lock).found == LENA
    unknown = check_signer(trusting(tmp_path, signer(EVE).line(), required=False), folder, lock)
    assert unknown.outcome == "skipped" and unknown.why.startswith("by nobody trusted here: signed with ED25519 key")
    nobody = check_signer(Trust(False, tmp_path / "missing"), folder, lock)
    assert nobody.why == "signed, and ALLOWED_SIGNERS names nobody who could have"
    assert check_signer(trust, tmp_path, lock).why == "no record is beside it"
