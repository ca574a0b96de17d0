from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from app.cli.diagnosis_signers import signers
from app.cli.symptom import Symptom
from app.settings import read_settings
from tests.signing.signers import EVE, LENA, signer

PEM = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"


def of(path: Path, *, required: bool = True) -> Symptom:
    return signers(replace(read_settings({}), require_signature=required, allowed_signers=path))


def test_a_file_of_signers_is_counted(tmp_path: Path):
    file = tmp_path / "allowed_signers"
    file.write_text(f"# people\n\n{signer(LENA).line()}{signer(EVE).line('')}  \n")
    assert of(file) == Symptom("signers", True, f"ALLOWED_SIGNERS, {file}: 2 SSH keys; REQUIRE_SIGNATURE=true")
    (tmp_path / "revoked_signers").write_text(f"{signer(EVE).public}\n")
    found = f"ALLOWED_SIGNERS, {file}: 2 SSH keys, 1 revoked key; no signature is required"
    assert of(file, required=False) == Symptom("signers", True, found)


def test_a_folder_of_signers_and_of_keys_is_counted_and_what_has_no_key_named(tmp_path: Path):
    (tmp_path / "allowed_signers").write_text(f"lena\n{signer(LENA).line()}eve ssh-ed25519\n")
    (tmp_path / "lena.pem").write_text(PEM)
    (tmp_path / "eve.pem").write_text(PEM.replace("PUBLIC", "PRIVATE"))
    said = "1 SSH key, 1 public key, no key in allowed_signers:1, allowed_signers:3, eve.pem; REQUIRE_SIGNATURE=true"
    assert of(tmp_path) == Symptom("signers", True, f"ALLOWED_SIGNERS, {tmp_path}: {said}")


@pytest.mark.parametrize("text", ["", "# nobody yet\n", "lena\n"])
def test_nobody_is_a_fault_where_somebody_has_to_sign(tmp_path: Path, text: str):
    file = tmp_path / "allowed_signers"
    file.write_text(text)
    found = of(file)
    assert (found.healthy, found.exit_code) == (False, 3) and f"{file}: names nobody" in found.found
    assert found.mend == (
        f"write into {file} who may sign (docs/signing.md says how), or set REQUIRE_SIGNATURE=false in .env"
    )
    assert of(file, required=False).healthy


def test_a_file_that_is_not_there_is_a_fault_where_somebody_has_to_sign(tmp_path: Path):
    found = of(tmp_path / "gone")
    assert (found.healthy, found.exit_code) == (False, 3) and "is not there, so nobody is trusted" in found.found
    assert of(tmp_path / "gone", required=False).healthy


@pytest.mark.parametrize("required", [True, False])
@pytest.mark.parametrize("name", ["allowed_signers", "revoked_signers"])
def test_what_may_not_be_read_is_a_fault_in_any_case(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, required: bool, name: str
):
    for file in ("allowed_signers", "revoked_signers"):
        (tmp_path / file).write_text(signer(LENA).line())
    opened = os.open

    def denied(path: str, *arguments: int) -> int:
        if str(path).endswith(name):
            raise PermissionError(13, "Permission denied", path)
        return opened(path, *arguments)

    monkeypatch.setattr(os, "open", denied)
    found = of(tmp_path, required=required)
    assert (found.healthy, found.exit_code) == (False, 3)
    assert found.found == f"{tmp_path / name}: no permission to write or read" and "chmod" in found.mend


def test_a_list_of_revoked_keys_that_leads_nowhere_is_a_fault(tmp_path: Path):
    (tmp_path / "allowed_signers").write_text(signer(LENA).line())
    (tmp_path / "revoked_signers").symlink_to("nowhere")
    found = of(tmp_path, required=False)
    assert not found.healthy and "No such file" in found.found


def test_a_pipe_is_no_list_and_does_not_block(tmp_path: Path):
    os.mkfifo(tmp_path / "allowed_signers")
    assert "names nobody" in of(tmp_path / "allowed_signers").found
