"""Signatures by SSH, checked with `ssh-keygen -Y`, as git does it, but without git: no configuration can name another
program, and the signature must be one for git and nothing else."""

from __future__ import annotations

import base64
import re
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

from app.errors import printable
from app.signing.as_path import as_path
from app.signing.git_objects import SignedTag
from app.signing.refusals import BadSignature, NoSshKeygen, NotTrusted

if TYPE_CHECKING:
    import subprocess

NAMESPACE = "git"
_SECONDS = 30
_SHOWN = 300
_NO_USER = "No user exists"
_KRL = b"SSHKRL"
"""The first bytes of a list of revoked keys that ssh-keygen -k wrote."""
_DO_NOT_USE = (
    "Do not use this release: whoever has that key may be somebody else. Pin a version that another key signed, or ask "
    "its owner for one."
)
_DATES = re.compile(r"has expired|not yet valid")
_BAD_LINE = re.compile(r":([0-9]+): (?:missing key|invalid key|bad|unsupported)")
_NOT_LISTED = "No principal matched."


def find_signer(tag: SignedTag, signers: Path, revoked: Path | None, *, version: str) -> str:
    """The name of who signed, as `signers` has it, at the tag's own date.

    Args:
        signers: a file in the format of ssh-keygen(1), "ALLOWED SIGNERS"; its dates count in UTC.
        revoked: a file of keys that no longer count.

    Raises:
        BadSignature: it does not hold. NotTrusted: it holds, and is of nobody listed then.
        NoSshKeygen: the program is missing.
    """
    at = time.strftime("-Overify-time=%Y%m%d%H%M%S", time.gmtime(tag.second))
    with as_path(tag.signature) as (path, descriptor):

        def keygen(verb: str, *options: str) -> subprocess.CompletedProcess[str]:
            return _run(["-Y", verb, *options, "-s", path], tag.payload, descriptor)

        def is_good(name: str, *more: str) -> subprocess.CompletedProcess[str]:
            return keygen("verify", "-n", NAMESPACE, "-f", str(signers), "-I", name, at, *more)

        found = keygen("find-principals", "-f", str(signers), at)
        # subtle: of a line "!eve,*" both are given, and eve is whom it shuts out
        names = [name for name in found.stdout.splitlines() if name[:1] != "!"] if found.returncode == 0 else []
        said, remedy = found.stderr, ""
        refused = () if revoked is None else ("-r", str(revoked))
        for name in names:
            verified = is_good(name, *refused)
            if verified.returncode == 0:
                return printable(name)
            said = verified.stderr
            if refused and is_good(name).returncode == 0:
                is_listed = _has_key(revoked, tag.signature)
                said = f"{revoked} {'has this key' if is_listed else 'cannot be read'}"
                remedy = (
                    _DO_NOT_USE if is_listed else f"Correct {revoked}: a public key in each line, as `KEYTYPE KEY`."
                )
                break
        holds = keygen("check-novalidate", "-n", NAMESPACE)
        if holds.returncode != 0:
            expected = "a signature of the tag's own bytes, made for git"
            raise BadSignature(version, found=_words(holds.stderr) or "none that holds", expected=expected)
        key = holds.stdout.strip().partition(" with ")[2] or "a key that is not named"
        reason = _words(said.replace(_NOT_LISTED, ""))
        raise NotTrusted(
            version,
            found=f"signed with {key} ({reason or 'not listed'})",
            listed_in=str(signers),
            remedy=remedy or _remedy(said, str(signers)),
        )


def _has_key(revoked: Path | None, signature: bytes) -> bool:
    """True if a file of revoked keys has the key of this signature: ssh-keygen says the same of a file that it cannot
    read. A signature has the key in it, behind "SSHSIG", a version and its own length (PROTOCOL.sshsig)."""
    if revoked is None:
        return False
    try:
        listed = revoked.read_bytes()
    except OSError:  # as ssh-keygen found too
        return False
    data = base64.b64decode(b"".join(signature.splitlines()[1:-1]))
    key = data[14 : 14 + int.from_bytes(data[10:14], "big")]
    return listed.startswith(_KRL) or base64.b64encode(key) in listed


def _remedy(said: str, signers: str) -> str:
    """What helps with a line of the signers that does not count; empty where none is named."""
    if _DATES.search(said):
        return (
            "Ask its owner for a version that was signed with a key of that time; or, if the dates are your own "
            f"mistake, correct them in {signers}."
        )
    if line := _BAD_LINE.search(said):
        return f"Correct line {line[1]} of {signers}: NAME KEYTYPE KEY, with options behind the name."
    return ""


def _run(arguments: list[str], payload: bytes, descriptor: int) -> subprocess.CompletedProcess[str]:
    import subprocess  # each start imports this module, and most have no signature to check

    program = shutil.which("ssh-keygen")
    if program is None:
        raise NoSshKeygen
    try:
        done = subprocess.run(
            [program, *arguments],
            input=payload,
            capture_output=True,
            env={"LC_ALL": "C", "TZ": "UTC"},
            start_new_session=True,  # no terminal to ask at
            pass_fds=[descriptor],
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise NoSshKeygen(f"no end within {_SECONDS} seconds") from None
    said = done.stderr.decode("utf-8", "replace")
    if _NO_USER in said:
        raise NoSshKeygen(_words(said))
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode("utf-8", "replace"), said)


def _words(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return printable("; ".join(lines))[:_SHOWN].rstrip(".")
