"""Files that `--sign` names: which are keys, and what helps with the others; keys by their fingerprints."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import stat
from pathlib import Path

from errors import CannotSign, local_faults

_BEGINS = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")
_PEM = ("-----BEGIN EC PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----")
_LOCKED_PEM = ("-----BEGIN ENCRYPTED PRIVATE KEY-----", "Proc-Type: 4,ENCRYPTED")
_PUBLIC_SSH = re.compile(r"(?:ssh|ecdsa|sk)-[A-Za-z0-9@.-]+ [A-Za-z0-9+/]+=*(?: |$)", re.MULTILINE)
_RSA = bytes.fromhex("06092a864886f70d010101")
"""The name of RSA's algorithm in a PEM of any algorithm (RFC 8017, "rsaEncryption")."""
MAKE_EC = "openssl ecparam -name prime256v1 -genkey -noout -out KEY.pem"


def read_key(key: Path) -> str:
    """The text of a file that has a private key, or a public one that the agent may have the private one of.

    Raises:
        CannotSign: it has none, or one that will not be taken.
    """
    if key.is_dir():
        found = "a folder" if str(key) != "." else "a folder (`.`), or an empty name"
        remedy = "Name the file with the key in it; of an empty variable nothing is left to name."
        raise CannotSign(key, found=found, remedy=remedy)
    if not key.is_file():
        raise CannotSign(key, found="no such file", remedy="Make one: ssh-keygen -t ed25519 -f KEY")
    with local_faults():
        text = key.read_bytes().decode("utf-8", "replace")
        mode = stat.S_IMODE(key.stat().st_mode)
    if "\r" in text and ("-----BEGIN" in text or _PUBLIC_SSH.search(text)):
        remedy = rf"Take them out: sed -i 's/\r$//' {key}"
        raise CannotSign(key, found="a key with Windows line ends", remedy=remedy)
    if any(line in text for line in _LOCKED_PEM):
        found = "a PEM that is protected by a passphrase"
        raise CannotSign(
            key, found=found, remedy="Keep it unprotected in a file of mode 600, or sign by SSH."
        )
    if "-----BEGIN PUBLIC KEY-----" in text:
        found = "a public key in PEM, by which nothing is signed"
        raise CannotSign(key, found=found, remedy="Name the private one; this one goes into ALLOWED_SIGNERS.")
    if is_pem(text) and _RSA in _der(text):
        found = "an RSA key, which signs no files"
        raise CannotSign(key, found=found, remedy=f"Make one: {MAKE_EC}; for tags: ssh-keygen -t ed25519")
    if mode & 0o077 and _BEGINS.search(text) and not is_pem(text):
        found = f"a private key that others may read (mode {mode:04o})"
        raise CannotSign(key, found=found, remedy=f"Keep it to yourself: chmod 600 {key}")
    return text


def is_pem(text: str) -> bool:
    """True if it is a private key in PEM that signs files, and not one of SSH."""
    return text.lstrip().startswith(_PEM)


def is_public(text: str) -> bool:
    """True if it is a public key of SSH."""
    return _PUBLIC_SSH.match(text.lstrip()) is not None


def key_of_tag(signature: str) -> str | None:
    """The key of a tag's signature, as `ssh-keygen -l` shows it; None if it is not one of SSH.

    It is in the signature (PROTOCOL.sshsig of OpenSSH), behind "SSHSIG", a version and its own length.
    """
    lines = signature.strip().splitlines()
    if not lines or lines[0] != "-----BEGIN SSH SIGNATURE-----":
        return None
    try:
        data = base64.b64decode("".join(lines[1:-1]), validate=True)
    except binascii.Error:
        return None
    key = data[14 : 14 + int.from_bytes(data[10:14], "big")]
    return f"SHA256:{base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip('=')}"


def key_of_files(signature: bytes) -> str | None:
    """The sha256 of the public key that a `model.sig` names; None if it names none."""
    try:
        return str(json.loads(signature)["verificationMaterial"]["publicKey"]["hint"])
    except (ValueError, LookupError, TypeError):
        return None


def _der(text: str) -> bytes:
    body = "".join(line for line in text.splitlines() if not line.startswith("-"))
    try:
        return base64.b64decode(body)
    except binascii.Error:
        return b""
