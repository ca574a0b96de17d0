"""Pictures of any kind, and what the model is shown of them."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from app.cli.image_files import read_images
from app.drawing.decode_image import decode, open_picture
from app.drawing.normalise import RECIPE
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
    """The one image in a file that is read."""
    images = read_images(file)
    assert images.unread is None
    assert images.pixels.shape == (1, 28, 28)
    assert images.pixels.dtype == np.uint8
    return images.pixels[0]


def none(file: Path) -> str:
    """Why a picture is not read."""
    images = read_images(file)
    assert images.unread is not None
    assert images.pixels.shape == (1, 28, 28)
    assert not images.pixels.any()
    return images.unread.name


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
    far = Image.new("L", (600, 600), 255)
    far.paste(seven(), (390, 250))
    assert np.array_equal(one(saved(tmp_path, far)), here)
    on_a_large_sheet = Image.new("L", (2000, 1500), 255)
    on_a_large_sheet.paste(seven(), (1301, 250))
    assert np.abs(one(saved(tmp_path, on_a_large_sheet)).astype(int) - here).mean() < 8
    twice = one(saved(tmp_path, seven().resize((400, 600), Image.Resampling.NEAREST)))
    assert np.abs(twice.astype(int) - here).mean() < 6


def test_dark_on_light_and_light_on_dark_give_the_same(tmp_path: Path):
    assert np.array_equal(one(saved(tmp_path, seven())), one(saved(tmp_path, seven(paper=0, ink=255), "chalk.png")))


@pytest.mark.parametrize("mode", ["RGB", "P", "RGBA", "LA", "1"])
def test_every_mode_of_a_picture_gives_the_same(tmp_path: Path, mode: str):
    picture, grey = one(saved(tmp_path, seven(mode=mode))), one(saved(tmp_path, seven(), "grey.png"))
    assert np.abs(picture.astype(int) - grey).mean() < 1


def test_a_png_of_16_bits_gives_the_same(tmp_path: Path):
    picture = Image.fromarray(np.asarray(seven()).astype(np.uint16) * 257)
    assert np.array_equal(one(saved(tmp_path, picture)), one(saved(tmp_path, seven(), "grey.png")))


def test_of_a_png_of_16_bits_the_high_byte_is_read(tmp_path: Path):
    values = np.linspace(0, 0xFFFF, 28 * 28).astype(np.uint16).reshape(28, 28)
    still = open_picture(saved(tmp_path, Image.fromarray(values)).read_bytes())
    assert np.array_equal(decode(still).values, values >> 8)


TURNED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""How a camera has turned what it stored, by the orientation it notes in EXIF (6: turn it clockwise to see it)."""


@pytest.mark.parametrize("orientation", TURNED)
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_picture_is_turned_as_its_exif_orientation_says(tmp_path: Path, orientation: int, kind: str):
    exif = Image.Exif()
    exif[0x0112] = orientation
    seven().transpose(TURNED[orientation]).save(tmp_path / "turned", kind, exif=exif)
    turned, upright = one(tmp_path / "turned"), one(saved(tmp_path, seven()))
    assert np.abs(turned.astype(int) - upright).mean() < 2


def test_a_jpeg_gives_nearly_the_same(tmp_path: Path):
    png, jpeg = one(saved(tmp_path, seven())), one(saved(tmp_path, seven(mode="RGB"), "picture.jpg"))
    assert np.abs(png.astype(int) - jpeg).mean() < 2


@pytest.mark.parametrize("ink", [(0, 0, 0), (255, 255, 255), (200, 30, 40)], ids=["black", "white", "red"])
def test_on_a_transparent_sheet_what_is_opaque_is_ink_whatever_its_colour(tmp_path: Path, ink: tuple[int, int, int]):
    opacity = seven(paper=0, ink=255)
    sheet = Image.merge("RGBA", [*Image.new("RGB", opacity.size, ink).split(), opacity])
    assert np.array_equal(one(saved(tmp_path, sheet)), one(saved(tmp_path, seven(), "l.png")))


def test_a_picture_whose_exif_notes_its_resolution_as_text_is_turned_all_the_same(tmp_path: Path):
    orientation, resolution = struct.pack(">HHIHH", 0x0112, 3, 1, 6, 0), struct.pack(">HHI4s", 0x011A, 2, 3, b"72")
    exif = b"Exif\0\0MM\0*\0\0\0\x08" + struct.pack(">H", 2) + orientation + resolution + bytes(4)
    seven().transpose(TURNED[6]).save(tmp_path / "odd.jpg", exif=exif)
    assert np.abs(one(tmp_path / "odd.jpg").astype(int) - one(saved(tmp_path, seven()))).mean() < 2


def with_opacity(picture: Image.Image, opacity: Grey) -> Image.Image:
    return Image.merge("RGBA", [*picture.convert("RGB").split(), Image.fromarray(opacity)])


def opaque(picture: Image.Image) -> Grey:
    return np.full((picture.height, picture.width), 255, np.uint8)


