"""What a camera makes of a page: light falls on it, a lens and a sensor see it, a file is written.

Everything up to the file is linear light: light multiplies, ink absorbs. (H, W, 3) float64, 0 black to 1 white.
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage  # type: ignore[import-untyped]  # scipy has no types

from drawn.page import Coverage

Light = NDArray[np.float64]
"""(H, W, 3) linear light, or (H, W) of any colour."""
Colour = tuple[float, float, float]
WHITE_PAPER: Colour = (0.86, 0.86, 0.84)


def between(chance: np.random.Generator, low: float, high: float) -> float:
    """A number between these two."""
    return float(chance.uniform(low, high))


def cloud(shape: tuple[int, int], grain: float, chance: np.random.Generator, *, stretch: float = 1.0) -> Coverage:
    """(H, W), mean 0 and deviation about 1: noise with spots of `grain` pixels, `stretch` times as long across."""
    height, width = max(2, round(shape[0] / grain) + 2), max(2, round(shape[1] / grain / stretch) + 2)
    coarse = Image.fromarray(chance.normal(0, 1.3, (height, width)).astype(np.float32))
    return np.asarray(coarse.resize((shape[1], shape[0]), Image.Resampling.BICUBIC), np.float64)


def paper(shape: tuple[int, int], colour: Colour, chance: np.random.Generator) -> Light:
    """A sheet of this colour, with the grain of paper, and waves that one hardly sees."""
    grain = 1 + 0.012 * cloud(shape, 1.6, chance) + 0.012 * cloud(shape, 60, chance)
    sheet: Light = np.clip(grain[:, :, np.newaxis] * np.array(colour), 0, 1)
    return sheet


def inked(surface: Light, ink: Coverage, colour: Colour) -> Light:
    """The surface under ink: where it is covered it gives back what the ink lets through, `colour`, of the light."""
    seen: Light = surface * (1 - ink[:, :, np.newaxis] * (1 - np.array(colour)))
    return seen


def dark_ink(chance: np.random.Generator) -> Colour:
    """What a dark pen lets through: black, nearly black, or dark blue."""
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
        seen: what the page gives back of full light.
        light: how much of it falls there.
        blur: the lens's, the deviation in pixels.
        noise: the sensor's deviation, of 1, in what the file holds.
        quality: of the JPEG; None is what telephones choose, 85 to 92.
        glare: light that is mirrored, whatever lies there.
    """
    exposure, warmth = between(chance, 0.75, 1.1), chance.normal(0, 0.025)
    balance = exposure * np.array([1 + warmth, 1, 1 - warmth])
    lit = seen * _deep(light) * balance + _deep(glare)
    lit = ndimage.gaussian_filter(lit, (blur, blur, 0))
    values = np.clip(lit, 0, 1) ** (1 / 2.2)
    values += noise * chance.normal(0, 1, values.shape[:2])[:, :, np.newaxis]
    values += 0.5 * noise * chance.normal(0, 1, values.shape)
    return encoded(values, "JPEG", quality=int(chance.integers(85, 93)) if quality is None else quality)


def screen(seen: Light) -> bytes:
    """A PNG of a drawing on a screen, without a camera."""
    return encoded(np.clip(seen, 0, 1) ** (1 / 2.2), "PNG")


def encoded(values: Light, kind: str, *, quality: int = 90) -> bytes:
    """The file of a picture whose values are those of the screen, 0 to 1."""
    pixels = np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, quality=quality)
    return file.getvalue()


def _deep(light: Coverage | float) -> Light | float:
    return light[:, :, np.newaxis] if isinstance(light, np.ndarray) and light.ndim == 2 else light
