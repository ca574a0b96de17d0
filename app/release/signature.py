"""The signer of a release in a folder: its signed tag by the proof in its record, or its `model.sig`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from app.errors import ConfigurationError
from app.model.plain_file import NotPlain, read_needed_file
from app.release.record import Release, describe
from app.signing.git_objects import check_in_tree, read_signed_tag
from app.signing.refusals import BadSignature, NobodyTrusted, NotSigned, NotTrusted
from app.signing.ssh_keygen import find_signer as find_ssh_signer
from app.signing.trust import Trust


def look_for_signer(folder: Path, release: Release, trust: Trust) -> tuple[str | None, str]:
    """The name of who signed the release in `folder`, and how to say that; None if nobody trusted did.

    Raises:
        Refused, ConfigurationError: as `find_signer`, if a signature is required.
        BadSignature: in any case.
    """
    try:
        name = find_signer(folder, release, trust)
    except NotSigned:
        if trust.required:
            raise
        return None, "not signed"
    except NotTrusted as error:
        if trust.required:
            raise
        return None, f"by nobody trusted here: {error.found}"
    except ConfigurationError as error:
        if trust.required:
            raise
        return None, f"signed, and not checked: {error.subject}: {error.found}"
    return name, f"signed by {name}"


def find_signer(folder: Path, release: Release, trust: Trust) -> str:
    """The name of who signed the release whose files lie in `folder`; all of them are read, and must be covered.

    Raises:
        NotSigned, NotTrusted, BadSignature: nobody did, nobody listed, or it does not hold.
        NobodyTrusted, NoSshKeygen, NoModelSigning, SystemRefused: it cannot be checked here.
    """
    if trust.required:
        trust.check()
    if release.proof is None or release.commit is None:
        raise NotSigned(release.version)
    trust.check()
    if trust.ssh_signers is None:
        raise NobodyTrusted(trust.path, found="no file of SSH signers in this folder")
    tag = read_signed_tag(release.proof, version=release.version, commit=release.commit)
    for name, data in _files(folder, release):
        check_in_tree(release.proof, name, data, version=release.version)
    return find_ssh_signer(tag, trust.ssh_signers, trust.revoked, version=release.version)


def _files(folder: Path, release: Release) -> Iterator[tuple[str, bytes]]:
    """Each file and its bytes, which are those of the record."""
    for file in release.files:
        try:
            data = read_needed_file(folder / file.name, limit=file.size)
        except NotPlain as error:
            raise BadSignature(release.version, found=f"{file.name}: {error.why}", expected="every file") from None
        if describe(file.name, data) != file:
            raise BadSignature(release.version, found=f"{file.name} with other bytes", expected="those of its record")
        yield file.name, data
