"""Each way of saying no has its exit code, and says what is wrong, what was expected or promised, and what to do."""

from __future__ import annotations

import ast
import errno
import importlib
import importlib.util
import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from app.answering.refusals import NoReport, Overloaded, Stalled, Stopping
from app.cli.refusals import BadVersion, NotStartable, NotTakenUp
from app.drawing.refusals import UnreadableImage
from app.environment.refusals import BadSettings
from app.errors import (
    CAUSES,
    BadImages,
    Busy,
    CannotStore,
    ConfigurationError,
    PixelWiseError,
    Refused,
    SystemRefused,
    Unreachable,
)
from app.flags.refusals import BadFlagChange, BadFlags
from app.model.refusals import ArtefactRefused, BadGoldenSet, MissingDigits
from app.model.sklearn_pickle.refusals import refused
from app.release.refusals import (
    BadLock,
    BadRelease,
    ChangedFile,
    CredentialsWanted,
    MissingFile,
    MixedEntry,
    MovedTag,
    Unreviewed,
    WrongSize,
)
from app.scoring.refusals import (
    BadInput,
    BadScheduler,
    ChangedInput,
    MissingPackage,
    NoScheduler,
    OtherResults,
    ShardLost,
)
from app.server.refusals import AlreadyRunning, CannotListen, NoWorkerProcess, WorkerFailed
from app.signing.refusals import (
    BadSignature,
    NobodyTrusted,
    NoModelSigning,
    NoSshKeygen,
    NotSigned,
    NotTrusted,
    OtherSignature,
)
from app.storage.refusals import BadName, DatabaseUnavailable, WrongSchema
from app.verify.refusals import (
    BadCard,
    ContractBroken,
    MissingModel,
    OriginUnknown,
    PromiseBroken,
    RosterMismatch,
    UnknownVersion,
    VersionMismatch,
)
from app.web.refusals import (
    BadDrawing,
    BadLabel,
    BadParameter,
    CountsUnavailable,
    Forbidden,
    MissingKey,
    NotAuthenticated,
    NotFound,
    NotUnderstood,
    RequestRefused,
    TooLarge,
    TooMany,
    WrongMediaType,
)
from tests.test_architecture import MODULES, TREES

ROOT = Path(__file__).resolve().parent.parent

EXIT_CODES = {
    1: "PixelWiseError WorkerFailed NoWorkerProcess ShardLost",
    2: "BadImages UnreadableImage BadName BadVersion BadFlagChange RequestRefused NotFound NotUnderstood BadParameter "
    "BadDrawing BadLabel TooLarge WrongMediaType NotAuthenticated Forbidden TooMany",
    3: "SystemRefused ConfigurationError BadSettings MissingModel UnknownVersion MissingDigits VersionMismatch "
    "CannotStore WrongSchema BadFlags MissingKey CannotListen AlreadyRunning NobodyTrusted NoSshKeygen NoModelSigning "
    "CredentialsWanted MissingPackage BadScheduler",
    4: "NotTakenUp "
    "Refused ArtefactRefused RosterMismatch ChangedFile OriginUnknown BadRelease MissingFile WrongSize "
    "MovedTag MixedEntry BadLock Unreviewed BadCard BadGoldenSet ContractBroken NotStartable "
    "NotSigned NotTrusted BadSignature OtherSignature BadInput ChangedInput OtherResults",
    5: "PromiseBroken",
    6: "Unreachable DatabaseUnavailable Busy Overloaded Stalled NoReport Stopping CountsUnavailable NoScheduler",
}

PARTS = {"found": "this", "expected": "that", "remedy": "Do so."}

