"""Pictures of any kind, and what the model is shown of them."""

from __future__ import annotations

import io
import random
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from app.errors import UnreadableImage
from app.inference.drawing import normalise, read_images
from tests.conftest import Mnist

Grey = NDArray[np.uint8]
PENS = 20


def seven(width: int = 200, height: int = 300, *, paper: int = 255, ink: int = 0, mode: str = "L") -> Image.Image:
    """A 7 drawn with a pen of 20 pixels."""
    picture = Image.new("L", (width, height), paper)
    pen = ImageDraw.Draw(picture)
    pen.line([(40, 50), (160, 50), (90, 250)], fill=ink, width=PENS)
    return picture.convert(mode)


def one(file: Path) -> Grey:
    images = read_images(file)
    assert images.shape == (1, 28, 28)
    assert images.dtype == np.uint8
    return images[0]


def saved(folder: Path, picture: Image.Image, name: str = "picture.png") -> Path:
    picture.save(folder / name)
    return folder / name


def ink_box(image: Grey) -> tuple[int, int]:
    rows, columns = np.nonzero(image)
    return int(rows.max() - rows.min() + 1), int(columns.max() - columns.min() + 1)


def centre(image: Grey) -> tuple[float, float]:
    rows, columns = np.indices(image.shape)
    return float((rows * image).sum() / image.sum()), float((columns * image).sum() / image.sum())


# -- any picture -------------------------------------------------------------------------------------------------------


def test_a_picture_is_scaled_into_20x20_and_centred_by_its_mass(tmp_path: Path):
    image = one(saved(tmp_path, seven()))
    assert max(ink_box(image)) == 20
    assert centre(image) == pytest.approx((14, 14), abs=0.51)


def test_the_side_ratio_stays(tmp_path: Path):
    tall = one(saved(tmp_path, seven()))
    assert ink_box(tall)[0] > 1.3 * ink_box(tall)[1]


def test_place_and_size_of_the_drawing_do_not_matter(tmp_path: Path):
    here = one(saved(tmp_path, seven()))
    far = Image.new("L", (800, 600), 255)
    far.paste(seven(), (500, 250))
    assert np.array_equal(one(saved(tmp_path, far)), here)
    twice = one(saved(tmp_path, seven().resize((400, 600), Image.Resampling.NEAREST)))
    assert np.abs(twice.astype(int) - here).mean() < 3


def test_dark_on_light_and_light_on_dark_give_the_same(tmp_path: Path):
    assert np.array_equal(one(saved(tmp_path, seven())), one(saved(tmp_path, seven(paper=0, ink=255), "chalk.png")))


@pytest.mark.parametrize("mode", ["RGB", "P", "RGBA", "LA", "1"])
def test_every_mode_of_a_picture_gives_the_same(tmp_path: Path, mode: str):
    picture, grey = one(saved(tmp_path, seven(mode=mode))), one(saved(tmp_path, seven(), "grey.png"))
    assert np.abs(picture.astype(int) - grey).mean() < 1


def test_a_png_of_16_bits_gives_the_same(tmp_path: Path):
    picture = Image.fromarray(np.asarray(seven()).astype(np.uint16) * 257)
    assert np.array_equal(one(saved(tmp_path, picture)), one(saved(tmp_path, seven(), "grey.png")))


def test_a_jpeg_gives_nearly_the_same(tmp_path: Path):
    png, jpeg = one(saved(tmp_path, seven())), one(saved(tmp_path, seven(mode="RGB"), "picture.jpg"))
    assert np.abs(png.astype(int) - jpeg).mean() < 2


@pytest.mark.parametrize("ink", [(0, 0, 0), (255, 255, 255), (200, 30, 40)], ids=["black", "white", "red"])
def test_on_a_transparent_sheet_what_is_opaque_is_ink_whatever_its_colour(tmp_path: Path, ink: tuple[int, int, int]):
    opacity = seven(paper=0, ink=255)
    sheet = Image.merge("RGBA", [*Image.new("RGB", opacity.size, ink).split(), opacity])
    assert np.array_equal(one(saved(tmp_path, sheet)), one(saved(tmp_path, seven(), "l.png")))


@pytest.mark.parametrize("paper", [0, 255])
def test_an_empty_sheet_is_all_paper(tmp_path: Path, paper: int):
    assert not one(saved(tmp_path, Image.new("L", (90, 120), paper))).any()


