"""Publishing on the Hugging Face Hub, by its own client: `hf://owner/name`.

The files of a release become one commit on the branch main, the card once more as the README.md that the Hub
shows, and then the tag. `HF_TOKEN` has the token, `HF_ENDPOINT` another address than the Hub's.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from addresses import shown
from errors import (
    ClientMissing,
    CredentialsRefused,
    ModelRepositoryError,
    ReleaseRefused,
    RemoteUnreachable,
    TagExists,
)
from repository import ReleaseRepository

if TYPE_CHECKING:
    from huggingface_hub import HfApi

HUB = "https://huggingface.co"
CARD, README, SUMS = "MODELCARD.md", "README.md", "SHA256SUMS"
BRANCH = "main"
NAME = re.compile(r"hf://([A-Za-z0-9_][A-Za-z0-9._-]*/[A-Za-z0-9_][A-Za-z0-9._-]*)/?", re.IGNORECASE)
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class HubPublisher:
    """A model repository on the Hub, which its owner has made: who may see it is theirs to say.

    Raises:
        ReleaseRefused: the address is not hf://owner/name, or `HF_ENDPOINT` is http on another machine.
        CredentialsRefused: there is no `HF_TOKEN`.
        ClientMissing: huggingface_hub is not installed.
    """

    def __init__(self, repository: ReleaseRepository, address: str) -> None:
        match = NAME.fullmatch(address)
        if match is None:
            raise ReleaseRefused(
                f"address {shown(address)}",
                found="another form",
                promised="hf://owner/name",
                remedy="Name a model of the Hub.",
            )
        self._repository, self._address, self._name = repository, address, match[1]
        self._api = _client(address)

    def published(self, version: str) -> bool:
        with self._faults():
            tags = {tag.name for tag in self._api.list_repo_refs(self._name).tags}
            if version not in tags:
                return False
            theirs = self._digests(version)
        ours = self._files(version) if version in self._repository.versions() else None
        if ours is None or any(theirs.get(name) not in _digests(data) for name, data in ours.items()):
            raise TagExists(
                version,
                where=self._address,
                remedy="Published tags are not moved: choose the next version.",
            )
        return True

    def publish(self, version: str) -> None:
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete

        files = self._files(version)
        with self._faults():
            there = self._digests(BRANCH)
            earlier = self._named_in_sums() if SUMS in there else set()
            operations: list[Any] = [CommitOperationAdd(name, data) for name, data in sorted(files.items())]
            operations += [
                CommitOperationDelete(name) for name in sorted(earlier & there.keys() - files.keys())
            ]
            commit = self._api.create_commit(self._name, operations, commit_message=f"Release {version}")
            self._api.create_tag(
                self._name, tag=version, tag_message=f"Release {version}", revision=commit.oid
            )

    def _files(self, version: str) -> dict[str, bytes]:
        files = self._repository.files(version)
        return {**files, README: files[CARD]}

    def _named_in_sums(self) -> set[str]:
        """The files of the release that the branch has now; an earlier version's do not stay for ever."""
        with tempfile.TemporaryDirectory(prefix="pixelwise-hub-") as folder:
            path = self._api.hf_hub_download(self._name, SUMS, revision=BRANCH, cache_dir=folder)
            return {line[66:] for line in Path(path).read_text(encoding="utf-8").splitlines()}

    def _digests(self, revision: str) -> dict[str, str]:
        """The digest of each file there: sha256 of a large one, git's of another."""
        listed: list[Any] = list(self._api.list_repo_tree(self._name, revision=revision))
        return {
            file.path: file.lfs.sha256 if file.lfs else file.blob_id
            for file in listed
            if hasattr(file, "blob_id")
        }

    @contextmanager
    def _faults(self) -> Iterator[None]:
        """Turns the client's errors in its block into refusals."""
        from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

        try:
            yield
        except RepositoryNotFoundError as error:
            raise RemoteUnreachable(
                self._address,
                found="no such repository, or none that this token may see",
                remedy=f"Make it first, private or public: hf repos create {self._name}",
            ) from error
        except HfHubHTTPError as error:
            status = error.response.status_code
            if status in (401, 403):
                raise CredentialsRefused(
                    self._address,
                    found=f"{status}: the token of HF_TOKEN was given, and is refused",
                    variable="HF_TOKEN, with the right to write,",
                ) from error
            raise _unreachable(self._address, f"status {status}") from error
        except ModelRepositoryError:
            raise
        except Exception as error:  # those of its HTTP library, another one in each major version
            raise _unreachable(self._address, f"{type(error).__name__}: {error}") from error


def _client(address: str) -> HfApi:
    endpoint = (os.environ.get("HF_ENDPOINT") or HUB).rstrip("/")
    parts = urlsplit(endpoint)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise ReleaseRefused(
            "HF_ENDPOINT",
            found=f"the transport {parts.scheme}",
            promised="https, or http on this machine",
            remedy="Correct it in the environment; without it the Hub itself is used.",
        )
    token = os.environ.get("HF_TOKEN")
    if not token:
        raise CredentialsRefused(
            address, found="no token given (HF_TOKEN)", variable="HF_TOKEN, with the right to write,"
        )
    try:
        from huggingface_hub import HfApi
    except ImportError as error:
        raise ClientMissing(address, package="huggingface_hub") from error
    return HfApi(endpoint=endpoint, token=token)


def _digests(data: bytes) -> tuple[str, str]:
    """The two names that the Hub has for a content: its sha256, and that of git."""
    blob = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
    return hashlib.sha256(data).hexdigest(), blob


def _unreachable(address: str, found: str) -> RemoteUnreachable:
    return RemoteUnreachable(
        address,
        found=" ".join(found.split())[:300],
        remedy="Check the network and your access, then run again with --if-missing.",
    )
