"""What is no picture of a digit: refused by name, whatever the bytes."""

from __future__ import annotations

import io
import os
import random
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.cli.image_files import read_images
from app.drawing.decode_image import SMALLER
from app.drawing.refusals import UnreadableImage
from tests.cli.test_image_files import one, saved, seven
from tests.conftest import Mnist


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((28, 28)),
        np.zeros((28, 28), bool),
        np.zeros((2, 27, 28), np.uint8),
        np.zeros((2, 28, 28, 1), np.uint8),
        np.zeros(784, np.uint8),
        np.zeros((), np.uint8),
    ],
    ids=lambda array: f"{array.dtype} {array.shape}",
)
def test_an_array_of_another_shape_or_dtype_is_refused_with_both(tmp_path: Path, array: np.ndarray):
    np.save(tmp_path / "images.npy", array)
    with pytest.raises(UnreadableImage) as caught:
        read_images(tmp_path / "images.npy")
    assert f"{array.dtype} {array.shape}" in str(caught.value)
    assert "uint8, 0 paper to 255 ink" in caught.value.remedy


@pytest.mark.parametrize("shape", [(0, 28, 28), (0, 28), (28, 0)])
def test_an_array_of_no_pictures_is_refused_as_a_folder_of_none_is(tmp_path: Path, shape: tuple[int, ...]):
    np.save(tmp_path / "images.npy", np.zeros(shape, np.uint8))
    with pytest.raises(UnreadableImage) as caught:
        read_images(tmp_path / "images.npy")
    assert caught.value.exit_code == 2
    assert shape != (0, 28, 28) or "an array uint8 (0, 28, 28) of no pictures" in caught.value.found


def test_a_file_that_is_not_there_is_named_once(tmp_path: Path):
    with pytest.raises(UnreadableImage) as caught:
        read_images(tmp_path / "seven.png")
    assert str(caught.value).startswith(f"image {tmp_path / 'seven.png'}: no such file; expected ")


def test_an_array_of_objects_is_refused_and_nothing_of_it_runs(tmp_path: Path):
    class Touch:
        def __reduce__(self):
            return (open, (str(tmp_path / "canary"), "w"))

    np.save(tmp_path / "images.npy", np.array([Touch()], object), allow_pickle=True)
    with pytest.raises(UnreadableImage, match="array object"):
        read_images(tmp_path / "images.npy")
    assert not (tmp_path / "canary").exists()


def npy_file(header: str, content: bytes) -> bytes:
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode("latin1") + content


@pytest.mark.parametrize("shape", [(10**12, 28, 28), (2, 28, 28), (-1, 28, 28), (10**400, 28, 28)])
@pytest.mark.parametrize("size", [784, 1569])
def test_an_array_of_other_content_than_its_header_claims_is_refused(tmp_path: Path, shape: tuple[int], size: int):
    header = repr({"descr": "|u1", "fortran_order": False, "shape": shape})
    (tmp_path / "images.npy").write_bytes(npy_file(header, bytes(size)))
    with pytest.raises(UnreadableImage, match=f"{size:,} bytes of content"):
        read_images(tmp_path / "images.npy")


HEADER = "{{'descr': {}, 'fortran_order': False, 'shape': (28, 28)}}"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "{",
        '"""',
        "  1\n 2",
        "\0",
        "(" * 5000,
        "-" * 9900 + "1",
        "1" * 5000,
        "{[]: 1}",
        "{1: 1, 'a': 2}",
        HEADER.format("()"),
        HEADER.format("'no'"),
        HEADER.format("[('a', 'u1', -1)]"),
        HEADER.format("[('a', 'V2147483647'), ('b', 'V2147483647')]"),
        HEADER.format("('u1', 10**9)"),
        HEADER.format("('u1', (99999999999999999999,))"),
        HEADER.format("('u1', ('a',))"),
        HEADER.format("[('a', 'u1'), ('a', 'u1')]"),
    ],
    ids=lambda header: ascii(header)[:60],
)
def test_of_a_malformed_array_header_only_a_refusal_comes_out(tmp_path: Path, header: str):
    (tmp_path / "images.npy").write_bytes(npy_file(header, bytes(784)))
    with pytest.raises(UnreadableImage, match=r"images\.npy"):
        read_images(tmp_path / "images.npy")


def test_an_archive_of_arrays_called_npy_is_refused(tmp_path: Path, mnist: Mnist):
    np.savez(tmp_path / "images.npz", mnist.test_images[:2])
    (tmp_path / "images.npz").rename(tmp_path / "images.npy")
    with pytest.raises(UnreadableImage, match=r"no \.npy header"):
        read_images(tmp_path / "images.npy")


