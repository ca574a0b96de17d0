"""Train a version, measure it, publish it: a commit and an annotated tag in a git repository of releases.

    python release.py v1.0 [--repository releases.git] [--sign KEY] [--push ADDRESS] [--track ADDRESS]

Everything is written to a temporary folder first and the tag comes last: a release that fails leaves nothing.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from addresses import without_credentials
from errors import ModelRepositoryError, TagExists, local_faults
from lessons import AUGMENTED, USUAL, Lessons
from publishing import publisher, push
from repository import ReleaseRepository, release_second, version_key
from signatures import signer_of

if TYPE_CHECKING:
    from calibration import DrawnDigits
    from mnist import IdxFile, Mnist
    from outcome import Outcome
    from signatures import Signer
    from tracking import Tracker
    from train import Recipe

HERE = Path(__file__).resolve().parent
DRAWN = HERE / "data" / "drawn.npz"


def release(
    version: str,
    recipe: Recipe,
    data: Mnist,
    repository: ReleaseRepository,
    *,
    files: tuple[IdxFile, ...],
    drawn: DrawnDigits | None = None,
    lessons: Lessons = USUAL,
    signer: Signer | None = None,
    tell: Callable[[Outcome], None] = lambda outcome: None,
) -> str:
    """Build the version from its recipe and publish it; returns the commit.

    Args:
        files: the files that `data` was read from.
        drawn: digits as people draw them, to be measured with.
        lessons: what a network learns from beside `data`.
        signer: signs the files, or the tag.
        tell: called with the training's outcome.
    """
    from build import build_release

    lower = repository.previous(version)
    previous = None if lower is None else (lower, repository.read(lower, "MODELCARD.md"))
    with tempfile.TemporaryDirectory(prefix="pixelwise-release-") as parent:
        folder = Path(parent, version)  # a signature of files has the folder's name in it
        folder.mkdir()
        message = build_release(
            *(version, recipe, data, folder),
            previous=previous,
            files=files,
            drawn=drawn,
            lessons=lessons,
            sign_files=signer.sign_files if signer else lambda folder: None,
            tell=tell,
        )
        return repository.publish(version, folder, message, signer.sign_tag if signer else lambda text: "")


def release_from_table(
    version: str,
    repository: ReleaseRepository,
    cache: Path | None,
    drawn: Path | None,
    lessons: Lessons,
    signer: Signer | None,
    tell: Callable[[Outcome], None],
) -> str:
    """The version as the table of train.py has it, on MNIST.

    Args:
        drawn: the file of drawn digits; without it the usual one, if it is there.
    """
    # Imported here, because "nothing to do" should need neither time nor scikit-learn.
    from mnist import CACHE, FILES, load_mnist
    from train import recipe_of

    recipe = recipe_of(version)
    digits = drawn_digits(version, drawn)  # faults in them are reported before the training
    return release(
        *(version, recipe, load_mnist(cache or CACHE), repository),
        files=FILES,
        drawn=digits,
        lessons=lessons,
        signer=signer,
        tell=tell,
    )


def drawn_digits(version: str, given: Path | None, *, usual: Path = DRAWN) -> DrawnDigits | None:
    """The digits of the given file, or of the usual one; None, with a message, if the usual one is missing.

    Raises:
        DrawnRefused: the file is invalid, or was given but is missing.
    """
    from calibration import read_drawn
    from mnist import say

    if given is None and not usual.exists():
        say(
            f"{usual} is not there, so the card of {version} will state no drawn digits. PixelWise makes it: "
            f".venv/bin/python -m drawn {usual}"
        )
        return None
    return read_drawn(given or usual)


def tracker_at(address: str | None) -> Tracker | None:
    """The tracker of an option; refuses now rather than after the training."""
    if address is None:
        return None
    from tracking import tracker

    return tracker(address)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("version", help="a version in the table of train.py, such as v1.0")
    parser.add_argument(
        "--repository", type=Path, default=HERE / "releases.git", help="default: releases.git"
    )
    parser.add_argument("--cache", type=Path, help="where MNIST's files are kept (default: data/)")
    parser.add_argument(
        "--drawn",
        metavar="FILE",
        type=Path,
        help="digits as people draw them (default: data/drawn.npz, if there)",
    )
    parser.add_argument(
        "--augmented",
        metavar="FILE",
        type=Path,
        default=AUGMENTED,
        help="what a network learns from beside MNIST (default: data/augmented.npz)",
    )
    parser.add_argument("--epochs", metavar="N", type=float, help="fewer rounds of a network, for a trial")
    parser.add_argument("--if-missing", action="store_true", help="do nothing if the version is published")
    parser.add_argument(
        "--sign",
        metavar="KEY",
        type=Path,
        help="sign it: by a private SSH key the tag, by an EC key in PEM the files (model.sig)",
    )
    parser.add_argument(
        "--push",
        metavar="ADDRESS",
        help="then publish it there too: a git repository, hf://owner/name, or mlflow+https://host/name",
    )
    parser.add_argument(
        "--track",
        metavar="ADDRESS",
        help="then record the training at mlflow+https://host, aim:FOLDER or clearml",
    )
    options = parser.parse_args(arguments)
    version, repository = options.version, ReleaseRepository(options.repository.absolute())
    try:
        with local_faults():
            cut(version, repository, options)
    except ModelRepositoryError as error:
        said = without_credentials(str(error), options.push, options.track)
        print(f"error: {said}", file=sys.stderr)
        return error.exit_code
    return 0


def cut(version: str, repository: ReleaseRepository, options: argparse.Namespace) -> None:
    """Release the version, or find it done, and push it, as the options say."""
    version_key(version)
    signer = None if options.sign is None else signer_of(options.sign)
    if version not in repository.versions():
        release_second()  # faults in it are reported before the training, not after
        if options.push:
            publisher(repository, options.push).published(version)  # refuses now, not after the training
        place = tracker_at(options.track)  # the same
        outcomes: list[Outcome] = []
        commit = release_from_table(
            *(version, repository, options.cache, options.drawn, Lessons(options.augmented, options.epochs)),
            signer,
            outcomes.append,
        )
        print(f"released {version} as commit {commit} in {repository.path}")
        for outcome in outcomes if place else []:
            place.track(replace(outcome, tags={**outcome.tags, "release.commit": commit}))
    elif signer is not None and signer.signs_tags and not repository.is_signed(version):
        repository.sign(version, signer.sign_tag)
        print(f"signed {version} in {repository.path}: the same commit")
    elif options.if_missing and (signer is None or signer.signs_tags):
        what = "train" if options.push else "do"
        print(f"{version} is there: nothing to {what}{', and nothing to track' if options.track else ''}")
    else:
        raise TagExists(
            version,
            where=str(repository.path),
            remedy="Published tags are not moved: choose the next version, or pass --if-missing.",
        )
    if options.push:
        print(push(version, repository, options.push))


if __name__ == "__main__":
    sys.exit(main())
