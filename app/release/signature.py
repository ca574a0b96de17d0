"""The signer of a release in a folder: its signed tag by the proof in its record, or its `model.sig`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from app.errors import ConfigurationError, Refused
from app.model.plain_file import NotPlain, read_needed_file
from app.release.record import CARD, SUMS, Release, describe, is_plain, own_artefact, read_sums
from app.release.refusals import BadRelease
from app.signing.git_objects import TagProof, check_in_tree, plain_files, read_signed_tag
from app.signing.model_signature import SIGNATURE, read_signature
from app.signing.model_signature import find_signer as find_key
from app.signing.refusals import BadSignature, NobodyTrusted, NotSigned, NotTrusted, OtherSignature
from app.signing.ssh_keygen import find_signer as find_ssh_signer
from app.signing.trust import SIGNERS, Trust

CardArtefact = Callable[[Path], str | None]
"""The artefact that the card in a folder names, or None; a card is read by a room above this one."""
Entries = Callable[[], Sequence[Release]]
"""Looks up the entries of `model.lock`, which only a signed release needs."""


def with_signer(
    release: Release,
    folder: Path,
    trust: Trust | None,
    card_artefact: CardArtefact,
    entries: Entries,
    say: Callable[[str], None],
) -> Release:
    """The release with the name of who signed it; a notice of that, where somebody signed or somebody is trusted."""
    if trust is None:
        return release
    name, said = look_for_signer(folder, release, trust, card_artefact, entries)
    if release.proof is not None or trust.names_somebody or any(file.name == SIGNATURE for file in release.files):
        say(f"{release.version}: {said}.")
    return msgspec.structs.replace(release, signer=name)


def is_signed(
    folder: Path,
    held: Release,
    trust: Trust | None,
    card_artefact: CardArtefact,
    entries: Entries,
    say: Callable[[str], None],
) -> bool:
    """True if the signature of the release in place is as required, now that signers may have changed."""
    try:
        if trust is not None:
            look_for_signer(folder, held, trust, card_artefact, entries)
    except Refused as error:
        say(f"{error.sentence} It is fetched anew.")
        return False
    return True


def look_for_signer(
    folder: Path, release: Release, trust: Trust, card_artefact: CardArtefact, entries: Entries
) -> tuple[str | None, str]:
    """The name of who signed the release in `folder`, and how to say that; None if nobody trusted did.

    Raises:
        Refused, ConfigurationError: as `find_signer`, if a signature is required.
        BadSignature: in any case.
    """
    try:
        name = find_signer(folder, release, trust)
        hold_artefact(folder, release, card_artefact, entries)
    except NotSigned:
        if trust.required:
            raise
        return None, "not signed"
    except OtherSignature as error:
        if trust.required:
            raise
        return None, f"signed in a form that is not checked here: {error.found}"
    except NotTrusted as error:
        if trust.required:
            raise
        return None, f"by nobody trusted here: {error.found}"
    except NobodyTrusted:
        if trust.required:
            raise
        return None, "signed, and ALLOWED_SIGNERS names nobody who could have"
    except ConfigurationError as error:
        if trust.required:
            raise
        return None, f"signed, and not checked: {error.subject}: {error.found}"
    return name, f"signed by {name}"


def hold_artefact(folder: Path, release: Release, card_artefact: CardArtefact, entries: Entries) -> None:
    """Checks that a signed release serves the artefact that a pull of it chooses. No signature covers its record, which
    could name another of the signed files.

    Args:
        card_artefact: asked if a card was signed.
        entries: a reviewed one may say otherwise.

    Raises:
        BadSignature: it serves another file.
    """
    names = {file.name: file.sha256 for file in release.files}
    try:
        own = own_artefact(release.version, names, named=card_artefact(folder) if CARD in names else None)
    except BadRelease as error:
        own = error.expected
    reviewed = [one for one in entries() if one.version == release.version and one.artefact == release.artefact]
    if release.artefact != own and not any(entry.serves(names[release.artefact]) for entry in reviewed):
        found = f"a record that serves {release.artefact}, which is another signed file"
        raise BadSignature(release.version, found=found, expected=f"{own}, by what was signed")


def find_signer(folder: Path, release: Release, trust: Trust) -> str:
    """The name of who signed the release whose files lie in `folder`; all of them are read, and must be covered.

    Raises:
        NotSigned, NotTrusted, BadSignature: nobody did, nobody listed, or it does not hold.
        NobodyTrusted, NoSshKeygen, NoModelSigning, SystemRefused: it cannot be checked here.
    """
    if trust.required:
        trust.check()
    has_file = any(file.name == SIGNATURE for file in release.files)
    if release.proof is None and not has_file:
        raise NotSigned(release.version)
    trust.check()
    if release.proof is None:
        return _find_key(folder, release, trust)
    try:
        return _find_tagger(folder, release, release.proof, trust)
    except (NotTrusted, NobodyTrusted):
        if not (has_file and trust.public_keys):
            raise
        return _find_key(folder, release, trust)


def _find_tagger(folder: Path, release: Release, proof: TagProof, trust: Trust) -> str:
    """The signer of its tag."""
    if trust.ssh_signers is None:
        raise NobodyTrusted(trust.path, found=f"no {SIGNERS} in this folder, for a signed tag")
    tag = read_signed_tag(proof, version=release.version, commit=release.commit or "none")
    files = dict(_files(folder, release))
    sums = files.get(SUMS)
    if sums is not None:
        check_in_tree(proof, SUMS, sums, version=release.version)
    listed = {} if sums is None else {name: digest for digest, name in read_sums(sums)}
    for name, data in files.items():
        check_in_tree(proof, name, data, version=release.version, listed=listed.get(name))
    _check_whole(release, plain_files(proof.tree, release.version), listed)
    return find_ssh_signer(tag, trust.ssh_signers, trust.revoked, version=release.version)


def _check_whole(release: Release, committed: Collection[str], listed: Collection[str]) -> None:
    """Checks that the record leaves out no file of the signed commit that is read: its place could take another one.

    Raises:
        BadSignature: it does.
    """
    read = {SUMS, CARD, *listed} & {*committed, *listed} if listed else {name for name in committed if is_plain(name)}
    missing = read - {file.name for file in release.files} - {name for name in read if name.endswith(".dvc")}
    if missing:
        raise BadSignature(
            release.version, found=f"a record without {min(missing)}", expected="every file of the signed commit"
        )


def _find_key(folder: Path, release: Release, trust: Trust) -> str:
    """The signer of its `model.sig`: of exactly the files that SHA256SUMS lists, except that file itself."""
    keys = trust.public_keys
    if not keys:
        raise NobodyTrusted(trust.path, found=f"no public key NAME.pem in a folder, for {SIGNATURE}")
    version, small = release.version, {}
    for name, data in _files(folder, release):
        if name in (SIGNATURE, SUMS):
            small[name] = data
    if SUMS not in small:
        raise BadSignature(
            version, found=f"{SIGNATURE} without {SUMS}", expected="the list of all files of the release"
        )
    signature = read_signature(small[SIGNATURE], version=version)
    listed = {name: digest for digest, name in read_sums(small[SUMS]) if name != SIGNATURE}
    recorded = {file.name: file.sha256 for file in release.files if file.name not in small}
    for promised, by in ((listed, f"by {SUMS}"), (recorded, "by its record")):
        if unlike := _first_unlike(signature.files, promised):
            raise BadSignature(version, found=f"{SIGNATURE} of other files, {unlike} first", expected=f"those {by}")
    odd = trust.named().odd
    listed_in = f"{trust.path} (no key in {', '.join(odd)})" if odd else str(trust.path)
    return find_key(signature, folder, keys, listed_in=listed_in, version=version)


def _first_unlike(found: Mapping[str, str], promised: Mapping[str, str]) -> str | None:
    """The first name that only one of them has, or that has another digest there."""
    return min((ascii(name) for name in found.keys() | promised if found.get(name) != promised.get(name)), default=None)


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
