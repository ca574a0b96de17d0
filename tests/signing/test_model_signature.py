"""`model.sig`: what is read of it here. Its signature is checked with the real package in tests/clients/."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path

import pytest

from app.signing.model_signature import MOST_BYTES, find_signer, read_signature
from app.signing.refusals import BadSignature, NoModelSigning, NotTrusted

DIGEST = "ab" * 32


def bundle(**changed: object) -> bytes:
    """A `model.sig` as model-signing 1.1 writes it, with some values changed; its signature holds for nothing."""
    resources = changed.pop("resources", [{"name": "a.pkl", "algorithm": "sha256", "digest": DIGEST}])
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "v1.0", "digest": {"sha256": DIGEST}}],
        "predicateType": changed.pop("predicate_type", "https://model_signing/signature/v1.0"),
        "predicate": {
            "resources": resources,
            "serialization": {"method": "files", "allow_symlinks": False, "hash_type": "sha256"}
            | changed.pop("serialization", {}),  # type: ignore[operator]
        },
    }
    payload = base64.b64encode(json.dumps(statement).encode()).decode()
    return json.dumps(
        {
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {"publicKey": {"hint": "12" * 32}, "tlogEntries": []},
            "dsseEnvelope": {"payload": payload, "signatures": [{"sig": "AAAA"}]},
            **changed,
        }
    ).encode()


def test_it_lists_files_by_their_sha256_and_says_which_key_to_try():
    signature = read_signature(bundle(), version="v1.0")
    assert (signature.files, signature.hint) == ({"a.pkl": DIGEST}, "12" * 32)
    older = bundle(verificationMaterial={"publicKey": {}, "tlogEntries": []})
    assert read_signature(older, version="v1.0").hint is None


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "model.sig: DecodeError"),
        (b"<!DOCTYPE html>", "model.sig: DecodeError"),
        (b"[]", "Expected `object`, got `array`"),
        (b"[" * 60_000, "model.sig: "),
        (b'{"a":' * 10_000, "model.sig: "),
        (b"\xff\xfe", "model.sig: "),
        (b" " * (MOST_BYTES + 1), r"model.sig of 65,537 bytes; expected at most 65,536"),
        (bundle(dsseEnvelope={"payload": "not base64!"}), "Invalid base64"),
        (bundle(dsseEnvelope={"payload": "AAAA"}), "model.sig: DecodeError"),
        (bundle(predicate_type="https://model_signing/Digests/v0.1"), "another form .*Digests"),
        (bundle(serialization={"method": "shards"}), "another form .*shards"),
        (bundle(serialization={"hash_type": "blake3"}), "another form .*blake3"),
        (bundle(resources=[{"name": "a", "algorithm": "blake2", "digest": DIGEST}]), "another form"),
        (bundle(resources=[{"name": "a", "algorithm": "sha256", "digest": DIGEST}] * 2), "two files of one name"),
        (bundle(resources=[{"name": "a"}]), "missing required field"),
    ],
)
def test_what_is_no_signature_of_whole_files_is_refused(data: bytes, said: str):
    with pytest.raises(BadSignature, match=said) as caught:
        read_signature(data, version="v1.0")
    assert caught.value.exit_code == 4 and len(str(caught.value)) < 700


@pytest.mark.parametrize("material", ["x509CertificateChain", "certificate"])
def test_a_certificate_is_no_key(material: str):
    data = bundle(verificationMaterial={material: {}, "tlogEntries": []})
    with pytest.raises(NotTrusted, match=r"model\.sig of a certificate"):
        read_signature(data, version="v1.0")


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A public key as openssl writes it."""
    folder = tmp_path_factory.mktemp("key")
    private, public = folder / "private", folder / "lena.pem"
    subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", private], check=True)
    subprocess.run(["openssl", "ec", "-in", private, "-pubout", "-out", public], check=True, capture_output=True)
    return public


def test_a_signature_of_another_key_is_refused_before_the_package_is_needed(key: Path, tmp_path: Path):
    with pytest.raises(NotTrusted, match=r"model\.sig of the key with sha256 1212.*expected a signer of keys"):
        find_signer(read_signature(bundle(), version="v1.0"), tmp_path, {"lena": key}, listed_in="keys", version="v1.0")


def test_without_the_package_the_extra_and_its_command_are_named(key: Path, tmp_path: Path):
    """This environment does not have it."""
    data = bundle(verificationMaterial={"publicKey": {}, "tlogEntries": []})
    said = (
        r"model\.sig, and no model-signing here \(No module named 'model_signing'\); expected the extra pixelwise\[sig"
    )
    with pytest.raises(NoModelSigning, match=said) as caught:
        find_signer(read_signature(data, version="v1.0"), tmp_path, {"lena": key}, listed_in="keys", version="v1.0")
    assert caught.value.exit_code == 3
    assert "pip install --require-hashes -r requirements-signing.txt" in caught.value.remedy


def test_an_interpreter_that_fails_is_named(key: Path, tmp_path: Path):
    data = bundle(verificationMaterial={"publicKey": {}, "tlogEntries": []})
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho 'no memory' >&2\nexit 1\n")
    broken.chmod(0o755)
    signature = read_signature(data, version="v1.0")
    with pytest.raises(NoModelSigning, match="no memory"):
        find_signer(signature, tmp_path, {"lena": key}, listed_in="keys", version="v1.0", python=str(broken))
