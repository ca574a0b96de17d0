"""Every way this system says no.

A message is built here, from four parts: the subject, what was found, what was promised, and what to do.
`exit_code` is what the command line leaves with (README, "Exit codes").
"""

from __future__ import annotations

import errno
import os
import shlex
from pathlib import Path
from typing import ClassVar

from app.causes import CAUSES, NO_PROCESS, cause_of


def printable(text: str) -> str:
    """`text` with every unprintable character (escapes, line breaks, zero widths) shown by its number."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


class PixelWiseError(Exception):
    """A refusal. `str(error)` is one sentence or two, meant for a person; no character of it acts on a terminal."""

    exit_code = 1

    def __init__(self, subject: str, *, found: object, promised: object, remedy: str) -> None:
        parts = (subject, str(found), str(promised), remedy)
        self.subject, self.found, self.promised, self.remedy = map(printable, parts)
        super().__init__(f"{self.subject}: found {self.found}, promised {self.promised}. {self.remedy}")

    @property
    def parts(self) -> dict[str, object]:
        """The same for programs."""
        names = ("subject", "found", "promised", "remedy", "exit_code")
        return {"kind": type(self).__name__, **{name: getattr(self, name) for name in names}}


# -- what the caller passes (the caller's to fix) --------------------------------------------------------------


class BadImages(PixelWiseError, ValueError):
    """Images of a shape or dtype that the classifier does not take. Never cast: a silent cast is a skew."""

    exit_code = 2

    def __init__(self, images: object, *, shape: str) -> None:
        is_array = hasattr(images, "dtype") and hasattr(images, "shape")
        found = f"{images.dtype} {images.shape}" if is_array else type(images).__name__  # type: ignore[attr-defined]
        if is_array and str(images.dtype) == "uint8":  # type: ignore[attr-defined]  # as above
            remedy = "One image goes to classify(image), many to classify_batch(images); image[None] is a batch of one."
        else:
            remedy = "Pass grey values as they are, 0 paper to 255 ink (floats in [0, 1]: multiply by 255 and round)."
        super().__init__(
            "images",
            found=found,
            promised=f"a numpy array, uint8 {shape}",
            remedy=remedy,
        )


class UnreadableImage(PixelWiseError):
    """A file that is no image, or of a kind that cannot be read."""

    exit_code = 2


class BadName(PixelWiseError):
    """A name for a key that is taken, unknown or invalid."""

    exit_code = 2


class BadVersion(PixelWiseError):
    """A version that a command cannot do this with: unknown, or the default."""

    exit_code = 2


class BadFlagChange(PixelWiseError):
    """An impossible change of a flag: to a version that is not served, or with more than 100%."""

    exit_code = 2


# -- configuration: exit code 3 --------------------------------------------------------------------------------


class ConfigurationError(PixelWiseError):
    """The environment or `.env` asks for something impossible."""

    exit_code = 3


class BadSettings(ConfigurationError):
    """One or more settings have invalid values; all of them are named at once."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(
            "settings",
            found="; ".join(problems),
            promised="the values described in .env.example",
            remedy="Edit .env or the environment; .env.example describes every setting.",
        )

    def __str__(self) -> str:
        """Each problem says itself what was expected."""
        return f"{self.subject}: {self.found}. {self.remedy}"


class BadFlags(ConfigurationError):
    """A flag file that cannot be read, or whose flags cannot be evaluated; all that was found is named."""

    def __init__(self, file: str, problems: list[str]) -> None:
        remedy = "Mend it, or move it away: without a file nothing is flagged."
        promised = "flags in flagd's format"
        super().__init__(f"flag file {file}", found="; ".join(problems), promised=promised, remedy=remedy)


class MissingKey(ConfigurationError):
    """The service has no key that a program could call it with; a default one is never shipped."""

    def __init__(self) -> None:
        super().__init__(
            "SECRET_API_KEY",
            found="nothing",
            promised="a long random text in .env",
            remedy="Run `bash setup-server.sh`, which writes one, or put a random text of your own there.",
        )


class CannotListen(ConfigurationError):
    """HOST and PORT cannot be listened on."""

    def __init__(self, host: str, port: int, *, said: str) -> None:
        is_taken = said.startswith(os.strerror(errno.EADDRINUSE))  # Python adds the address
        super().__init__(
            f"HOST={host} PORT={port}",
            found=f"PORT {port} in use by another program" if is_taken else said,
            promised="an address of this machine that no other program uses",
            remedy="Set another PORT in .env, or stop that program (`ss -ltnp` names it)."
            if is_taken
            else "Correct HOST and PORT in .env: 127.0.0.1 is this machine alone, 0.0.0.0 every address of it.",
        )


