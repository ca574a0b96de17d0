"""Two readers, one file: ours, and scikit-learn's in the cage. Whatever ours accepts, both must read alike."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from app.model.contract import SCORE_TOLERANCE, Scale
from app.model.engine import Engine
from app.model.refusals import ArtefactRefused
from app.model.sklearn_pickle.artefact import Artefact, read_artefact

ROOT = Path(__file__).resolve().parent.parent.parent
MODEL_PYTHON = ROOT / "pixelwise-model" / ".venv" / "bin" / "python"
SCRIPT = ROOT / "tests" / "attacks" / "cage_sklearn.py"
NAMESPACES = ("net", "pid", "mnt", "ipc")
UNSHARE = ("unshare", "--net", "--pid", "--mount", "--ipc", "--fork", "--kill-child")
AS_ANOTHER_USER = ("--user", "--map-user=65534", "--map-group=65534", "--keep-caps")
ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")}
REMEDY = (
    "Nothing was opened. The cage needs Linux, util-linux's `unshare` (2.38), and either root with CAP_SYS_ADMIN "
    "or namespaces for ordinary users: `sysctl kernel.apparmor_restrict_unprivileged_userns=0` on Ubuntu, "
    "`sysctl kernel.unprivileged_userns_clone=1` on older Debian, `--cap-add SYS_ADMIN --security-opt "
    "seccomp=unconfined` in a container."
)


class CannotCage(Exception):
    """No file may be opened: the message says why, and what helps."""


class Cage:
    """scikit-learn behind bars: `with cage() as one: one.open(data, inputs)`. It counts the files that it opened."""

    def __init__(self, process: subprocess.Popen[bytes], complaints: IO[bytes]) -> None:
        self.process, self.complaints = process, complaints
        self.opened = 0

    def open(self, data: bytes, inputs: NDArray[np.float64], *, seconds: float = 120) -> dict[str, Any]:
        """{"classes", "labels", "scores"} or {"raised"}; "faults" lists all that an honest file does not do.

        Args:
            inputs: (N, features), what `predict` and `predict_proba` are given.
            seconds: on the clock, after which the file is given up.
        """
        assert self.process.stdin is not None
        self.opened += 1
        rows, columns = inputs.shape
        header = json.dumps({"bytes": len(data), "rows": rows, "columns": columns, "seconds": seconds}).encode()
        self.process.stdin.write(header + b"\n" + data + inputs.astype(float).tobytes())
        self.process.stdin.flush()
        return self.answer()

    def answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            code = self.process.wait()
            self.complaints.seek(0)
            why = self.complaints.read()[-2000:].decode(errors="replace").strip()
            raise CannotCage(f"The cage ended with exit code {code}: {why}. {REMEDY}")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def cage(
    *,
    unshare: Sequence[str] = UNSHARE,
    python: Path = MODEL_PYTHON,
    script: Path = SCRIPT,
    processor_seconds: int = 20,
) -> Iterator[Cage]:
    """A cage that was tried from inside.

    Args:
        python: has the library that opens files.
        script: the cage with that library in it.
        processor_seconds: of computing, that one file may take.

    Raises:
        CannotCage: it could not be made, or has a hole.
    """
    for program, where in ((shutil.which("unshare"), "unshare"), (python.exists(), str(python))):
        if not program:
            raise CannotCage(f"{where} is not there. {REMEDY}")
    # Another user may not drop groups, and is 65534 inside from the start.
    is_root = os.geteuid() == 0
    outside = {name: str(Path(f"/proc/self/ns/{name}").readlink()) for name in NAMESPACES}
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as listener:
        settings = {
            "folder": folder,
            "may_set_groups": is_root,
            "outside": outside,
            "processor_seconds": processor_seconds,
            "listener": listener.getsockname()[1],
            "secret": str(SCRIPT),
        }
        command = [*unshare, *(() if is_root else AS_ANOTHER_USER), python, "-I", script, json.dumps(settings)]
        with (
            tempfile.TemporaryFile() as complaints,
            subprocess.Popen(command, stdin=PIPE, stdout=PIPE, stderr=complaints, env=ONE_THREAD) as process,
        ):
            try:
                one = Cage(process, complaints)
                first = one.answer()
                if first != {"ready": True}:
                    raise CannotCage(f"{first.get('refused')}. {REMEDY}")
                yield one
            finally:
                end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """The cage ends when nothing more can be asked; if it is stuck it is killed, with all inside (--kill-child)."""
    assert process.stdin is not None
    try:
        process.stdin.close()
        process.wait(10)
    except (BrokenPipeError, subprocess.TimeoutExpired):
        process.kill()


def difference(
    data: bytes,
    cage: Cage,
    digits: NDArray[np.uint8],
    read: Callable[[bytes], Artefact] | None = None,
    *,
    scale: Scale | None = None,
) -> str | None:
    """How scikit-learn reads these bytes otherwise; None if alike, or if our reader or engine refuses them.

    Args:
        digits: (N, 784) uint8, as they are drawn.
        read: what stands in for our reader.
        scale: what a card would state. A model that needs none takes 1 for ink, above 128, and 0 for paper.
    """
    read = read or (lambda data: read_artefact(data, lambda: scale))
    try:
        artefact = read(data)
        pixels = pixels_for(artefact.features, digits)
        with np.errstate(all="ignore"):  # what is no number is found below
            scores = Engine(artefact).scores(pixels).astype(float)
    except ArtefactRefused:
        return None
    theirs = cage.open(data, in_scale(pixels, scale if artefact.is_grey and scale else "ink"))
    return compare(own_labels(artefact), scores, theirs)


def in_scale(pixels: NDArray[np.uint8], scale: Scale) -> NDArray[np.float64]:
    """What a model that takes pixels in this scale is given for raw ones."""
    return {"ink": (pixels > 128).astype(float), "unit": pixels / 255, "byte": pixels.astype(float)}[scale]


def own_labels(artefact: Artefact) -> list[Any]:
    """The model's labels as scikit-learn has them: texts, or integers if it was trained on such."""
    return [int(label) for label in artefact.classes] if artefact.integer_labels else list(artefact.classes)


def compare(classes: list[Any], scores: NDArray[np.float64], theirs: dict[str, Any]) -> str | None:
    if theirs.get("faults"):
        return "; ".join(theirs["faults"])
    if "raised" in theirs:
        return f"scikit-learn raises {theirs['raised']}"
    if theirs["classes"] != classes:
        return f"classes {theirs['classes']} there, {classes} here"
    promised = np.array(theirs["scores"], float)
    if promised.shape != scores.shape:
        return f"scores of shape {promised.shape} there, {scores.shape} here"
    apart = float(np.abs(promised - scores).max())
    if not apart <= SCORE_TOLERANCE:  # also for NaN
        return f"scores {apart:.2g} apart"
    for row, label in zip(scores, theirs["labels"], strict=True):
        # Where two classes are equally likely within the tolerance, either may be named.
        if label not in classes or row[classes.index(label)] < row.max() - 2 * SCORE_TOLERANCE:
            return f"predict says {label} there, {classes[int(row.argmax())]} here"
    return None


def pixels_for(features: int, digits: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(N, features) of (N, 784): as they are; for a small model the pixels that vary most, for a large one repeated."""
    if features == digits.shape[1]:
        return digits
    order = np.argsort(-(digits > 128).var(axis=0), kind="stable")
    return np.ascontiguousarray(digits[:, np.resize(order, features)])
