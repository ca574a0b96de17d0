"""A git repository as a source: a release is a tag, pinned by its commit; its files are read as bytes.

Trust is decided by the lock (`model_lock.py`); the refusals here hold for a trusted repository too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from app.errors import Unreachable, system_refusals
from app.release.pin import Pin
from app.release.record import CARD, is_plain, is_version
from app.release.refusals import BadRelease, CredentialsWanted
from app.release.sources.address import Address
from app.release.sources.git import Git, GitFailed
from app.release.sources.pointers import Found, PointerStore, checked, follow
from app.release.sources.source import MOST_BYTES, ListedFile, Listing, bad_file
from app.signing.git_objects import MOST_BYTES as MOST_OBJECT_BYTES
from app.signing.git_objects import OddTag, TagProof, check_tag, is_signed

_README = "README.md"

_FETCH_SECONDS = 600
_SHOWN_TAGS = 20
_SHA = re.compile(r"[0-9a-f]{40}")
_TREE_ENTRY = re.compile(rb"(\d{6}) (\w+) ([0-9a-f]{40}) +(\d+|-)\t(.*)", re.DOTALL)
_PLAIN_MODES = (b"100644", b"100755")
_WRONG_KIND = re.compile(r"object [0-9a-f]{40} is a \w+, not a \w+")
_WANTS_CREDENTIALS = re.compile(r"Authentication failed|could not read (?:Username|Password)|returned error: 40[13]\b")
_DAMAGED = re.compile(
    r"is corrupt|corrupt loose object|repository corruption|bad (?:tree )?object|inflate|hash mismatch"
    r"|object file \S+ is empty|did not receive expected object|did not send all necessary objects|not our ref"
    r"|unable to read [0-9a-f]{40}"
)
"""Messages of git on a repository whose objects are missing, or do not match their names."""
_LOCAL = "pixelwise-model/releases.git"
"""The repository that is built here, as it is shown."""
_OWNER = "Its owner must publish the release anew; nothing was replaced."


@dataclass(frozen=True)
class Tag:
    """A tag as the repository announces it: the object it names, and the commit behind that."""

    version: str
    object: str
    commit: str


Objects = dict[str, str]
"""The blob behind each file of a release, by the file's name."""


class GitSource:
    """The source behind one address of a git repository (`source.py` describes the verbs).

    Args:
        stores: the systems whose pointers are followed (`pointers.py`).
    """

    def __init__(self, git: Git, stores: Sequence[PointerStore] = ()) -> None:
        self._git = git
        self._stores = stores
        self._tags: dict[Pin, Tag] = {}
        self._objects: dict[Pin, Objects] = {}
        self._found: dict[Pin, Found] = {}

    def resolve(self, version: str) -> Pin:
        tag = resolve(self._git, version)
        pin = Pin(version, tag.commit)
        self._tags[pin] = tag
        return pin

    def list(self, pin: Pin) -> Listing:
        listing, self._objects[pin] = fetch(self._git, self._tags[pin])
        listing, self._found[pin] = follow(
            listing, lambda name, limit: self._read_blob(pin, name, limit=limit), self._stores
        )
        return listing

    def read(self, pin: Pin, name: str, *, limit: int) -> bytes:
        if name not in self._found[pin]:
            return self._read_blob(pin, name, limit=limit)
        store, pointer = self._found[pin][name]
        data = store.read(
            pointer, lambda path, most: read_committed(self._git, self._tags[pin], path, most), limit=limit
        )
        return checked(pointer, data)

    def _read_blob(self, pin: Pin, name: str, *, limit: int) -> bytes:
        return read(self._git, self._tags[pin], name, self._objects[pin][name], limit=limit)


def resolve(git: Git, version: str) -> Tag:
    """The commit that the tag `version` names now, without fetching anything.

    Raises:
        BadRelease: there is no such tag; the message names the existing ones.
        Unreachable: the repository does not answer, or there is none.
    """
    _look_for_folder(git.address, version)
    try:
        listing = git.run("ls-remote", "--quiet", "--end-of-options", git.address.url, "refs/tags/v*")
    except GitFailed as failure:
        raise _damaged(version, failure) or _unreachable(git.address, version, str(failure)) from failure
    tags = {}
    for line in listing.decode("utf-8", "replace").splitlines():
        sha, _, name = line.partition("\t")
        if name.startswith("refs/tags/"):
            tags[name.removeprefix("refs/tags/")] = sha
    if version not in tags:
        is_of_this_tree = git.address.repository == _LOCAL
        there = sorted(name for name in tags if is_version(name))[:_SHOWN_TAGS]
        raise BadRelease(
            f"repository {git.address.repository}",
            found=f"the tags {', '.join(there)}" if there else _no_tags(git.address, is_silent=not tags),
            expected=f"the tag {version}",
            remedy="Name a tag that exists, here or in .env (MODEL_VERSION, MODEL_VERSIONS), "
            + (
                f"or publish this one (`{_build(version)}`)."
                if is_of_this_tree and has_recipe(git.address.folder, version)
                else "or write its recipe in pixelwise-model/train.py first."
                if is_of_this_tree
                else "or let MODEL_REPO name a repository that has it."
            ),
        )
    tag = Tag(version, tags[version], tags.get(f"{version}^{{}}", tags[version]))
    if not _SHA.fullmatch(tag.object) or not _SHA.fullmatch(tag.commit):
        raise _refused(tag, f"object {tag.object!a}", "40 hexadecimal digits (a SHA-1 repository)")
    return tag


