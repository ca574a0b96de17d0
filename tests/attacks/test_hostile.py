"""Every hostile file is refused by name, at once, and without a trace of having been run."""

from __future__ import annotations

import contextlib
import gc
import os
import struct
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.model.contract import Scale
from app.model.refusals import ArtefactRefused
from app.model.sklearn_pickle.artefact import read_artefact
from tests.attacks.assemble import MISSING, Array, dtype, joblib_dump
from tests.attacks.audit import audited
from tests.attacks.honest import honest_pipeline, labels, tree
from tests.attacks.hostile import Hostile, catalogue

CANARY = Path(tempfile.gettempdir()) / f"pixelwise-canary-{os.getpid()}"
FILES = list(catalogue(CANARY))
FEW_MIB = 8 << 20

# Faults of the stream have a place; faults of the model that it holds have none.
WITHOUT_PLACE = {
    "size", "pipeline", "version", "threshold", "features", "classes", "solver", "activation", "weights", "estimator",
    "attribute", "scale", "step",
}  # fmt: skip


PeakOf = Callable[..., int]


@pytest.fixture(autouse=True)
def canary_is_absent() -> Iterator[None]:
    assert not CANARY.exists()
    yield
    assert not CANARY.exists(), "code of a hostile file ran"


def refusal(data: bytes, scale: Scale | None = None) -> ArtefactRefused:
    """The refusal of these bytes; any other exception, or none, fails the test."""
    with pytest.raises(ArtefactRefused) as caught:
        read_artefact(data, lambda: scale)
    assert type(caught.value) is ArtefactRefused
    return caught.value


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_hostile_file_is_refused_by_name_for_a_second_of_processor_time_at_most(file: Hostile):
    before = time.process_time()
    error = refusal(file.data, file.scale)
    assert time.process_time() - before < 1
    assert error.code in file.codes, str(error)
    if error.code not in WITHOUT_PLACE:
        assert type(error.offset) is int
        assert 0 <= error.offset <= len(file.data)


def test_there_are_at_least_150_hostile_files_and_no_two_are_the_same():
    assert len(FILES) >= 150
    assert len({file.name for file in FILES}) == len(FILES)
    assert len({file.data for file in FILES}) == len(FILES)


def test_the_catalogue_is_the_same_every_time_it_is_built():
    assert list(catalogue(CANARY)) == FILES


def test_each_refusal_is_one_printable_line_of_bounded_length():
    """A message goes to terminals and logs: no escape sequences, no line breaks, no flood."""
    messages = {file.name: str(refusal(file.data)) for file in FILES}
    assert {name: text for name, text in messages.items() if not text.isprintable() or len(text) > 600} == {}


def test_parsing_bytes_fires_no_audit_event():
    honest = [honest_pipeline(kind, protocol=protocol) for kind in ("LogisticRegression", "MLPClassifier")
              for protocol in (3, 4, 5)]  # fmt: skip
    offenders = {}
    for name, data in [*((file.name, file.data) for file in FILES), *(("honest", data) for data in honest)]:
        with audited() as events:
            try:
                read_artefact(data)
                refused = False
            except ArtefactRefused:
                refused = True
        assert refused is (name != "honest")
        if events:
            offenders[name] = list(events)
    assert offenders == {}


def test_the_audit_hook_sees_what_it_should():
    with audited() as events:
        compile("1", "x", "eval")
    assert [event for event, _ in events] == ["compile"]


@pytest.mark.parametrize("kind", ["honest", "hostile"])
def test_reading_a_path_opens_that_one_file_and_does_nothing_else(tmp_path: Path, kind: str):
    path = tmp_path / "artefact.pkl"
    path.write_bytes(honest_pipeline() if kind == "honest" else FILES[0].data)
    with audited() as events:
        try:
            read_artefact(path)
        except ArtefactRefused:
            assert kind == "hostile"
    assert [event for event, _ in events] == ["open"]
    assert str(path) in events[0][1]


@pytest.fixture
def peak_memory() -> Iterator[PeakOf]:
    """Bytes allocated at most while a file is read, beyond the file itself."""

    def peak_of(data: bytes, scale: Scale | None = None) -> int:
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        with contextlib.suppress(ArtefactRefused):  # how much it took matters here, not what came of it
            read_artefact(data, lambda: scale)
        _, peak = tracemalloc.get_traced_memory()
        return peak - before

    gc.collect()
    tracemalloc.start()
    yield peak_of
    tracemalloc.stop()


@pytest.mark.long
def test_no_hostile_file_takes_more_than_a_few_mib_beyond_itself(peak_memory: PeakOf):
    peaks = {file.name: peak_memory(file.data, file.scale) for file in FILES}
    assert {name: peak for name, peak in peaks.items() if peak > FEW_MIB} == {}


def memory_bombs() -> dict[str, bytes]:
    """Large files that are mostly fine, and would grow when they are read carelessly."""
    emoji = ("a" * 4091 + "\U0001f600").encode()  # one character makes all of them four bytes wide
    text_flood = b"\x80\x04](" + (b"X" + struct.pack("<I", len(emoji)) + emoji) * 4096 + b"e."
    cells = 100_000
    wide = Array(labels("1"), header={"shape": (cells,), "dtype": dtype("U99")}, data=b"1\0\0\0" * 99 * cells)
    without_extras = {"_best_coefs": MISSING, "_best_intercepts": MISSING, "_optimizer": MISSING}
    heavy = tree("MLPClassifier", features=4000, hidden=(1000,), **without_extras)
    return {
        "16 MiB of text with one wide character in each string": text_flood,
        "38 MiB of text in an array that nobody needs": honest_pipeline(n_iter_=wide),
        "32 MiB of honest weights": joblib_dump(heavy),
        "64 MiB of zeros after a header": honest_pipeline()[:40] + bytes((64 << 20) - 40),
    }


@pytest.mark.parametrize("name", memory_bombs())
def test_a_large_file_takes_no_more_than_a_few_mib_beyond_itself(peak_memory: PeakOf, name: str):
    data = memory_bombs()[name]
    assert peak_memory(data) <= FEW_MIB
    if "honest" in name:
        assert read_artefact(data).layers, "what is refused early shows nothing"


LIVE = [file for file in FILES if file.live == "pickle"]
SHOWN_LIVE = ["bare GLOBAL", "bare BUILD", "bare NEWOBJ", "gadget resolve_name", "gadget Path.touch", "gadget atexit"]


@pytest.mark.parametrize("name", SHOWN_LIVE)
def test_the_payload_is_live_ammunition(tmp_path: Path, name: str):
    """Proves that the suite means something: plain `pickle.loads`, in a process of its own, runs the payload."""
    canary = tmp_path / "canary"
    data = next(file.data for file in catalogue(canary) if file.name == name)
    unpickle = "import pickle, sys; pickle.loads(sys.stdin.buffer.read())"
    subprocess.run([sys.executable, "-c", unpickle], input=data, capture_output=True, timeout=30, check=False)
    assert canary.exists()


def test_most_kinds_of_execution_are_in_the_catalogue():
    assert len(LIVE) >= 40
    assert len([file for file in FILES if file.live == "joblib"]) >= 30
