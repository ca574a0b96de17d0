"""Refusals of a model that is not what its release, its card or this code promises."""

from __future__ import annotations

from pathlib import Path

from app.errors import ConfigurationError, PixelWiseError, Refused


class MissingModel(ConfigurationError):
    """A missing file where the model should be."""

    def __init__(self, path: Path, *, version: str | None = None) -> None:
        """version: the release that was asked for; None where MODEL_PATH names the file."""
        super().__init__(
            f"model file {path}" if version is None else f"release {path}",
            found="no such file" if version is None else "nothing pulled",
            expected="the artefact that MODEL_PATH names" if version is None else f"the artefact of {version}",
            remedy="Correct MODEL_PATH, or leave it empty: the pinned release's own artefact is served then."
            if version is None
            else f"Run `pixelwise pull {version}`, or name another version, here or in .env (MODEL_VERSION).",
        )


class UnknownVersion(ConfigurationError):
    """A MODEL_VERSION that is not vN.N, or for whose major version `app/classifier.py` has no roster."""

    def __init__(self, version: str, *, rosters: list[str], line: int) -> None:
        super().__init__(
            f"version {version}",
            found="no roster of classes for this version",
            expected=f"a version like v1.0 whose major is one of {', '.join(rosters)}",
            remedy="Name such a version, here or in .env (MODEL_VERSION), or add its roster at app/classifier.py "
            f"line {line}.",
        )


class VersionMismatch(ConfigurationError):
    """A version, given by the record of the digest, that differs from the one a setting claims."""

    def __init__(self, artefact: str, *, found: str, expected: str, remedy: str | None = None) -> None:
        super().__init__(
            f"model {artefact}",
            found=f"{found} (by its digest)",
            expected=f"{expected}, as MODEL_VERSION says",
            remedy=remedy or f"Put MODEL_VERSION={found} into .env, or point MODEL_PATH at the artefact of {expected}.",
        )


class RosterMismatch(Refused, AssertionError):
    """An artefact whose classes are not those of this code; `checks` has the comparisons made so far."""

    word = "promised"

    def __init__(
        self,
        artefact: str,
        *,
        found: str,
        expected: str,
        checks: tuple[object, ...] = (),
        remedy: str | None = None,
    ) -> None:
        self.checks = checks
        super().__init__(
            f"model {artefact}",
            found=f"classes {found}",
            expected=f"classes {expected} in app/classifier.py",
            remedy=remedy
            or "Set MODEL_VERSION to the version this model belongs to, or point MODEL_PATH at a model "
            "with the promised classes.",
        )


class OriginUnknown(Refused):
    """An artefact that `model.lock` does not list, while REQUIRE_LOCK is set."""


class BadCard(Refused):
    """A MODELCARD.md that cannot be read, or whose front matter is not valid."""


class ContractBroken(Refused):
    """A disagreement of artefact, card, code and golden set; `checks` has every comparison made."""

    word = "promised"

    def __init__(
        self, subject: str, *, found: str, expected: str, checks: tuple[object, ...], remedy: str | None = None
    ) -> None:
        self.checks = checks
        super().__init__(
            subject,
            found=found,
            expected=expected,
            remedy=remedy or "Whoever publishes it must mend that; until then, let .env name another version.",
        )


class PromiseBroken(PixelWiseError):
    """A model that runs here, but does not keep its card's promises."""

    exit_code = 5
    word = "promised"
