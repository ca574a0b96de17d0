from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.storage.drawing_bytes import MASK_BYTES, PIXELS, pack, unpack

drawing = st.one_of(
    st.binary(min_size=PIXELS, max_size=PIXELS),
    st.lists(st.sampled_from([0, 0, 0, 1, 255]), min_size=PIXELS, max_size=PIXELS).map(bytes),
)


@given(st.lists(drawing, max_size=5))
def test_each_drawing_comes_back_as_it_was(drawings: list[bytes]):
    assert [unpack(packed) for packed in pack(drawings)] == drawings


def test_paper_takes_no_room_and_ink_a_byte_each():
    (blank,) = pack([bytes(PIXELS)])
    (two,) = pack([bytes([0] * 10 + [7, 9] + [0] * 772)])
    assert len(blank) == MASK_BYTES
    assert two[-2:] == bytes([7, 9])
    assert len(two) == MASK_BYTES + 2


def test_a_digit_takes_a_third_of_its_pixels_at_most(mnist):
    packed = pack([image.tobytes() for image in mnist.test_images[:500]])
    assert sum(map(len, packed)) / 500 < PIXELS / 3


@pytest.mark.parametrize("damaged", [b"", bytes(97), bytes([255] * 98), bytes(98) + b"\x01"])
def test_damaged_bytes_are_refused(damaged: bytes):
    with pytest.raises(ValueError):
        unpack(damaged)