@pytest.mark.parametrize("name", ["pipe.png", "pipe.npy"])
def test_a_fifo_is_refused_instead_of_waited_for(tmp_path: Path, name: str):
    os.mkfifo(tmp_path / name)
    with pytest.raises(UnreadableImage, match="no plain file"):
        read_images(tmp_path / name)


def test_a_device_is_refused():
    with pytest.raises(UnreadableImage, match="no plain file"):
        read_images(Path("/dev/zero"))


def test_a_sparse_picture_file_beyond_32_mib_is_refused_by_its_size(tmp_path: Path):
    with (tmp_path / "huge.png").open("wb") as file:
        file.truncate((32 << 20) + 1)
    with pytest.raises(UnreadableImage, match=r": has .* the limit is 33,554,432") as caught:
        read_images(tmp_path / "huge.png")
    assert caught.value.remedy == SMALLER


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP"])
def test_of_a_moving_picture_the_first_frame_is_read(tmp_path: Path, kind: str):
    options = {"lossless": True} if kind == "WEBP" else {}
    further = [Image.new("L", seven().size, 40), seven(paper=0, ink=255)]
    seven().save(tmp_path / "moving", kind, save_all=True, append_images=further, **options)
    with Image.open(tmp_path / "moving") as picture:
        assert getattr(picture, "n_frames", 1) == 3
    assert np.array_equal(one(tmp_path / "moving"), one(saved(tmp_path, seven())))


def test_a_camera_s_jpeg_with_a_preview_in_it_is_read(tmp_path: Path):
    seven().save(tmp_path / "camera.jpg", "MPO", save_all=True, append_images=[seven(40, 60)])
    with Image.open(tmp_path / "camera.jpg") as picture:
        assert getattr(picture, "n_frames", 1) == 2
    one(tmp_path / "camera.jpg")


@pytest.mark.parametrize("name", ["picture.png", "picture.jpg", "picture.npy", "picture"])
@pytest.mark.parametrize(
    "data", [b"", b"no picture at all", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"\x93NUMPY\x01\x00"]
)
def test_what_is_no_picture_is_refused_by_name(tmp_path: Path, name: str, data: bytes):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UnreadableImage, match=name) as caught:
        read_images(tmp_path / name)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("name", ["missing.png", "missing.npy", "folder.png", "folder.npy"])
def test_what_is_no_file_is_refused_by_name(tmp_path: Path, name: str):
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "folder.npy").mkdir()
    with pytest.raises(UnreadableImage, match=name):
        read_images(tmp_path / name)


@pytest.mark.parametrize("side", [5001, 12_000, 60_000])
def test_a_picture_bomb_is_refused_by_its_size(tmp_path: Path, side: int):
    (tmp_path / "bomb.png").write_bytes(png_of_zeros(side))
    with pytest.raises(UnreadableImage, match=r"bomb\.png"):
        read_images(tmp_path / "bomb.png")


def png_of_zeros(side: int) -> bytes:
    """A sound PNG header for (side, side) pixels, and hardly any content."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("kind", ["EPS", "TIFF", "JPEG2000", "BMP", "PPM"])
def test_other_kinds_of_pictures_are_refused_unopened(tmp_path: Path, kind: str):
    """Pillow hands PostScript to an interpreter, which runs it: a file is data."""
    seven().save(tmp_path / "picture.png", kind)
    with pytest.raises(UnreadableImage, match="expected a PNG, JPEG, WebP or GIF picture"):
        read_images(tmp_path / "picture.png")


def test_a_sparse_array_file_beyond_1_gib_is_refused_by_its_size(tmp_path: Path):
    with (tmp_path / "huge.npy").open("wb") as file:
        file.truncate((1 << 30) + 1)
    with pytest.raises(UnreadableImage, match="bytes"):
        read_images(tmp_path / "huge.npy")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.long
def test_of_spoilt_files_only_images_or_a_refusal_come_out(tmp_path: Path):
    """A program shows these warnings (of Pillow: a picture that is cut off, ...) and goes on."""
    chance = random.Random(1)
    originals = {}
    for name, kind in (("a.png", "PNG"), ("a.jpg", "JPEG"), ("a.npy", None)):
        buffer = io.BytesIO()
        if kind is None:
            np.save(buffer, np.zeros((2, 28, 28), np.uint8))
        else:
            seven().save(buffer, kind)
        originals[name] = buffer.getvalue()
    for _ in range(2000):
        name = chance.choice(list(originals))
        data = bytearray(originals[name])
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(min(len(data), 300))] = chance.randrange(256)
        (tmp_path / name).write_bytes(data[: chance.choice((len(data), chance.randrange(len(data))))])
        try:
            images = read_images(tmp_path / name).pixels
        except UnreadableImage:
            continue
        assert images.dtype == np.uint8
        assert images.shape[1:] == (28, 28)
