"""Each way of saying no has its exit code, and says what was found, what was promised, and what to do."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from app import errors
from app.causes import CAUSES
from app.errors import PixelWiseError

ROOT = Path(__file__).resolve().parent.parent

EXIT_CODES = {
    1: "PixelWiseError WorkerFailed NoWorkerProcess",
    2: "BadImages UnreadableImage BadName BadVersion BadFlagChange RequestRefused NotFound NotUnderstood BadParameter "
    "BadDrawing BadLabel TooLarge WrongMediaType NotAuthenticated Forbidden TooMany",
    3: "SystemRefused ConfigurationError BadSettings MissingModel UnknownVersion MissingDigits VersionMismatch "
    "CannotStore WrongSchema BadFlags MissingKey CannotListen AlreadyRunning",
    4: "NotTakenUp "
    "Refused ArtefactRefused RosterMismatch ChangedFile OriginUnknown BadRelease MovedTag BadLock Unreviewed "
    "BadCard BadGoldenSet ContractBroken NotStartable",
    5: "PromiseBroken",
    6: "Unreachable DatabaseUnavailable Busy Overloaded Stalled NoReport Stopping",
}

PARTS = {"found": "this", "promised": "that", "remedy": "Do so."}

EXAMPLES: list[tuple[PixelWiseError, tuple[str, ...]]] = [
    (
        errors.BadImages(np.zeros((2, 3)), shape="(N, 28, 28)"),
        ("float64 (2, 3)", "uint8 (N, 28, 28)", "multiply by 255"),
    ),
    (errors.BadImages([1], shape="(28, 28)"), ("found list", "uint8 (28, 28)")),
    (errors.BadSettings(["A is wrong", "B is missing"]), ("A is wrong; B is missing", "Edit .env")),
    (
        errors.CannotStore(Path("/d"), OSError(errno.EROFS, ""), setting="DATA_DIR"),
        ("/d: found a read-only file system", "Or let DATA_DIR in .env name another place."),
    ),
    (errors.CannotStore(Path("/d"), OSError(errno.EEXIST, ""), setting="X"), ("a file where a folder belongs",)),
    (
        errors.MissingModel(Path("/m.pkl"), asked_by="MODEL_PATH"),
        ("/m.pkl", "no such file", "MODEL_PATH", "leave it empty"),
    ),
    (errors.UnknownVersion("v9.0", rosters=["v1", "v2"], line=7), ("MODEL_VERSION=v9.0", "v1, v2", "line 7")),
    (errors.MissingDigits(Path("a/t10k"), found="no such file"), ("t10k", "no such file", "MNIST_DIR", "mnist.py")),
    (
        errors.VersionMismatch("m.pkl", found="v1.0", promised="v1.1"),
        ("m.pkl", "v1.0", "=v1.1", "MODEL_VERSION=v1.0 into"),
    ),
    (errors.ArtefactRefused("size", "too large", offset=3), ("(size at byte 3)", "too large", "joblib.dump")),
    (errors.ArtefactRefused("format", "gzip", remedy="Unpack it."), ("(format)", "gzip", "Unpack it.")),
    (errors.RosterMismatch("m", found="1", promised="2 3"), ("classes 1", "classes 2 3", "Set MODEL_VERSION")),
    (
        errors.ChangedFile("f", found="x", promised="y", promised_by="the lock"),
        ("f: changed", "found x", "y by the lock"),
    ),
    (
        errors.MovedTag("v1.0", promised_by="model.lock", **PARTS),
        ("tag v1.0 has moved", "commit this", "commit that by"),
    ),
    (
        errors.Unreviewed("v1.0", repository="r.git", commit="abc"),
        ("v1.0 of r.git", "abc", "--frozen", "pixelwise lock"),
    ),
    (
        errors.ContractBroken("m.pkl, classes", found="1", promised="2", checks=()),
        ("m.pkl, classes", "another version"),
    ),
    (
        errors.NotStartable("v1.0", errors.BadCard("its card", **PARTS)),
        ("v1.0 does not start: its card: found this, promised that. Do so. Nothing was replaced.",),
    ),
    (
        errors.SystemRefused("models", PermissionError(errno.EACCES, "x")),
        ("models", "no permission", "user who owns"),
    ),
    (errors.SystemRefused("models", OSError(errno.ENOSPC, "x")), ("models", "no space left", "Free space")),
    (errors.SystemRefused("models", OSError(errno.EXDEV, "x")), ("models", "cross-device", "Mend that")),
    (
        errors.WrongSchema("sqlite a.db", found=None, promised="2"),
        ("sqlite a.db", "no tables", "revision 2", "upgrade"),
    ),
    (errors.WrongSchema("sqlite a.db", found="1", promised="2"), ("tables of revision 1", "promised revision 2")),
    (errors.DatabaseUnavailable("sqlite a.db", said="no"), ("sqlite a.db", "found no", "DATABASE_URL")),
    (errors.DatabaseUnavailable("sqlite a.db", said="full", remedy="Free space."), ("found full", "Free space.")),
    (errors.DatabaseUnavailable("sqlite /a", said="b", told="its disk full").public(), ("of the service", "disk full")),
    (errors.BadFlags("f.json", ["a", "b"]), ("flag file f.json", "found a; b", "flagd's format", "Mend it")),
    (errors.MissingKey(), ("SECRET_API_KEY", "found nothing", "setup-server.sh")),
    (errors.CannotListen("::1", 80, said="taken"), ("HOST=::1 PORT=80", "found taken", "Correct HOST")),
    (
        errors.CannotListen("::1", 80, said=f"{os.strerror(errno.EADDRINUSE)} (bind)"),
        ("found PORT 80 in use by another program", "another PORT in .env, or stop that program"),
    ),
    (errors.AlreadyRunning("http://x"), ("answers at http://x", "one at a time")),
    (errors.NotTakenUp("v2.0", found="v1.0"), ("release v2.0", "found v1.0", "What was served goes on")),
    (errors.WorkerFailed(exit_code=3), ("exit code 3", "Its own message")),
    (
        errors.NoWorkerProcess(FileNotFoundError(errno.ENOENT, "", "/srv/.venv/bin/python")),
        ("No such file", "/srv/.venv/bin/python", "setup-server.sh"),
    ),
    (errors.NoWorkerProcess(BlockingIOError(errno.EAGAIN, "")), ("no process for a worker", "ulimit -u")),
    (errors.TooMany("key", limit="5/second", retry_after=1), ("this key", "at most 5/second", "Wait 1 s")),
    (errors.Busy("queue", found="a", promised="b", retry_after=3), ("queue", "Try again in 3 s.")),
    (errors.Overloaded("9 drawings waiting", retry_after=2), ("9 drawings waiting", "Try again in 2 s.")),
    (errors.Stalled(seconds=10), ("none after 10 s", "may have been stored", "GET /results")),
    (errors.NoReport("exit code 6"), ("report", "found exit code 6", "log says what")),
    (errors.Stopping(), ("found stopping", "Try again")),
    *(
        (kind("subject", **PARTS), ("subject", "found this", "promised that", "Do so."))
        for kind in (
            errors.UnreadableImage,
            errors.BadName,
            errors.BadVersion,
            errors.BadFlagChange,
            errors.RequestRefused,
            errors.NotFound,
            errors.NotUnderstood,
            errors.BadParameter,
            errors.BadDrawing,
            errors.BadLabel,
            errors.TooLarge,
            errors.WrongMediaType,
            errors.NotAuthenticated,
            errors.Forbidden,
            errors.ConfigurationError,
            errors.Refused,
            errors.OriginUnknown,
            errors.BadRelease,
            errors.BadLock,
            errors.BadCard,
            errors.BadGoldenSet,
            errors.PromiseBroken,
            errors.Unreachable,
            errors.PixelWiseError,
        )
    ),
]


def classes() -> dict[str, type[PixelWiseError]]:
    found = vars(errors).values()
    return {kind.__name__: kind for kind in found if isinstance(kind, type) and issubclass(kind, PixelWiseError)}


def test_every_class_has_the_exit_code_of_its_kind():
    by_code = {name: code for code, names in EXIT_CODES.items() for name in names.split()}
    assert {name: kind.exit_code for name, kind in classes().items()} == by_code


def test_every_class_is_shown_in_an_example():
    assert {type(error) for error, _ in EXAMPLES} == set(classes().values())


@pytest.mark.parametrize(("error", "parts"), EXAMPLES, ids=lambda value: type(value).__name__)
def test_a_message_names_its_subject_what_was_found_what_was_promised_and_the_remedy(
    error: PixelWiseError, parts: tuple[str, ...]
):
    message = str(error)
    if isinstance(error, errors.BadSettings):  # each of its problems says what was expected
        assert message == f"{error.subject}: {error.found}. {error.remedy}"
    else:
        assert message == f"{error.subject}: found {error.found}, promised {error.promised}. {error.remedy}"
    assert message.endswith(".")
    assert "\n" not in message
    for part in parts:
        assert part in message


def test_what_python_programs_catch_by_its_own_name():
    """Callers outside know these: a wrong argument, a failed assertion."""
    assert issubclass(errors.BadImages, ValueError)
    assert issubclass(errors.ArtefactRefused, ValueError)
    assert issubclass(errors.RosterMismatch, AssertionError)


def test_no_character_of_a_message_acts_on_a_terminal():
    error = errors.BadCard("card\x1b[2J", found="\x1b]0;title\a", promised="a\u200bb\n", remedy="c\r")
    assert str(error).isprintable()
    assert r"\x1b]0;title\x07" in str(error)


def test_every_remedy_for_what_a_system_refuses_is_one_of_its_own():
    remedies = [remedy for _, remedy in CAUSES.values()]
    same = {CAUSES[errno.EACCES][1]}
    assert len(set(remedies)) == len(remedies) - len(same)


def test_only_bytes_that_differ_from_a_record_are_mended_by_fetching_again():
    """What was released as it is stays as it is, however often it is fetched; its owner must mend it."""
    fetched = {type(error) for error, _ in EXAMPLES if "etch the release again" in error.remedy}
    assert errors.ChangedFile in fetched
    assert fetched <= {errors.ChangedFile}
    sources = [*(ROOT / "app").rglob("*.py"), ROOT / "predict.py"]
    naming = {path.name for path in sources if "etch the release again" in path.read_text(encoding="utf-8")}
    assert naming <= {"errors.py", "opening.py"}, "opening.py: of a recorded file that is gone"