def test_what_is_drawn_on_the_very_edge_stays_whole(tmp_path: Path):
    dot = Image.new("L", (50, 50), 255)
    dot.putpixel((0, 0), 0)
    assert ink_box(one(saved(tmp_path, dot))) == (20, 20)


@pytest.mark.parametrize("shape", [(1, 1), (1, 400), (400, 1), (3, 500), (28, 29)])
def test_pictures_of_odd_shapes_are_read(tmp_path: Path, shape: tuple[int, int]):
    ink = np.zeros(shape, np.uint8)
    ink[shape[0] // 2, :] = 255
    one(saved(tmp_path, Image.fromarray(ink)))


# -- the recipe --------------------------------------------------------------------------------------------------------


def test_normalise_keeps_mnist_s_own_digits_in_their_place(mnist: Mnist):
    """The outside truth: MNIST's digits were made by this recipe, so it leaves their box and their centre alone."""
    for digit in mnist.test_images[:100]:
        image = normalise(digit)
        assert abs(max(ink_box(image)) - 20) <= 1
        assert centre(image) == pytest.approx(centre(digit), abs=1.5)


def test_only_ink_above_128_counts_for_the_box():
    drawing = np.full((40, 60), 128, np.uint8)
    assert not normalise(drawing).any()
    drawing[10:30, 20:25] = 129
    assert ink_box(normalise(drawing)) == (20, 5)


def test_a_drawing_with_all_its_mass_at_one_end_stays_in_the_field():
    drawing = np.zeros((20, 20), np.uint8)
    drawing[:, 0] = 255
    drawing[0, :] = 140
    image = normalise(drawing)
    assert ink_box(image) == (20, 20)


def test_the_drawing_itself_is_not_changed():
    drawing = np.asarray(seven(paper=0, ink=255)).copy()
    before = drawing.copy()
    normalise(drawing)
    assert np.array_equal(drawing, before)


# -- as it is ----------------------------------------------------------------------------------------------------------


def test_a_picture_of_28x28_is_taken_as_it_is(tmp_path: Path, mnist: Mnist):
    path = saved(tmp_path, Image.fromarray(mnist.test_images[0]))
    assert np.array_equal(one(path), mnist.test_images[0])


def test_an_array_is_taken_as_it_is(tmp_path: Path, mnist: Mnist):
    np.save(tmp_path / "one.npy", mnist.test_images[0])
    np.save(tmp_path / "many.npy", mnist.test_images[:7])
    np.save(tmp_path / "none.npy", mnist.test_images[:0])
    assert np.array_equal(one(tmp_path / "one.npy"), mnist.test_images[0])
    assert np.array_equal(read_images(tmp_path / "many.npy"), mnist.test_images[:7])
    assert read_images(tmp_path / "none.npy").shape == (0, 28, 28)


# -- refused -----------------------------------------------------------------------------------------------------------


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


def test_an_array_of_objects_is_refused_and_nothing_of_it_runs(tmp_path: Path):
    class Touch:
        def __reduce__(self):
            return (open, (str(tmp_path / "canary"), "w"))

    np.save(tmp_path / "images.npy", np.array([Touch()], object), allow_pickle=True)
    with pytest.raises(UnreadableImage, match="allow_pickle"):
        read_images(tmp_path / "images.npy")
    assert not (tmp_path / "canary").exists()


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


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
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


@pytest.mark.parametrize("kind", ["EPS", "TIFF", "GIF", "BMP", "PPM"])
def test_other_kinds_of_pictures_are_refused_unopened(tmp_path: Path, kind: str):
    """Pillow hands PostScript to an interpreter, which runs it: a file is data."""
    seven().save(tmp_path / "picture.png", kind)
    with pytest.raises(UnreadableImage, match="a PNG or JPEG picture"):
        read_images(tmp_path / "picture.png")


def test_a_sparse_array_file_beyond_1_gib_is_refused_by_its_size(tmp_path: Path):
    with (tmp_path / "huge.npy").open("wb") as file:
        file.truncate((1 << 30) + 1)
    with pytest.raises(UnreadableImage, match="bytes"):
        read_images(tmp_path / "huge.npy")


@pytest.mark.filterwarnings("ignore")
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
            images = read_images(tmp_path / name)
        except UnreadableImage:
            continue
        assert images.dtype == np.uint8
        assert images.shape[1:] == (28, 28)