def fetch(git: Git, tag: Tag) -> tuple[Listing, Objects]:
    """Fetches exactly this tag, and lists it.

    Raises:
        BadRelease: the tag, its tree or a name is invalid, or the release is too large.
        Unreachable: the repository does not answer.
    """
    reference = f"refs/tags/{tag.version}"
    options = ("--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", "--end-of-options")
    try:
        git.run("fetch", *options, git.address.url, f"{reference}:{reference}", seconds=_FETCH_SECONDS)
    except GitFailed as failure:
        raise _judged(git.address, tag, failure) from failure
    try:
        kind, _, sha = _text(git, "for-each-ref", "--format=%(objecttype) %(objectname)", reference).partition(" ")
        if sha != tag.object:
            raise _refused(tag, f"object {sha}", f"object {tag.object}, as the repository announced a moment ago")
        if kind not in ("tag", "commit"):
            raise _refused(tag, f"a {kind}", "a commit")
        proof = _read_tag(git, tag) if kind == "tag" else None
        listing, objects = read_tree(tag.version, git.run("ls-tree", "-z", "--long", tag.commit))
        return replace(listing, proof=proof), objects
    except GitFailed as failure:
        raise _refused(tag, f"objects that cannot be read ({failure})", "a tag of a commit") from failure


def read(git: Git, tag: Tag, name: str, sha: str, *, limit: int) -> bytes:
    """The bytes of one fetched file, whose object is `sha`.

    Raises:
        BadRelease: they are missing, do not match the object, or are more than `limit`.
    """
    try:
        return git.run("cat-file", "blob", sha, most_bytes=limit)
    except GitFailed as failure:
        raise _refused(tag, f"{name}, which cannot be read ({failure})", "whole objects") from failure


def read_committed(git: Git, tag: Tag, path: str, limit: int) -> bytes | None:
    """The bytes of a file of a fetched tag, by its path from the top folder; None where there is no such plain file.

    Raises:
        BadRelease: it cannot be read, or has more than `limit` bytes.
    """
    try:
        entry = _TREE_ENTRY.fullmatch(git.run("ls-tree", "-z", "--long", tag.commit, "--", path).removesuffix(b"\0"))
    except GitFailed as failure:
        raise _refused(tag, f"{path}, which cannot be read ({failure})", "whole objects") from failure
    if entry is None or entry[1] not in _PLAIN_MODES or entry[5] != path.encode():
        return None
    return read(git, tag, path, entry[3].decode(), limit=limit)


def read_tree(version: str, listing: bytes) -> tuple[Listing, Objects]:
    """The files of a release's top folder. Sub-folders, names that are not plain, and a README.md that repeats the card
    (as the Hugging Face Hub wants it) are left out.

    Args:
        listing: the output of `git ls-tree -z --long`.

    Raises:
        BadRelease: a link, a submodule, a path, a reserved name, or more than a release may hold.
    """
    files, objects, left_out = [], {}, []
    for line in listing.split(b"\0")[:-1]:
        entry = _TREE_ENTRY.fullmatch(line)
        if entry is None:
            raise bad_file(version, ascii(line), "an entry that git does not write", "plain files")
        mode, kind, sha, size = (entry[part].decode() for part in range(1, 5))
        name = entry[5].decode("utf-8", "surrogateescape")
        _check_entry(version, name, mode)
        if kind == "blob" and is_plain(name):
            files.append(ListedFile(name, int(size)))
            objects[name] = sha
        else:
            left_out.append(ascii(name)[1:-1] + ("/" if kind == "tree" else ""))
    if _README in objects and objects[_README] == objects.get(CARD):
        files = [file for file in files if file.name != _README]
        left_out.append(_README)
        del objects[_README]
    return Listing(version, files, left_out), objects


def _check_entry(version: str, name: str, mode: str) -> None:
    shown = ascii(name)[1:-1]
    if "/" in name or name in (".", "..") or name.lower() == ".git":
        raise bad_file(version, shown, "a path that leads elsewhere", "plain file names")
    if mode == "120000":
        raise bad_file(version, shown, "a symbolic link", "plain files")
    if mode == "160000":
        raise bad_file(version, shown, "a submodule", "plain files")