class AlreadyRunning(ConfigurationError):
    """Another service runs from this installation."""

    def __init__(self, url: str) -> None:
        super().__init__(
            "service",
            found=f"one of this installation that answers at {url}",
            promised="one at a time: queues and limits are counted in one process",
            remedy="Use that one, or end it first. A second one of this tree needs a DATA_DIR and a PORT of its own.",
        )


class NotTakenUp(PixelWiseError):
    """A change of the served versions that the running service, or the environment, does not follow."""

    exit_code = 4

    def __init__(self, version: str, *, found: str) -> None:
        remedy = "What was served goes on, and .env is what it was."
        super().__init__(f"release {version}", found=found, promised="a service that does as .env says", remedy=remedy)


class WorkerFailed(PixelWiseError):
    """The process that should answer did not start; it has said why."""

    def __init__(self, *, exit_code: int, found: str = "", remedy: str = "Its own message stands above.") -> None:
        self.exit_code = exit_code if exit_code > 0 else 1
        ended = f"a worker that ended with exit code {exit_code}"
        super().__init__("service", found=found or ended, promised="one that answers", remedy=remedy)


class NoWorkerProcess(WorkerFailed):
    """Not even a process could be started for it."""

    def __init__(self, error: OSError) -> None:
        cause, remedy = cause_of(error)
        found = f"no process for a worker: {cause} ({error.filename or 'by the system'})"
        super().__init__(exit_code=1, found=found, remedy=NO_PROCESS.get(error.errno or 0, remedy))


class SystemRefused(ConfigurationError):
    """The system does not let a file or folder be written or read, for one of the `CAUSES`.

    Args:
        subject: the file or folder, or what was done to it.
    """

    def __init__(self, subject: object, error: OSError) -> None:
        found, remedy = cause_of(error)
        super().__init__(str(subject), found=found, promised="a file or folder that this user may use", remedy=remedy)

    @staticmethod
    def cause_in(words: str) -> OSError | None:
        """The error that another program reports in the words of the C locale; None if it reports none."""
        named = {os.strerror(number): number for number in CAUSES if os.strerror(number) in words}
        longest = max(named, key=len, default=None)  # subtle: one of these sentences begins like another
        return None if longest is None else OSError(named[longest], longest)


class CannotStore(ConfigurationError):
    """Data that the service or a command keeps cannot be written where `setting` puts it."""

    def __init__(self, path: Path, error: OSError, *, setting: str) -> None:
        found, remedy = cause_of(error)
        remedy = f"{remedy} Or let {setting} in .env name another place."
        super().__init__(str(path), found=found, promised="a place that this user may write to", remedy=remedy)


class MissingModel(ConfigurationError):
    """There is no file where the model should be."""

    def __init__(self, path: Path, *, asked_by: str) -> None:
        by_path = asked_by == "MODEL_PATH"
        super().__init__(
            f"model file {path}" if by_path else f"release {path}",
            found="no such file" if by_path else "nothing pulled",
            promised=f"the artefact that {asked_by} names",
            remedy="Correct MODEL_PATH, or leave it empty: the pinned release's own artefact is served then."
            if by_path
            else "Run `bash setup-server.sh` (or `pixelwise pull`), or correct MODEL_VERSION in .env.",
        )


class UnknownVersion(ConfigurationError):
    """MODEL_VERSION is no vN.N, or `app/classifier.py` has no roster for its major version."""

    def __init__(self, version: str, *, rosters: list[str], line: int) -> None:
        super().__init__(
            f"MODEL_VERSION={version}",
            found="no roster of classes for this version",
            promised=f"a version like v1.0 whose major is one of {', '.join(rosters)}",
            remedy=f"Set MODEL_VERSION to such a version, or add its roster at app/classifier.py line {line}.",
        )


class MissingDigits(ConfigurationError):
    """MNIST's test files are not where they are cached."""

    def __init__(self, path: Path, *, found: str) -> None:
        super().__init__(
            f"MNIST file {path.name}",
            found=found,
            promised="the original file in MNIST_DIR",
            remedy="Run `.venv/bin/python pixelwise-model/mnist.py --test-only --cache "
            f"{shlex.quote(str(path.parent))}` in the folder of this installation.",
        )


class VersionMismatch(ConfigurationError):
    """The served version is what the record gives for the digest, not what a setting claims."""

    def __init__(self, artefact: str, *, found: str, promised: str, remedy: str | None = None) -> None:
        super().__init__(
            f"model {artefact}",
            found=f"{found} (by its digest)",
            promised=f"MODEL_VERSION={promised}",
            remedy=remedy or f"Put MODEL_VERSION={found} into .env, or point MODEL_PATH at the artefact of {promised}.",
        )