@pytest.mark.parametrize(("paper", "ink"), [(255, 0), (0, 255), (40, 230)])
def test_a_page_with_rounded_transparent_corners_is_read_by_its_grey_values(tmp_path: Path, paper: int, ink: int):
    page = seven(paper=paper, ink=ink)
    shape = Image.new("L", page.size, 0)
    ImageDraw.Draw(shape).rounded_rectangle((0, 0, page.width - 1, page.height - 1), 30, fill=255)
    rounded = Image.composite(with_opacity(page, opaque(page)), Image.new("RGBA", page.size, 0), shape)
    assert np.array_equal(one(saved(tmp_path, rounded)), one(saved(tmp_path, page, "opaque.png")))


@pytest.mark.parametrize("place", [(0, 0), (150, 100)])
def test_one_pixel_that_is_not_quite_opaque_does_not_matter(tmp_path: Path, place: tuple[int, int]):
    opacity = opaque(seven())
    opacity[place] = 254
    assert np.array_equal(one(saved(tmp_path, with_opacity(seven(), opacity))), one(saved(tmp_path, seven(), "l.png")))


def test_an_invisible_picture_is_blank(tmp_path: Path):
    assert none(saved(tmp_path, with_opacity(seven(), 0 * opaque(seven())))) == "blank"


def test_a_palette_with_a_transparent_entry_is_a_transparent_sheet(tmp_path: Path):
    path = tmp_path / "palette.png"
    chalk = seven(paper=10, ink=20).convert("P")
    chalk.save(path, transparency=chalk.getpixel((0, 0)))
    with Image.open(path) as picture:
        assert picture.mode == "P"
    assert np.array_equal(one(path), one(saved(tmp_path, seven(), "l.png")))


@pytest.mark.parametrize("paper", [0, 255])
def test_an_empty_sheet_is_blank(tmp_path: Path, paper: int):
    assert none(saved(tmp_path, Image.new("L", (90, 120), paper))) == "blank"


def test_what_is_drawn_on_the_very_edge_stays_whole(tmp_path: Path):
    blot = Image.new("L", (50, 50), 255)
    ImageDraw.Draw(blot).ellipse((0, 0, 9, 9), fill=0)
    assert ink_box(one(saved(tmp_path, blot))) == (20, 20)


def test_a_picture_with_one_dark_pixel_is_too_small_to_read(tmp_path: Path):
    dot = Image.new("L", (50, 50), 255)
    dot.putpixel((0, 0), 0)
    assert none(saved(tmp_path, dot)) == "too-small"


# -- as it is ----------------------------------------------------------------------------------------------------------


def test_a_picture_of_28x28_is_taken_as_it_is(tmp_path: Path, mnist: Mnist):
    path = saved(tmp_path, Image.fromarray(mnist.test_images[0]))
    assert np.array_equal(one(path), mnist.test_images[0])


def test_an_opaque_rgba_picture_of_28x28_is_taken_as_it_is(tmp_path: Path, mnist: Mnist):
    path = saved(tmp_path, Image.fromarray(mnist.test_images[0]).convert("RGBA"))
    assert np.array_equal(one(path), mnist.test_images[0])


@pytest.mark.parametrize("ink", ["black", "white"])
def test_of_a_transparent_sheet_of_28x28_the_opacity_is_taken_as_it_is(tmp_path: Path, mnist: Mnist, ink: str):
    sheet = with_opacity(Image.new("RGB", (28, 28), ink), mnist.test_images[0])
    assert np.array_equal(one(saved(tmp_path, sheet)), mnist.test_images[0])


def test_a_link_to_a_picture_is_a_picture(tmp_path: Path, mnist: Mnist):
    (tmp_path / "link.png").symlink_to(saved(tmp_path, Image.fromarray(mnist.test_images[0])))
    assert np.array_equal(one(tmp_path / "link.png"), mnist.test_images[0])


def test_an_array_in_fortran_order_is_the_same_array(tmp_path: Path, mnist: Mnist):
    np.save(tmp_path / "fortran.npy", np.asfortranarray(mnist.test_images[:7]))
    assert b"'fortran_order': True" in (tmp_path / "fortran.npy").read_bytes()
    images = read_images(tmp_path / "fortran.npy").pixels
    assert np.array_equal(images, mnist.test_images[:7])
    assert images.flags.c_contiguous


def test_an_array_is_known_by_its_suffix_in_capitals_too(tmp_path: Path, mnist: Mnist):
    np.save(tmp_path / "one.npy", mnist.test_images[0])
    (tmp_path / "one.npy").rename(tmp_path / "ONE.NPY")
    assert np.array_equal(one(tmp_path / "ONE.NPY"), mnist.test_images[0])


def test_an_array_is_taken_as_it_is(tmp_path: Path, mnist: Mnist):
    np.save(tmp_path / "one.npy", mnist.test_images[0])
    np.save(tmp_path / "many.npy", mnist.test_images[:7])
    assert np.array_equal(one(tmp_path / "one.npy"), mnist.test_images[0])
    assert np.array_equal(read_images(tmp_path / "many.npy").pixels, mnist.test_images[:7])


def test_a_picture_names_the_recipe_and_an_array_went_through_none(tmp_path: Path, mnist: Mnist):
    np.save(tmp_path / "one.npy", mnist.test_images[0])
    assert read_images(tmp_path / "one.npy").recipe is None
    assert read_images(saved(tmp_path, seven())).recipe == RECIPE
