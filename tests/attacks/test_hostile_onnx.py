"""Every hostile ONNX file is refused by name, at once, and without more memory than it is worth."""

from __future__ import annotations

import contextlib
import gc
import time
import tracemalloc
from collections.abc import Callable, Iterator

import pytest

from app.model.formats import read_model
from app.model.refusals import ArtefactRefused
from tests.attacks.audit import audited
from tests.attacks.hostile import Hostile
from tests.attacks.hostile_onnx import catalogue
from tests.attacks.onnx_files import Net, encode, linear, perceptron, small

FILES = list(catalogue())
FEW_MIB = 8 << 20

# Faults of the stream have a place; faults of the model that it holds have none.
ALWAYS_WITH_A_PLACE = {
    *("truncated", "varint", "wire", "field", "text", "function", "training", "subgraph"),
    *("quantization", "sparse"),
}


def refusal(data: bytes) -> ArtefactRefused:
    """The refusal of these bytes; any other exception, or none, fails the test."""
    with pytest.raises(ArtefactRefused) as caught:
        read_model(data)
    assert type(caught.value) is ArtefactRefused
    return caught.value


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_hostile_file_is_refused_by_name_for_a_second_of_processor_time_at_most(file: Hostile):
    before = time.process_time()
    error = refusal(file.data)
    assert time.process_time() - before < 1
    assert error.code in file.codes, str(error)
    if error.offset is not None or error.code in ALWAYS_WITH_A_PLACE:
        assert type(error.offset) is int
        assert 0 <= error.offset <= len(file.data)


def test_there_are_at_least_250_hostile_files_and_no_two_are_the_same():
    assert len(FILES) >= 250
    assert len({file.name for file in FILES}) == len(FILES)
    assert len({file.data for file in FILES}) == len(FILES)


def test_the_catalogue_is_the_same_every_time_it_is_built():
    assert list(catalogue()) == FILES


def test_each_refusal_is_one_printable_line_of_bounded_length():
    messages = {file.name: str(refusal(file.data)) for file in FILES}
    assert {name: text for name, text in messages.items() if not text.isprintable() or len(text) > 600} == {}


def test_every_refusal_has_a_remedy_that_helps():
    remedies = {file.name: refusal(file.data).remedy for file in FILES}
    assert {name: remedy for name, remedy in remedies.items() if not remedy.endswith((".", '".'))} == {}
    assert len(set(remedies.values())) >= 10


def test_parsing_bytes_fires_no_audit_event():
    read_model(encode(small()))  # the reader is imported with the first file
    offenders = {}
    for name, data in [*((file.name, file.data) for file in FILES), ("honest", encode(small()))]:
        with audited() as events, contextlib.suppress(ArtefactRefused):
            read_model(data)
        if events:
            offenders[name] = list(events)
    assert offenders == {}


@pytest.fixture
def peak_memory() -> Iterator[Callable[[bytes], int]]:
    """Bytes allocated at most while a file is read, beyond the file itself."""

    def peak_of(data: bytes) -> int:
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        with contextlib.suppress(ArtefactRefused):  # how much it took matters here, not what came of it
            read_model(data)
        _, peak = tracemalloc.get_traced_memory()
        return peak - before

    gc.collect()
    tracemalloc.start()
    yield peak_of
    tracemalloc.stop()


@pytest.mark.long
def test_no_hostile_file_takes_more_than_a_few_mib_beyond_itself(peak_memory: Callable[[bytes], int]):
    peaks = {file.name: peak_memory(file.data) for file in FILES}
    floods = {"wire a flood of fields", "wire a flood of nodes", "wire a flood of constants", "wire a flood of sizes"}
    assert {name: peak for name, peak in peaks.items() if peak > FEW_MIB and name not in floods} == {}
    assert max(peaks.values()) < 64 << 20, "some hundred bytes for each field, of which there are 50,000 at most"


def test_honest_files_are_read():
    assert [read_model(encode(file)).kind for file in (small(), perceptron())] == ["Convolutional", "Perceptron"]
    assert read_model(encode(linear()), lambda: "unit").kind == "Linear"


LARGE = 100 << 20


@pytest.mark.long
def test_the_largest_network_that_is_read_takes_a_few_seconds_and_below_100_mib(peak_memory: Callable[[bytes], int]):
    net = Net(gain=1.4).scaled().conv(32, 1, 5, pads=[2, 2, 2, 2]).add("Relu").conv(60, 32, 5, pads=[2, 2, 2, 2])
    data = encode(net.add("Relu").pool().pool().add("Flatten").gemm(60 * 49, 10).end())
    before = time.process_time()
    assert peak_memory(data) < LARGE
    assert time.process_time() - before < 10
    assert read_model(data).kind == "Convolutional"


def pools(maps: int, count: int) -> bytes:
    """A small file whose maps stay large: pools that move by one place."""
    net = Net().scaled().conv(maps, 1, 1)
    for _ in range(count):
        net.pool(strides=[1, 1])
    left = 28 - count
    return encode(net.pool(left).add("Flatten").gemm(maps, 10).end())


@pytest.mark.long
def test_small_files_of_large_maps_take_below_100_mib_to_be_read_and_computed(peak_memory: Callable[[bytes], int]):
    wide = Net().scaled().conv(30, 1, 3).add("Relu").conv(6, 30, 7, pads=[3, 3, 3, 3])
    for data in (pools(50, 24), encode(wide.pool(13).add("Flatten").gemm(24, 10).end())):
        assert peak_memory(data) < LARGE
        assert read_model(data).kind == "Convolutional"
