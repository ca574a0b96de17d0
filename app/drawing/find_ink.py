"""The ink on a picture: the pixels that stand out from their surroundings, in lightness or in colour.

On flat paper, such as a canvas, ink is everything that differs from the paper's one colour. On any other paper the
light is removed by a morphological closing, which fills dark narrow areas (the ink) and keeps wide ones (a shadow, a
table); the share of the light that ink absorbs is the same in shadow as in the sun.

Source: the top-hat transform (Meyer, 1979); Otsu, "A threshold selection method from gray-level histograms", 1979.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.drawing.lazy_ndimage import ndimage

Values = NDArray[np.uint8]
Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

SAME = 2
"""Most grey levels by which flat paper may differ from its own colour."""
FLAT_RIM, FLAT_SHARE = 0.9, 0.2
"""Least shares of the rim, and of the whole picture, that have the paper's colour on flat paper."""
SHADES = 1.0
"""Most pixels, as a multiple of the ink's, that may differ slightly from flat paper. Anti-aliasing and JPEG cause some
beside each line; if there are more, the paper has shades."""
STRONG = 200
"""Of 255: ink that differs by this much from flat paper is left as it is, weaker ink is strengthened."""
FAINTEST = 13
"""Fewest grey levels by which ink must differ from flat paper: a twentieth."""

WINDOW, WINDOW_ACROSS = 0.27, 0.6
"""Shares of the picture's longer and shorter side: anything narrower than both can be ink."""
BORDER, BORDER_STEP = 0.15, 25
"""Greatest width of a border, as a share of the picture's side; and its least difference from the paper in grey
levels."""
RIM = 0.08
"""Share of the shorter side: a band of this width along the rim is mostly paper, even where there is a frame."""
DARKEST = 24.0
"""Of 255: with less light than this, ink cannot be told from noise."""
COLOUR_SIDE, SKEW_SIDE = 128, 48
"""Sides, in pixels, of the copies for finding the colour that separates ink from paper, and the darker of the two."""
LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)
VISIBLE = 0.025
"""Share of the paper's light: less contrast is invisible."""
NOISE = 5.0
"""Multiple of the noise's standard deviation: anything less is noise."""
LEAST_CONTRAST = 0.05
"""Share of the paper's light: ink with less contrast is too faint."""
WEAK = 0.15
"""Share of the paper's light: a contrast that a slope of light can cause at the rim, and that needs a second look."""
SOLID, CONNECTED = 0.45, 0.35
"""Shares of the ink's usual contrast: from the first on a pixel is ink, from the second on if connected to ink."""
SOFTNESS = 0.3
"""Share of the ink's usual contrast over which an edge changes from paper to ink."""
GRAINS, SURE = 64, 2.0
"""Connected pixels of a photograph: fewer may be noise, unless they stand out this many times as much."""
CALMED = 0.5 / np.pi**0.5
"""Share of the noise's standard deviation left by a Gaussian blur of one pixel; one of n pixels leaves an n-th of
it."""
LINE = 0.06
"""Share of the picture's longer side: anything longer is not a speck of noise."""
ALL_AROUND = np.ones((3, 3), np.bool_)
"""Neighbourhood of a pixel, corners included."""


class Stain(NamedTuple):
    """The ink found on a picture.

    Attributes:
        ink: (H, W) float32, 0 paper to 1 ink, grey at the edges.
        solid: (H, W) bool, the ink; nothing where `is_faint`.
        is_faint: something stands out, but too little to be told from the paper's own shades.
        is_weak: it stands out so little that it was looked at twice.
    """

    ink: Floats
    solid: Mask
    is_faint: bool = False
    is_weak: bool = False