EXAMPLES: list[tuple[PixelWiseError, tuple[str, ...]]] = [
    (
        BadImages(np.zeros((2, 3)), shape="(N, 28, 28)"),
        ("images: float64 (2, 3); expected a numpy array, uint8 (N, 28, 28)", "multiply by 255"),
    ),
    (BadImages([1], shape="(28, 28)"), ("images: list; expected a numpy array, uint8 (28, 28)",)),
    (ChangedInput("a.npy", found="it is gone"), ("input a.npy: it is gone; expected the file that was planned",)),
    (
        MissingPackage("answers in Parquet", package="pyarrow", extra="score", or_else=", or else"),
        ("pyarrow is not installed; expected pixelwise[score]", "-r requirements-score.txt`, or else."),
    ),
    *((kind("x", **PARTS), ("x: this; expected that. Do so.",)) for kind in (BadInput, OtherResults, BadScheduler)),
    *((kind("x", **PARTS), ("x: this; expected that. Do so.",)) for kind in (NoScheduler, ShardLost)),
    (BadSettings(["A is wrong", "B is missing"]), ("A is wrong; B is missing", "Edit .env")),
    (
        CannotStore(Path("/d"), OSError(errno.EROFS, ""), setting="DATA_DIR"),
        ("/d: a read-only file system", "Or let DATA_DIR in .env name another place."),
    ),
    (CannotStore(Path("/d"), OSError(errno.EEXIST, ""), setting="X"), ("a file where a folder belongs",)),
    (
        MissingModel(Path("/m.pkl")),
        ("/m.pkl", "no such file", "MODEL_PATH", "leave it empty"),
    ),
    (UnknownVersion("v9.0", rosters=["v1", "v2"], line=7), ("version v9.0: no", "v1, v2", "line 7")),
    (MissingDigits(Path("a/t10k"), found="no such file"), ("t10k", "no such file", "MNIST_DIR", "mnist.py")),
    (
        VersionMismatch("m.pkl", found="v1.0", expected="v1.1"),
        ("m.pkl: v1.0 (by its digest); expected v1.1, as MODEL_VERSION says", "MODEL_VERSION=v1.0 into"),
    ),
    (refused("size", "too large", offset=3), ("(size at byte 3)", "too large", "joblib.dump")),
    (refused("format", "gzip", remedy="Unpack it."), ("(format)", "gzip", "Unpack it.")),
    (
        RosterMismatch("m", found="1", expected="2 3"),
        ("m: classes 1; promised classes 2 3 in app", "Set MODEL_VERSION"),
    ),
    (
        ChangedFile("f", found="x", expected="y", promised_by="the lock", remedy="Do so."),
        ("f: changed since it was released (x); promised y by the lock",),
    ),
    (
        MovedTag("v1.0", promised_by="model.lock", **PARTS),
        ("tag v1.0: moved to commit this; promised commit that by model.lock",),
    ),
    (
        MixedEntry("v1.0", found="sha256:1", expected="sha256:2"),
        ("release v1.0: manifest sha256:1; promised manifest sha256:2 by model.lock", "take the entry of v1.0 out"),
    ),
    (
        Unreviewed("v1.0", repository="r.git", pin="abc"),
        ("v1.0 of r.git: commit abc", "; expected a reviewed entry", "--frozen", "pixelwise lock"),
    ),
    (NotSigned("v1.0"), ("release v1.0: no signature; expected", "REQUIRE_SIGNATURE", "`release.py v1.0 --sign KEY`")),
    (NotTrusted("v1.0", found="x", listed_in="f"), ("release v1.0: x; expected a signer of f.", "another way")),
    (BadSignature("v1.0", found="x", expected="y"), ("signature of release v1.0: x; expected y.", "ask its owner")),
    (OtherSignature("v1.0", found="x", expected="y"), ("signature of release v1.0: x; expected y.", "ask its owner")),
    (NobodyTrusted("f", found="no file"), ("ALLOWED_SIGNERS, f: no file; expected", "docs/signing.md says how")),
    (NoSshKeygen(), ("ssh-keygen: no such program", "apt-get install openssh-client")),
    (NoModelSigning("v1.0", found="x"), ("model.sig, and no model-signing here (x)", "requirements-signing.txt")),
    (
        ContractBroken("m.pkl, classes", found="1", expected="2", checks=()),
        ("m.pkl, classes: 1; promised 2.", "another version"),
    ),
    (MissingFile("f", promised_by="model.lock"), ("f: missing from the release; promised by model.lock.", "owner")),
    (
        WrongSize("f", found=8, expected=9, promised_by="model.lock"),
        ("f: 8 bytes; promised 9 bytes by model.lock.",),
    ),
    (
        NotStartable("v1.0", BadCard("its card", **PARTS)),
        ("v1.0 does not start: its card: this; expected that. Do so. Nothing was replaced.",),
    ),
    (
        SystemRefused("models", PermissionError(errno.EACCES, "x")),
        ("models", "no permission", "user who owns"),
    ),
    (SystemRefused("models", OSError(errno.ENOSPC, "x")), ("models", "no space left", "Free space")),
    (SystemRefused("models", OSError(errno.EXDEV, "x")), ("models", "cross-device", "Mend that")),
    (
        WrongSchema("sqlite a.db", found=None, expected="2"),
        ("sqlite a.db", "no tables", "revision 2", "upgrade"),
    ),
    (WrongSchema("sqlite a.db", found="1", expected="2"), ("a.db: tables of revision 1; expected revision 2",)),
    (CountsUnavailable("redis://h:6379/0", said="x"), ("redis://h:6379/0: no answer (x)", "LIMITS_URL in .env")),
    (DatabaseUnavailable("sqlite a.db", said="no"), ("sqlite a.db", ": no", "DATABASE_URL")),
    (DatabaseUnavailable("sqlite a.db", said="full", remedy="Free space."), (": full", "Free space.")),
    (DatabaseUnavailable("sqlite /a", said="b", told="its disk full").public(), ("of the service", "disk full")),
    (BadFlags("f.json", ["a", "b"]), ("flag file f.json", ": a; b", "flagd's format", "Mend it")),
    (MissingKey(), ("SECRET_API_KEY: not set; expected", "setup-server.sh")),
    (CannotListen("::1", 80, said="taken"), ("HOST=::1 PORT=80: taken; expected", "Correct HOST")),
    (
        CannotListen("::1", 80, said=f"{os.strerror(errno.EADDRINUSE)} (bind)"),
        ("PORT=80: in use by another program;", "another PORT in .env, or stop that program"),
    ),
    (AlreadyRunning("http://x"), ("answers at http://x", "one at a time")),
    (NotTakenUp("v2.0", found="v1.0"), ("release v2.0", ": v1.0", "What was served goes on")),
    (WorkerFailed(exit_code=3), ("exit code 3", "Its own message")),
    (
        NoWorkerProcess(FileNotFoundError(errno.ENOENT, "", "/srv/.venv/bin/python")),
        ("No such file", "/srv/.venv/bin/python", "setup-server.sh"),
    ),
    (NoWorkerProcess(BlockingIOError(errno.EAGAIN, "")), ("no process for a worker", "ulimit -u")),
    (TooMany("key", limit="5/second", retry_after=1), ("this key", "at most 5/second", "Wait 1 s")),
    (Busy("queue", found="a", expected="b", retry_after=3), ("queue", "Try again in 3 s.")),
    (Overloaded("9 drawings waiting", retry_after=2), ("9 drawings waiting", "Try again in 2 s.")),
    (Stalled(seconds=10), ("none after 10 s", "may have been stored", "GET /results")),
    (NoReport("exit code 6"), ("report", ": exit code 6", "log says what")),
    (Stopping(), (": stopping", "Try again")),
    *(
        (kind("subject", **PARTS), (f"subject: this; {kind.word} that. Do so.",))
        for kind in (
            UnreadableImage,
            BadName,
            BadVersion,
            BadFlagChange,
            RequestRefused,
            NotFound,
            NotUnderstood,
            BadParameter,
            BadDrawing,
            BadLabel,
            TooLarge,
            WrongMediaType,
            NotAuthenticated,
            Forbidden,
            ConfigurationError,
            Refused,
            OriginUnknown,
            BadRelease,
            BadLock,
            BadCard,
            BadGoldenSet,
            PromiseBroken,
            Unreachable,
            CredentialsWanted,
            PixelWiseError,
        )
    ),
]