class WrongSchema(ConfigurationError):
    """The tables of the database are not those of this code; `found` is None where there are none."""

    def __init__(self, database: str, *, found: str | None, promised: str) -> None:
        super().__init__(
            f"database {database}",
            found="no tables of ours" if found is None else f"tables of revision {found}",
            promised=f"revision {promised}",
            remedy="Run `pixelwise db upgrade`; if the database is the newer one, go back to the code that made it.",
        )


# -- a release or artefact refused: exit code 4 ----------------------------------------------------------------


class Refused(PixelWiseError):
    """A release, or a file of one, that is not what was promised."""

    exit_code = 4


class ArtefactRefused(Refused, ValueError):
    """An artefact that is not read: `code` names the broken rule, `offset` the byte where it was broken."""

    REMEDIES: ClassVar[dict[str, str]] = {
        **dict.fromkeys(
            ("estimator", "pipeline", "solver", "activation"),
            "Train a Pipeline of Binarizer(threshold=0.5) and LogisticRegression or MLPClassifier, and release that.",
        ),
        "attribute": "Fit a plain Pipeline (no memory, no set_output, nothing put into it) and write that with "
        "`joblib.dump(model, path)`; if the file is not yours, do not open it with joblib or pickle.",
        **dict.fromkeys(("size", "file"), "Name the artefact itself, as `joblib.dump(model, path)` wrote it."),
        "dtype": "Fit it on numbers of float64 or float32 (`X.astype(float)`), and write that with "
        "`joblib.dump(model, path)`; if the file is not yours, do not open it with joblib or pickle.",
        "truncated": "It was cut short: copy or fetch it again from where it is whole.",
    }
    """By the broken rule; `UNKNOWN` for all that no honest file breaks."""

    UNKNOWN = (
        "Do not open it with joblib or pickle: ask whoever made it for what `joblib.dump` of a fitted pipeline writes, "
        "or pin another version."
    )

    def __init__(
        self, code: str, why: str, *, offset: int | None = None, remedy: str | None = None, file: str = ""
    ) -> None:
        self.code, self.offset = code, offset
        where = "" if offset is None else f" at byte {offset}"
        super().__init__(
            f"artefact {file} ({code}{where})" if file else f"artefact ({code}{where})",
            found=why,
            promised="a Binarizer with a LogisticRegression or MLPClassifier, written by joblib.dump",
            remedy=remedy or self.REMEDIES.get(code, self.UNKNOWN),
        )

    def of_file(self, name: str) -> ArtefactRefused:
        """The same refusal, naming the file that has these bytes."""
        return ArtefactRefused(self.code, self.found, offset=self.offset, remedy=self.remedy, file=name)


class RosterMismatch(Refused, AssertionError):
    """The artefact's classes are not the ones this code speaks; `checks` has what was compared until then."""

    def __init__(
        self,
        artefact: str,
        *,
        found: str,
        promised: str,
        checks: tuple[object, ...] = (),
        remedy: str | None = None,
    ) -> None:
        self.checks = checks
        super().__init__(
            f"model {artefact}",
            found=f"classes {found}",
            promised=f"classes {promised} in app/classifier.py",
            remedy=remedy
            or "Set MODEL_VERSION to the version this model belongs to, or point MODEL_PATH at a model "
            "with the promised classes.",
        )


class ChangedFile(Refused):
    """The bytes of a file are not the recorded ones."""

    def __init__(self, name: str, *, found: str, promised: str, promised_by: str, remedy: str | None = None) -> None:
        super().__init__(
            f"{name}: changed since it was released",
            found=found,
            promised=f"{promised} by {promised_by}",
            remedy=remedy or "Fetch the release again with `pixelwise pull`.",
        )


class OriginUnknown(Refused):
    """REQUIRE_LOCK is set and `model.lock` does not know this artefact."""


class BadRelease(Refused):
    """A release whose files, tag or names are not as they must be."""


class MovedTag(Refused):
    """A tag that names another commit than the trusted one."""

    def __init__(self, version: str, *, found: str, promised: str, promised_by: str, remedy: str) -> None:
        super().__init__(
            f"tag {version} has moved",
            found=f"commit {found}",
            promised=f"commit {promised} by {promised_by}",
            remedy=remedy,
        )


class BadLock(Refused):
    """A `model.lock` that cannot be read, or an entry that may not be changed in passing."""


class Unreviewed(Refused):
    """A release that `model.lock` does not list, where only listed ones are taken (`--frozen`, REQUIRE_LOCK)."""

    def __init__(self, version: str, *, repository: str, commit: str) -> None:
        super().__init__(
            f"release {version} of {repository}",
            found=f"commit {commit}, which no entry of model.lock has for {version}",
            promised="a reviewed entry of model.lock (--frozen or REQUIRE_LOCK=true)",
            remedy="Pull it without either elsewhere, review it, and commit what `pixelwise lock` adds to model.lock.",
        )


class BadCard(Refused):
    """A MODELCARD.md that cannot be read, or whose front matter is not valid."""