def on_flat_paper(values: Values, *, is_opacity: bool = False) -> Stain | None:
    """The ink on paper of one colour, (H, W) or (H, W, 3); None if the paper is not of one colour.

    Args:
        is_opacity: the paper is 0.
    """
    rim = np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])
    paper = (np.median(rim, axis=0) * (not is_opacity)).astype(np.uint8)
    everywhere = np.full_like(values, paper)  # subtle: with two arrays numpy takes a fifth of the time
    away = np.maximum(values, everywhere) - np.minimum(values, everywhere)
    if away.ndim == 3:
        away = np.maximum(np.maximum(away[..., 0], away[..., 1]), away[..., 2])
    on_rim = np.concatenate([away[0], away[-1], away[:, 0], away[:, -1]])
    other = away[away > SAME]
    same = away.size - other.size
    if not is_opacity and (np.count_nonzero(on_rim <= SAME) < FLAT_RIM * on_rim.size or same < FLAT_SHARE * away.size):
        return None
    counts = np.bincount(other, minlength=256)
    peak = int(np.searchsorted(np.cumsum(counts), other.size - 0.02 * other.size))
    marked = int(counts[max(SAME, peak // 4) + 1 :].sum())
    if not is_opacity and other.size - marked > SHADES * marked:
        return None
    if peak < FAINTEST:
        return Stain(np.zeros(away.shape, np.float32), np.zeros(away.shape, np.bool_), is_faint=peak > SAME)
    ink = np.minimum(away.astype(np.float32) / (255 if peak > STRONG else peak), 1)
    return Stain(ink, ink > 128 / 255)


def on_any_paper(values: Values, *, swapped: bool = False) -> Stain:
    """The ink on a photograph of paper or of a board, (H, W) or (H, W, 3).

    Args:
        swapped: apparent paper is ink, and vice versa.
    """
    grey = grey_of(values)
    found, usual = _standing_out(grey, _grain(grey), swapped=swapped)
    if usual >= WEAK:
        return found
    # Light and noise can cause as little contrast as this: without them it is ink, or nothing.
    grey = evenly_lit(grey)
    grain = _grain(grey)
    found, _ = _standing_out(grey, grain, swapped=swapped)
    if found.solid.any():
        return found._replace(is_weak=True)
    blur = max(1.0, max(grey.shape) / 160)
    calm = ndimage.gaussian_filter(grey, blur)
    calmer, _ = _standing_out(calm, grain * CALMED / blur, swapped=swapped)
    if calmer.solid.any():
        return calmer._replace(is_weak=True)
    return found._replace(is_faint=found.is_faint or calmer.is_faint)


def without_border(values: Values) -> Values:
    """The picture without a table, a frame or a bezel along its sides, which hides the paper's colour.

    A border ends where four fifths of a line's pixels become lighter, or darker, from that line to the next but one.
    """
    grey: NDArray[Any] = values
    if values.ndim == 3:  # the mean, in a tenth of the time of numpy's own along such a short axis
        grey = (values[..., 0].astype(np.float64) + values[..., 1] + values[..., 2]) / 3
    top, bottom = _border(grey), _border(grey[::-1])
    left, right = _border(grey.T), _border(grey.T[::-1])
    return np.ascontiguousarray(values[top : len(values) - bottom, left : values.shape[1] - right])


def _border(grey: NDArray[Any]) -> int:
    """The number of border rows at the top."""
    deep = round(BORDER * len(grey))
    if deep < 3:
        return 0
    low, high = np.quantile(grey[: deep + 4], (0.2, 0.8), axis=1)
    darker, lighter = low[:-3] - high[3:], low[3:] - high[:-3]
    step = np.maximum(darker, lighter)[:deep]
    return int(step.argmax()) + 3 if step.max() > BORDER_STEP else 0


def grey_of(values: Values) -> Floats:
    """(H, W) or (H, W, 3) -> (H, W), 0 to 255: the mixture of colours in which the ink stands out most."""
    if values.ndim == 2:
        return values.astype(np.float32)
    copy = np.asarray(Image.fromarray(values).reduce(-(-max(values.shape) // COLOUR_SIDE)), np.float32)
    edges = copy - ndimage.uniform_filter(copy, (9, 9, 0), mode="nearest")
    strength = (edges * edges).sum(axis=2)
    strongest = edges[strength >= np.quantile(strength, 0.9)]
    _, directions = np.linalg.eigh(strongest.T @ strongest)
    main = directions[:, -1]
    mixture = max(np.maximum(main, 0), np.maximum(-main, 0), key=lambda part: float(part @ part))
    if not strength.max() > 0:
        mixture = LUMINANCE
    grey: Floats = values @ (mixture / mixture.sum()).astype(np.float32)
    return np.minimum(grey, 255)  # rounding may go beyond


def evenly_lit(grey: Floats) -> Floats:
    """The picture (H, W) without large variations of light: a lamp on one side, a lens's darker corners.

    The light is a surface of second degree through the logarithms of a small copy; pixels far from it (ink, shadows
    with edges) are left out of the second fit. A closing would also remove slopes, but not at the picture's rim.
    """
    step = -(-max(grey.shape) // SKEW_SIDE)
    copy = np.log(np.asarray(Image.fromarray(grey).reduce(step), np.float64) + 1)
    surface = _surface(*copy.shape)
    light = surface @ np.linalg.lstsq(surface, copy.ravel(), rcond=None)[0]
    away = np.abs(copy.ravel() - light)
    near = away <= max(float(np.quantile(away, 0.7)), 1e-6)
    weights = np.linalg.lstsq(surface[near], copy.ravel()[near], rcond=None)[0]
    light = _surface(*grey.shape) @ weights
    even: Floats = (grey * np.exp(light.max() - light).reshape(grey.shape)).astype(np.float32)
    return np.minimum(even, 255)


def _surface(height: int, width: int) -> NDArray[np.float64]:
    """(height * width, 6): the terms of second degree at each pixel, from -1 to 1 along both sides."""
    x = np.tile(np.linspace(-1, 1, width), height)
    y = np.repeat(np.linspace(-1, 1, height), width)
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1)


def is_dark_ink(grey: Floats) -> bool:
    """True if the ink is darker than its paper, by two clues: the rim is paper, and narrow areas are ink. If they
    disagree, the stronger one decides."""
    bright = grey > 255 * _otsu(grey / 255)
    deep = max(1, round(RIM * min(grey.shape)))
    inner = bright[deep:-deep, deep:-deep]
    rim = (np.count_nonzero(bright) - np.count_nonzero(inner)) / max(bright.size - inner.size, 1)
    return bool(2 * rim - 1 > 2 * _skewness(grey))


def _skewness(grey: Floats) -> float:
    """A value from -1 (all that stands out from its surroundings is darker) to 1 (all of it is lighter)."""
    step = -(-max(grey.shape) // SKEW_SIDE)
    height, width = (max(side // step, 1) * step for side in grey.shape)
    padded = np.pad(
        grey, [(0, max(0, side - full)) for side, full in zip((height, width), grey.shape, strict=True)], "edge"
    )
    blocks = padded[:height, :width].reshape(height // step, step, width // step, step)
    low, high = (np.log(side + DARKEST) for side in (blocks.min(axis=(1, 3)), blocks.max(axis=(1, 3))))
    around = ndimage.median_filter((low + high) / 2, 2 * round(WINDOW * SKEW_SIDE / 2) + 1, mode="nearest")
    darker, lighter = (float((np.maximum(side, 0) ** 3).sum()) for side in (around - low, high - around))
    return (lighter - darker) / max(lighter + darker, 1e-9)


def _standing_out(grey: Floats, grain: float, *, swapped: bool = False) -> tuple[Stain, float]:
    """The stain, and its usual contrast; 0 where there is nothing.

    Args:
        grain: the standard deviation of the paper's noise, in grey levels.
    """
    if is_dark_ink(grey) == swapped:
        grey = 255 - grey
    widest = min(WINDOW * max(grey.shape), WINDOW_ACROSS * min(grey.shape))
    window = 2 * round(widest / 2) + 1  # subtle: an even window would make both filters shift the picture
    paper = ndimage.maximum_filter(grey, window, mode="nearest")
    paper = ndimage.minimum_filter(paper, window, mode="nearest")
    depth = paper - grey
    floor = _floor(depth, grain)
    contrast = np.where(depth > floor, depth / np.maximum(paper, DARKEST), 0)
    usual = _usual(contrast[contrast > LEAST_CONTRAST])
    solid = np.zeros(grey.shape, np.bool_)
    if usual:
        solid = _connected(contrast > CONNECTED * usual, contrast > SOLID * usual, depth > SURE * floor)
    if not solid.any():
        return Stain(np.zeros_like(grey), solid, is_faint=_has_lines(depth > np.maximum(floor, VISIBLE * paper))), 0.0
    return Stain(np.clip((contrast / usual - SOLID) / SOFTNESS + 0.5, 0, 1), solid), usual


def _has_lines(standing_out: Mask) -> bool:
    """True if pieces of the standing-out pixels are too long for noise."""
    names, _ = ndimage.label(standing_out, ALL_AROUND)
    longest = max(
        (rows.stop - rows.start + columns.stop - columns.start for rows, columns in ndimage.find_objects(names)),
        default=0,
    )
    return bool(longest > LINE * max(standing_out.shape))


def _grain(grey: Floats) -> float:
    """The standard deviation of the paper's noise, from differences between neighbours, few of which have ink."""
    steps = np.abs(np.diff(grey[:: max(1, grey.shape[0] // 100)], axis=1))
    return 1.4826 / 2**0.5 * float(np.median(steps)) if steps.size else 0.0


def _floor(depth: Floats, grain: float) -> float:
    """The grey levels by which bare paper is darker than its lightest part, noise and grain included."""
    step = max(1, max(depth.shape) // 160)
    sample = depth[::step, ::step]
    bare = sample[sample <= 255 * _otsu(sample / 255)]
    middle = float(np.median(bare))
    return middle + NOISE * max(1.4826 * float(np.median(np.abs(bare - middle))), grain)


def _usual(contrast: Floats) -> float:
    """The contrast of ink: that of the darker part of all that stands out, which excludes the paper's own lines."""
    return float(np.median(contrast[contrast > _otsu(contrast)])) if contrast.size else 0.0


def _otsu(values: NDArray[np.floating[Any]]) -> float:
    """The threshold that splits `values`, 0 to 1, into the two classes that differ most; 0 if there is only one."""
    counts, edges = np.histogram(values, 128, (0.0, 1.0))
    below = np.cumsum(counts)[:-1]
    sums = np.cumsum(counts * (edges[:-1] + edges[1:]) / 2)
    above = counts.sum() - below
    between = (sums[-1] * below - sums[:-1] * counts.sum()) ** 2 / np.maximum(below * above, 1)
    return float(edges[int(between.argmax()) + 1]) if between.max() > 0 else 0.0


def _connected(weak: Mask, strong: Mask, sure: Mask) -> Mask:
    """The weak pixels connected to strong ones; of pieces no larger than noise, only those with sure pixels."""
    names, count = ndimage.label(weak, ALL_AROUND)
    is_sure = np.zeros(count + 1, np.bool_)
    is_sure[names[sure]] = True
    kept = np.zeros(count + 1, np.bool_)
    kept[names[strong]] = True
    kept &= is_sure | (np.bincount(names.ravel(), minlength=count + 1) >= GRAINS)
    kept[0] = False
    return np.asarray(kept[names])