def classes() -> dict[str, type[PixelWiseError]]:
    """Every refusal of the shared ones and of each room's."""
    homes = [name for name in MODULES if name == "app.errors" or name.endswith(".refusals")]
    found = [thing for home in homes for thing in vars(importlib.import_module(home)).values()]
    return {kind.__name__: kind for kind in found if isinstance(kind, type) and issubclass(kind, PixelWiseError)}


def test_refusals_are_defined_where_they_are_looked_for():
    for name, tree in TREES.items():
        if name != "app.errors" and not name.endswith(".refusals"):
            defined = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
            assert not defined & set(classes()), name


def test_every_class_has_the_exit_code_of_its_kind():
    by_code = {name: code for code, names in EXIT_CODES.items() for name in names.split()}
    assert {name: kind.exit_code for name, kind in classes().items()} == by_code


def test_every_class_is_shown_in_an_example():
    assert {type(error) for error, _ in EXAMPLES} == set(classes().values())


@pytest.mark.parametrize(("error", "parts"), EXAMPLES, ids=lambda value: type(value).__name__)
def test_a_message_names_its_subject_what_is_wrong_what_was_expected_and_the_remedy(
    error: PixelWiseError, parts: tuple[str, ...]
):
    message = str(error)
    if isinstance(error, BadSettings):  # each of its problems says what was expected
        assert message == f"{error.subject}: {error.found}. {error.remedy}"
    else:
        assert message == f"{error.subject}: {error.found}; {error.word} {error.expected}. {error.remedy}"
    assert message == f"{error.sentence} {error.remedy}"
    assert message.endswith(".")
    assert "\n" not in message
    for part in parts:
        assert part in message


