"""`model.sig`: OpenSSF Model Signing in its form with a key. The list of files is read here, and bounded; its signature
is checked by the package `model-signing`, in a process of its own (`model_signing_child.py`).

https://github.com/ossf/model-signing-spec: a Sigstore bundle, in it a DSSE envelope, in it an in-toto statement.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Struct

from app.errors import only_refusals, printable, system_refusals
from app.signing.as_path import as_path
from app.signing.refusals import BadSignature, NoModelSigning, NotTrusted

SIGNATURE = "model.sig"
MOST_BYTES = 64 << 10
"""Most bytes of `model.sig`: one with 100 files has 20,000."""
_PREDICATE = "https://model_signing/signature/v1.0"
_SECONDS = 120
_SHOWN = 300


class _Key(Struct):
    hint: str | None = None


class _Material(Struct, rename="camel"):
    public_key: _Key | None = None


class _Envelope(Struct):
    payload: bytes


class _Bundle(Struct, rename="camel"):
    verification_material: _Material
    dsse_envelope: _Envelope


class _Resource(Struct):
    name: str
    algorithm: str
    digest: str


class _Serialization(Struct):
    method: str
    hash_type: str


class _Predicate(Struct):
    serialization: _Serialization
    resources: tuple[_Resource, ...]


class _Statement(Struct, rename="camel"):
    predicate_type: str
    predicate: _Predicate


class ModelSignature(NamedTuple):
    """The contents of a `model.sig`, not yet verified.

    Attributes:
        files: the sha256 of each signed file, by its name.
        hint: the sha256 of the signer's public key; None in older ones. Only says which key to try.
    """

    data: bytes
    files: Mapping[str, str]
    hint: str | None


def read_signature(data: bytes, *, version: str) -> ModelSignature:
    """The contents of `model.sig`.

    Raises:
        BadSignature: it is not one of a key, or not of whole files by sha256. NotTrusted: it is of a certificate.
    """
    expected = f"{SIGNATURE} as model-signing writes it with a key"
    if len(data) > MOST_BYTES:
        raise BadSignature(version, found=f"{SIGNATURE} of {len(data):,} bytes", expected=f"at most {MOST_BYTES:,}")
    with only_refusals(lambda said: BadSignature(version, found=f"{SIGNATURE}: {said}", expected=expected)):
        bundle = msgspec.json.decode(data, type=_Bundle)
        statement = msgspec.json.decode(bundle.dsse_envelope.payload, type=_Statement)
    key, predicate = bundle.verification_material.public_key, statement.predicate
    if key is None:
        raise NotTrusted(version, found=f"{SIGNATURE} of a certificate", listed_in="ALLOWED_SIGNERS, by a key")
    form = (statement.predicate_type, predicate.serialization.method, predicate.serialization.hash_type)
    if form != (_PREDICATE, "files", "sha256") or any(file.algorithm != "sha256" for file in predicate.resources):
        raise BadSignature(version, found=f"{SIGNATURE} of another form ({', '.join(form)})", expected=expected)
    files = {file.name: file.digest for file in predicate.resources}
    if len(files) < len(predicate.resources):
        raise BadSignature(version, found=f"{SIGNATURE} with two files of one name", expected=expected)
    return ModelSignature(data, files, key.hint)


def find_signer(
    signature: ModelSignature,
    folder: Path,
    keys: Mapping[str, Path],
    *,
    listed_in: str,
    version: str,
    python: str = sys.executable,
) -> str:
    """The name of whose key it is, once the package has verified it and the files in `folder`.

    Args:
        keys: trusted public keys (PEM), by the names of their owners.
        python: the interpreter that has the package.

    Raises:
        NotTrusted: of another key. BadSignature: of one of these, and it does not hold. NoModelSigning: no package.
    """
    hints = {name: _hint(path) for name, path in keys.items()}
    likely = [name for name in keys if signature.hint in (None, hints[name])]
    if not likely:
        found = f"{SIGNATURE} of the key with sha256 {printable(str(signature.hint))[:64]}"
        raise NotTrusted(version, found=found, listed_in=listed_in)
    with as_path(signature.data) as (path, descriptor):
        asked = {"folder": str(folder), "signature": path, "keys": [str(keys[name]) for name in likely]}
        answer = _ask(asked, python, descriptor, version)
    if answer.missing:
        raise NoModelSigning(version, found=_words(answer.missing))
    if answer.signer is None:
        said = "; ".join(dict.fromkeys(answer.refused))
        if signature.hint is None:
            raise NotTrusted(version, found=f"{SIGNATURE}: {_words(said)}", listed_in=listed_in)
        raise BadSignature(version, found=f"{SIGNATURE}: {_words(said)}", expected=f"what {likely[0]} signed")
    return printable(likely[answer.signer])


class _Answer(Struct):
    missing: str = ""
    signer: int | None = None
    refused: tuple[str, ...] = ()


def _ask(asked: object, python: str, descriptor: int, version: str) -> _Answer:
    import subprocess  # each start imports this module, and most have no signature to check

    child = Path(__file__).with_name("model_signing_child.py")
    try:
        done = subprocess.run(
            [python, "-I", "-X", "utf8", str(child)],
            input=json.dumps(asked).encode(),
            capture_output=True,
            env={"LC_ALL": "C.UTF-8"},
            pass_fds=[descriptor],
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise NoModelSigning(version, found=f"no end within {_SECONDS} seconds") from None
    lines = (done.stdout if done.returncode == 0 else done.stderr).splitlines() or [b""]
    last = lines[-1].decode("utf-8", "replace")
    if done.returncode:
        raise NoModelSigning(version, found=_words(last))
    return msgspec.json.decode(last, type=_Answer)


def _hint(path: Path) -> str:
    """The sha256 by which the package names a public key: that of its PEM, in lines of 64 characters."""
    with system_refusals(path):
        text = path.read_text(encoding="ascii", errors="replace")
    body = text.partition("-----BEGIN PUBLIC KEY-----")[2].partition("-----END PUBLIC KEY-----")[0]
    try:
        key = base64.b64encode(base64.b64decode("".join(body.split()), validate=True)).decode()
    except binascii.Error:
        key = ""
    lines = [key[start : start + 64] for start in range(0, len(key), 64)]
    pem = "\n".join(["-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", ""])
    return hashlib.sha256(pem.encode()).hexdigest()


def _words(said: str) -> str:
    return printable(" ".join(said.split()))[:_SHOWN].rstrip(".") or "no reason given"
