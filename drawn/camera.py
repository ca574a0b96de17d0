"""A camera's picture of a page: light falls on it, a lens and a sensor see it, a file is written.

Everything up to the file is linear light: light multiplies, ink absorbs. (H, W, 3) float32, 0 black to 1 white.
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage  # type: ignore[import-untyped]  # scipy has no types

from drawn.page import Coverage

Light = NDArray[np.float32]
"""(H, W, 3) linear light, or (H, W) of any colour."""
Colour = tuple[float, float, float]
LEVELS = 4096
WHITE_PAPER: Colour = (0.86, 0.86, 0.84)


def between(chance: np.random.Generator, low: float, high: float) -> float:
    """A number between these two."""
    return float(chance.uniform(low, high))


def cloud(shape: tuple[int, int], grain: float, chance: np.random.Generator, *, stretch: float = 1.0) -> Coverage:
    """(H, W), mean 0 and deviation about 1: noise with spots of `grain` pixels, `stretch` times as long across."""
    height, width = max(2, round(shape[0] / grain) + 2), max(2, round(shape[1] / grain / stretch) + 2)
    coarse = Image.fromarray(1.3 * chance.standard_normal((height, width), np.float32))
    return np.asarray(coarse.resize((shape[1], shape[0]), Image.Resampling.BICUBIC))


def paper(shape: tuple[int, int], colour: Colour, chance: np.random.Generator) -> Light:
    """A sheet of this colour, with the grain of paper and barely visible waves."""
    grain = 1 + 0.012 * cloud(shape, 1.6, chance) + 0.012 * cloud(shape, 60, chance)
    sheet: Light = np.minimum(grain[:, :, np.newaxis] * _colour(colour), 1)
    return sheet


def inked(surface: Light, ink: Coverage, colour: Colour) -> Light:
    """The surface under ink: where covered, it reflects only the share of light that the ink lets through, `colour`."""
    seen: Light = surface * (1 - ink[:, :, np.newaxis] * (1 - _colour(colour)))
    return seen


def dark_ink(chance: np.random.Generator) -> Colour:
    """A dark pen's colour: black, nearly black, or dark blue."""
    black = between(chance, 0.01, 0.06)
    return (black, black, black) if chance.random() < 0.7 else (0.02, 0.04, between(chance, 0.12, 0.3))


def photographed(
    seen: Light,
    chance: np.random.Generator,
    *,
    light: Coverage | float = 1.0,
    blur: float = 0.6,
    noise: float = 0.006,
    quality: int | None = None,
    glare: Coverage | float = 0.0,
) -> bytes:
    """A JPEG of a page under this light, by a camera that balances white as well as cameras do.

    Args:
        seen: the page's reflection of full light.
        light: the share of full light that falls there.
        blur: the lens's, the deviation in pixels.
        noise: the sensor's deviation, of 1, in what the file holds.
        quality: of the JPEG; None is what telephones choose, 85 to 92.
        glare: light that is mirrored, whatever lies there.
    """
    exposure, warmth = between(chance, 0.75, 1.1), chance.normal(0, 0.025)
    lit = seen * _deep(light) * _colour((exposure * (1 + warmth), exposure, exposure * (1 - warmth))) + _deep(glare)
    values = to_screen(ndimage.gaussian_filter(lit, (blur, blur, 0), truncate=3))
    values += noise * chance.standard_normal(values.shape[:2], np.float32)[:, :, np.newaxis]
    for channel in (0, 1, 2):
        values[:, :, channel] += 0.5 * noise * cloud(values.shape[:2], 2, chance)
    return encoded(values, "JPEG", quality=int(chance.integers(85, 93)) if quality is None else quality)


def screen(seen: Light) -> bytes:
    """A PNG of a drawing on a screen, without a camera."""
    return encoded(to_screen(seen), "PNG")


def to_screen(light: Light) -> Light:
    """Linear light as the values of a screen, of a gamma of 2.2; values brighter than white become white."""
    curve: Light = np.linspace(0, 1, LEVELS, dtype=np.float32) ** np.float32(1 / 2.2)
    return curve[np.clip(light * (LEVELS - 1), 0, LEVELS - 1).astype(np.intp)]


def encoded(values: Light, kind: str, *, quality: int = 90) -> bytes:
    """The file of a picture whose values are those of a screen, 0 to 1."""
    pixels = (np.clip(values, 0, 1) * 255 + 0.5).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, quality=quality)
    return file.getvalue()


def _colour(colour: Colour) -> Light:
    return np.array(colour, np.float32)


def _deep(light: Coverage | float) -> Light | float:
    return light[:, :, np.newaxis] if isinstance(light, np.ndarray) and light.ndim == 2 else light