def test_promised_is_only_what_a_card_a_lock_a_record_or_this_code_promised():
    promises = {name for name, kind in classes().items() if kind.word == "promised"}
    assert promises == {
        *("ChangedFile", "MissingFile", "WrongSize", "MovedTag", "MixedEntry"),
        *("RosterMismatch", "ContractBroken", "PromiseBroken"),
    }
    assert {kind.word for kind in classes().values()} == {"expected", "promised"}


def test_a_version_that_does_not_start_hands_on_the_word_of_the_reason():
    error = NotStartable("v1.0", RosterMismatch("m", found="1", expected="2"))
    assert "model m: classes 1; promised classes 2 in app/classifier.py." in str(error)


def test_programs_read_what_was_expected_by_the_same_key_as_ever():
    parts = RosterMismatch("m", found="1", expected="2").parts
    assert (parts["found"], parts["promised"]) == ("classes 1", "classes 2 in app/classifier.py")
    assert set(parts) == {"kind", "subject", "found", "promised", "word", "remedy", "exit_code"}


def test_what_python_programs_catch_by_its_own_name():
    """Callers outside know these: a wrong argument, a failed assertion."""
    assert issubclass(BadImages, ValueError)
    assert issubclass(ArtefactRefused, ValueError)
    assert issubclass(RosterMismatch, AssertionError)


def test_no_character_of_a_message_acts_on_a_terminal():
    error = BadCard("card\x1b[2J", found="\x1b]0;title\a", expected="a\u200bb\n", remedy="c\r")
    assert str(error).isprintable()
    assert r"\x1b]0;title\x07" in str(error)


def test_every_remedy_for_what_a_system_refuses_is_one_of_its_own():
    remedies = [remedy for _, remedy in CAUSES.values()]
    same = {CAUSES[errno.EACCES][1]}
    assert len(set(remedies)) == len(remedies) - len(same)


def test_only_bytes_that_differ_from_a_record_are_mended_by_fetching_again():
    """What was released as it is stays as it is, however often it is fetched; its owner must mend it."""
    assert not [error for error, _ in EXAMPLES if "etch the release again" in error.remedy]
    sources = [*(ROOT / "app").rglob("*.py"), ROOT / "predict.py"]
    naming = {path.name for path in sources if "etch the release again" in path.read_text(encoding="utf-8")}
    assert naming == {"open_model.py"}


def test_the_model_repository_refuses_in_the_same_form():
    spec = importlib.util.spec_from_file_location("errors_of_models", ROOT / "pixelwise-model/errors.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    error = module.UnknownVersion("v9.9", known=["v1.0"])
    assert str(error).startswith("version v9.9: no such line in the table of versions; expected one of v1.0. Choose")


def test_a_refusal_is_the_same_in_another_process():
    for error, _ in EXAMPLES:
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), str(again), again.__dict__) == (type(error), str(error), error.__dict__)
