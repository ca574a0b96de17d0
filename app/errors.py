"""The base of every refusal, the refusals that several rooms share, and the exit codes; each room's own refusals are in
its `refusals.py`.

A message is built from four parts: the subject, what was found, what was expected, and what to do. `exit_code` is
that of the command line (docs/using.md, "Exit codes").
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


def printable(text: str) -> str:
    """`text` with every unprintable character (escapes, line breaks, zero widths) shown by its number."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


class PixelWiseError(Exception):
    """A refusal. `str(error)` is one sentence or two, meant for a person; it has no characters that control a
    terminal.

    Attributes:
        found: what is wrong, as it reads behind the subject and a colon.
        word: "promised" where somebody promised what was expected: a card, a lock, a record, this code's roster.
    """

    exit_code = 1
    word = "expected"

    def __init__(self, subject: str, *, found: object, expected: object, remedy: str) -> None:
        parts = (subject, str(found), str(expected), remedy)
        self.subject, self.found, self.expected, self.remedy = map(printable, parts)
        super().__init__(*parts)

    def __reduce__(self) -> tuple[object, ...]:
        """As it is, to another process: the arguments of each class are its own."""
        return _rebuilt, (type(self), self.args, self.__dict__)

    @property
    def sentence(self) -> str:
        """The message without the remedy."""
        return f"{self.subject}: {self.found}; {self.word} {self.expected}."

    def __str__(self) -> str:
        return f"{self.sentence} {self.remedy}"

    @property
    def parts(self) -> dict[str, object]:
        """The parts of the message, for programs; the expectation keeps the key `promised`, which programs know."""
        return {
            "kind": type(self).__name__,
            "subject": self.subject,
            "found": self.found,
            "promised": self.expected,
            "word": self.word,
            "remedy": self.remedy,
            "exit_code": self.exit_code,
        }


def _rebuilt(kind: type[PixelWiseError], args: tuple[object, ...], state: dict[str, object]) -> PixelWiseError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


class ConfigurationError(PixelWiseError):
    """The environment or `.env` asks for something impossible."""

    exit_code = 3


class Refused(PixelWiseError):
    """A release, or a file of one, that differs from the promise."""

    exit_code = 4


class Unreachable(PixelWiseError):
    """A repository or service that does not answer."""

    exit_code = 6


class Busy(PixelWiseError):
    """The service cannot answer now; `retry_after` is in seconds."""

    exit_code = 6

    def __init__(self, subject: str, *, found: str, expected: str, retry_after: int, remedy: str | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(subject, found=found, expected=expected, remedy=remedy or f"Try again in {retry_after} s.")


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
            expected=f"a numpy array, uint8 {shape}",
            remedy=remedy,
        )


# -- what the system refuses ------------------------------------------------------------------------------------------

_LET_IN = "Run this as the user who owns it, or let this user in (`chown`, `chmod`)."

CAUSES = {
    errno.ENOSPC: (
        "no space left on its disk",
        "Free space on that disk (`df -h` shows which is full), then try again.",
    ),
    errno.EDQUOT: ("a quota that is used up", "Delete files of this user, or have the quota raised, then try again."),
    errno.EROFS: ("a read-only file system", "Mount it so that it can be written, or use a copy elsewhere."),
    errno.EACCES: ("no permission to write or read", _LET_IN),
    errno.EPERM: ("an operation that is not permitted", _LET_IN),
    errno.EIO: ("a disk that fails", "Look at the disk (`dmesg` says more), then try again."),
    errno.EFBIG: (
        "a file larger than is allowed",
        "Raise the limit of this user's files (`ulimit -f`), then try again.",
    ),
    errno.EMFILE: ("too many open files", "Raise the limit of open files (`ulimit -n`), then try again."),
    errno.ENFILE: ("too many open files on this machine", "End what holds them open, then try again."),
    errno.ENOMEM: ("too little memory", "End what uses the memory, or raise its limit, then try again."),
    errno.ENAMETOOLONG: ("a name that is too long", "Use a folder with a shorter path."),
    errno.ENOTDIR: ("a file where a folder belongs", "Move that file away, then try again."),
    errno.EISDIR: ("a folder where a file belongs", "Move that folder away, then try again."),
    errno.ELOOP: ("a link, or a circle of links", "Move that link away, then try again."),
}

NO_PROCESS = {
    errno.ENOENT: "Put it back, or set up anew (`bash setup-server.sh`) and start the service again.",
    errno.EAGAIN: "End processes of this user, or raise its limit (`ulimit -u`), then try again.",
}
"""Remedies where a process cannot be started: its program or folder is gone, or there are too many."""


def cause_of(error: OSError) -> tuple[str, str]:
    """The finding and the remedy for an error of the system."""
    number = _number(error)
    return CAUSES.get(number, (os.strerror(number), "Mend that, then try again."))


def _number(error: OSError) -> int:
    return errno.ENOTDIR if error.errno == errno.EEXIST else error.errno or 0  # a file is in a folder's place


class SystemRefused(ConfigurationError):
    """A file or folder that the system does not allow to be written or read, for one of the `CAUSES`.

    Args:
        subject: the file or folder, or what was done to it.
    """

    def __init__(self, subject: object, error: OSError) -> None:
        found, remedy = cause_of(error)
        super().__init__(str(subject), found=found, expected="a file or folder that this user may use", remedy=remedy)

    @staticmethod
    def cause_in(words: str) -> OSError | None:
        """The error that another program reports in the words of the C locale; None if it reports none."""
        named = {os.strerror(number): number for number in CAUSES if os.strerror(number) in words}
        longest = max(named, key=len, default=None)  # subtle: some of these sentences begin with another
        return None if longest is None else OSError(named[longest], longest)


class CannotStore(ConfigurationError):
    """Data of the service or a command that cannot be written to the place given by `setting`."""

    def __init__(self, path: Path, error: OSError, *, setting: str) -> None:
        found, remedy = cause_of(error)
        remedy = f"{remedy} Or let {setting} in .env name another place."
        super().__init__(str(path), found=found, expected="a place that this user may write to", remedy=remedy)


# -- blocks of code that let nothing out but refusals ------------------------------------------------------------------

_SHOWN = 300
"""Most characters of a library's own words in a message."""


@contextmanager
def only_refusals(refuse: Callable[[str], PixelWiseError]) -> Iterator[None]:
    """Lets only refusals out of its block, in which a library parses untrusted bytes.

    The errors that zipfile, yaml, tomllib or numpy raise for odd bytes are documented nowhere: a list of them is never
    complete (OverflowError, RecursionError, struct.error and ValueError for long numbers were all missing from one).

    Args:
        refuse: makes the refusal from the error's text.
    """
    try:
        yield
    except PixelWiseError:
        raise
    except Exception as error:
        said = " ".join(str(error).split())[:_SHOWN]
        raise refuse(f"{type(error).__name__}: {said}" if said else type(error).__name__) from error


@contextmanager
def system_refusals(subject: object = "this system") -> Iterator[None]:
    """Turns an OSError of a known cause in its block into a SystemRefused of the file that the error names, or of
    `subject` if it names none."""
    try:
        yield
    except OSError as error:
        if _number(error) not in CAUSES:
            raise
        raise SystemRefused(subject if error.filename is None else os.fsdecode(error.filename), error) from error
