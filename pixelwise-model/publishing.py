"""Where a release is published: publishers by the scheme of an address, and git for all others.

A published version is never replaced: the very same release there is nothing to push, another one is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from addresses import check_git, shown
from publish_hub import HubPublisher
from publish_mlflow import MlflowPublisher
from repository import ReleaseRepository


class Publisher(Protocol):
    """A place for the releases of one repository, at one address."""

    def published(self, version: str) -> bool:
        """True if the very release is there. Before a training too, when there is none to compare with.

        Raises:
            TagExists: another one is there under this name.
            RemoteUnreachable: the place does not answer.
            CredentialsRefused, ClientMissing: it cannot be asked from here.
        """

    def publish(self, version: str) -> None:
        """Publishes a release that is not there yet; the version is named last, after all its files."""


def publisher(repository: ReleaseRepository, address: str) -> Publisher:
    """The publisher for an address.

    Raises:
        ReleaseRefused: it is none of git, and no other system has it.
    """
    scheme, separator, _ = address.partition("://")
    make = PUBLISHERS.get(scheme.lower()) if separator else None
    if make is None:
        check_git(address)
    return (make or GitPublisher)(repository, address)


def push(version: str, repository: ReleaseRepository, address: str) -> str:
    """Publish an existing release elsewhere; returns what was done."""
    place = publisher(repository, address)
    if place.published(version):
        return f"{version} is at {shown(address)}: nothing to push"
    place.publish(version)
    return f"pushed {version} to {shown(address)}"


class GitPublisher:
    """Another git repository, by the user's own git."""

    def __init__(self, repository: ReleaseRepository, address: str) -> None:
        self._repository, self._address = repository, address

    def published(self, version: str) -> bool:
        return self._repository.published_at(version, self._address)

    def publish(self, version: str) -> None:
        self._repository.push(version, self._address)


PUBLISHERS: dict[str, Callable[[ReleaseRepository, str], Publisher]] = {
    "hf": HubPublisher,
    "mlflow+https": MlflowPublisher,
    "mlflow+http": MlflowPublisher,
}
"""Makers of publishers by the part of an address before its "://"."""