class BadGoldenSet(Refused):
    """A golden set that cannot be read."""


class ContractBroken(Refused):
    """Artefact, card, code and golden set do not agree; `checks` has every comparison that was made."""

    def __init__(self, subject: str, *, found: str, promised: str, checks: tuple[object, ...]) -> None:
        self.checks = checks
        super().__init__(
            subject,
            found=found,
            promised=promised,
            remedy="Whoever publishes it must mend that; until then, let .env name another version.",
        )


class NotStartable(Refused):
    """A complete release that does not start here: it replaces none. `why` is the refusal of its start."""

    def __init__(self, version: str, why: PixelWiseError) -> None:
        super().__init__(
            f"release {version} does not start: {why.subject}",
            found=why.found,
            promised=why.promised,
            remedy=f"{why.remedy} Nothing was replaced.",
        )


# -- a request to the service (`app/web/errors.py` gives each its status) --------------------------------------------


class RequestRefused(PixelWiseError):
    """A request to the service that its sender must change."""

    exit_code = 2


class NotFound(RequestRefused):
    """No such page, model or row."""


class NotUnderstood(RequestRefused):
    """A request that is not JSON, or has invalid headers."""


class BadParameter(RequestRefused):
    """A parameter in the address, or a header, with an invalid value."""


class BadDrawing(RequestRefused):
    """A drawing whose form or values are invalid."""


class BadLabel(RequestRefused):
    """A label that is neither a digit nor "not-a-digit"."""


class TooLarge(RequestRefused):
    """A body with more bytes or drawings than are taken at once."""


class WrongMediaType(RequestRefused):
    """A body of a kind that this route does not take."""


class NotAuthenticated(RequestRefused):
    """Neither a known key nor a visit of the page."""


class Forbidden(RequestRefused):
    """A request from another host's page, to a name that is not this service's, about somebody else's answer, or for
    what takes a key."""


class TooMany(RequestRefused):
    """A caller who asks more often than agreed; `retry_after` is in seconds."""

    def __init__(self, who: str, *, limit: str, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__(
            f"requests of this {who}",
            found="more than agreed",
            promised=f"at most {limit}",
            remedy=f"Wait {retry_after} s, send several drawings in one request, or ask for a higher limit.",
        )


class Busy(PixelWiseError):
    """The service cannot answer now; `retry_after` is in seconds."""

    exit_code = 6

    def __init__(self, subject: str, *, found: str, promised: str, retry_after: int, remedy: str | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(subject, found=found, promised=promised, remedy=remedy or f"Try again in {retry_after} s.")


class Overloaded(Busy):
    """More drawings wait than can be answered soon."""

    def __init__(self, found: str, *, retry_after: int) -> None:
        super().__init__("queue", found=found, promised="an answer soon, or a refusal at once", retry_after=retry_after)


class Stalled(Busy):
    """A drawing was taken, and the engine or the database did not finish; it may have been stored."""

    def __init__(self, *, seconds: float) -> None:
        remedy = "It may have been stored: look at GET /results before you send it again."
        found = f"none after {seconds:g} s"
        super().__init__("answer", found=found, promised="one in time", retry_after=5, remedy=remedy)


class NoReport(Busy):
    """The report on the stored answers could not be made; the log has what failed."""

    def __init__(self, found: str) -> None:
        remedy = "Try again in 5 s. The service's log says what it was."
        super().__init__("report", found=found, promised="one in time", retry_after=5, remedy=remedy)


class Stopping(Busy):
    """The service ends; a new one is likely to follow."""

    def __init__(self) -> None:
        super().__init__("service", found="stopping", promised="answers to what it had accepted", retry_after=2)


# -- checks that ran and failed: exit code 5; what cannot be reached: exit code 6 ----------------------------------


class PromiseBroken(PixelWiseError):
    """The model runs here, but does not do what its card says."""

    exit_code = 5


class Unreachable(PixelWiseError):
    """A repository or service that does not answer."""

    exit_code = 6


class DatabaseUnavailable(Unreachable):
    """The database does not answer, or takes no write; nothing of what was to be stored can be relied on.

    Args:
        told: what strangers may know of what was found.
    """

    def __init__(self, database: str, *, said: str, remedy: str | None = None, told: str = "no answer") -> None:
        self._told = told
        super().__init__(
            f"database {database}",
            found=said,
            promised="a database that answers and takes writes",
            remedy=remedy or "See that it runs, and that DATABASE_URL names it; the service then goes on by itself.",
        )

    def public(self) -> DatabaseUnavailable:
        """The same for strangers: without paths, hosts and names of users."""
        remedy = "Try again soon. If you sent a drawing, it may have been stored: look at GET /results first."
        return DatabaseUnavailable("of the service", said=self._told, remedy=remedy, told=self._told)
