"""Signed tags: what a pull and a start accept. What a signature itself may be: tests/signing/."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.release.record import read_record
from app.signing.trust import Trust
from tests.release.conftest import House
from tests.release.remote import FILES, Remote
from tests.signing.signers import LENA, signed_tag, signer, trusting


@pytest.fixture
def trust(tmp_path: Path) -> Trust:
    return trusting(tmp_path, signer(LENA).line())


def test_a_signed_tag_is_pulled_and_its_proof_and_signer_recorded(house: House, remote: Remote, trust: Trust):
    tag = signed_tag(remote, "v1.0", remote.commit(FILES), signer(LENA))
    release = house.pull(str(remote.folder), trust=trust).release
    assert release.signer == LENA and release.proof is not None
    assert remote.git("hash-object", "-t", "tag", "--stdin", data=release.proof.tag) == tag
    assert read_record(house.models / "v1.0") == release == read_record(house.models)
    assert "v1.0: signed by lena@example.org." in house.said