def _read_tag(git: Git, tag: Tag) -> TagProof | None:
    """Checks the tag object; returns the proof of its signature if it is signed."""
    data = _small_object(git, tag, "tag", tag.object)
    try:
        check_tag(data, version=tag.version, commit=tag.commit)
    except OddTag as odd:
        raise _refused(tag, odd.found, odd.expected) from None
    if not is_signed(data):
        return None
    commit = _small_object(git, tag, "commit", tag.commit)
    return TagProof(data, commit, _small_object(git, tag, "tree", f"{tag.commit}^{{tree}}"))


def _small_object(git: Git, tag: Tag, kind: str, name: str) -> bytes:
    size = int(_text(git, "cat-file", "-s", name))
    if size > MOST_OBJECT_BYTES:
        raise _refused(tag, f"a {kind} object of {size:,} bytes", f"at most {MOST_OBJECT_BYTES:,}")
    return git.run("cat-file", kind, name)


def _no_tags(address: Address, *, is_silent: bool) -> str:
    # git takes any page with status 200 for a repository without references
    is_page = is_silent and address.transport in ("https", "http")
    return "no tag like v1.0 (a page to log in looks like that to git too)" if is_page else "no tag like v1.0"


def _text(git: Git, *arguments: str) -> str:
    return git.run(*arguments).decode("utf-8", "replace").rstrip("\n")


def _look_for_folder(address: Address, version: str) -> None:
    folder = address.folder
    if folder is None:
        return
    with system_refusals(folder):
        there, is_repository = folder.exists(), (folder / ".git").exists() or (folder / "HEAD").exists()
    if not there:
        raise _unreachable(address, version, "no such folder")
    if not is_repository:
        raise _unreachable(address, version, "no git repository in this folder")


def _judged(address: Address, tag: Tag, failure: GitFailed) -> BadRelease | Unreachable:
    """Distinguishes refused bytes from bytes that did not arrive: only the latter are worth another try."""
    said, whole = str(failure), failure.whole
    if re.search(r"hasDot|fullPathname", whole):
        return _refused(tag, f"a path that leads elsewhere ({said})", "plain file names")
    if "fsck error" in whole:
        return _refused(tag, f"objects that git refuses ({said})", "well-formed objects")
    if re.search(r"Out of memory|Cannot allocate memory", whole):
        return _refused(tag, f"objects too large to be read ({said})", "files and messages of a release's size")
    if "File too large" in whole:
        return _refused(tag, "more bytes than a release may have", f"at most {MOST_BYTES:,}")
    return _damaged(tag.version, failure) or _unreachable(address, tag.version, said)


def _damaged(version: str, failure: GitFailed) -> BadRelease | None:
    """The refusal of a repository that answers, but whose objects do not match their names; None for other failures."""
    if _WRONG_KIND.search(failure.whole):
        found, expected = f"an object of another kind than it says ({failure})", "a tag of a commit"
    elif _DAMAGED.search(failure.whole):
        found, expected = f"a damaged object in its repository ({failure})", "whole objects"
    else:
        return None
    remedy = "Its owner must mend the repository (`git fsck` there names the objects); nothing was replaced."
    return BadRelease(f"tag {version}", found=found, expected=expected, remedy=remedy)


def has_recipe(repository: Path | None, version: str) -> bool:
    """True if this version of the repository that is built here can be trained: `train.py` beside it says how."""
    recipes = repository and repository.with_name("train.py")
    return bool(recipes and recipes.exists() and f'    "{version}": Recipe(' in recipes.read_text(encoding="utf-8"))


def _build(version: str) -> str:
    """The command that trains a version and publishes it into the local repository, with the environment for it."""
    return f"bash setup-server.sh --releases {version}"


def _unreachable(address: Address, version: str, said: str) -> Unreachable:
    if address.transport in ("https", "http") and _WANTS_CREDENTIALS.search(said):
        return CredentialsWanted(
            f"repository {address.repository}",
            found=f"credentials are missing or refused ({said})",
            expected="a repository that may be read",
            remedy="Set HF_TOKEN in the environment to a token that may read it, or correct MODEL_REPO: the Hub says "
            "the same of a name that it does not have."
            if address.kind == "hf"
            else "Use its git@host:path, or https://USER:TOKEN@HOST/… with a token that may read it; or correct "
            "MODEL_REPO: some hosts say the same of a name that they do not have.",
        )
    remedies = {
        "file": "Correct MODEL_REPO in .env",
        "https": "Check the network and MODEL_REPO in .env (a private fork: use its git@host:path)",
        "http": "Check HF_ENDPOINT in the environment and MODEL_REPO in .env",
        "ssh": "Check MODEL_REPO in .env, and that ssh to this host works without a question (key added, host known)",
    }
    default = f"`{_build(version)}` trains it here, if pixelwise-model/train.py has it, for MODEL_REPO={_LOCAL}"
    return Unreachable(
        f"repository {address.repository}",
        found=said,
        expected="a git repository that answers",
        remedy=f"{remedies[address.transport]}. Without it: {default}.",
    )


def _refused(tag: Tag, found: str, expected: str) -> BadRelease:
    return BadRelease(f"tag {tag.version}", found=found, expected=expected, remedy=_OWNER)
