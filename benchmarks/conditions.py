"""What is read of people's digits, by the recipe of before and by today's: `make measured`; writes docs/measured.md.

    .venv/bin/python benchmarks/conditions.py [--count 250] [--pictures FOLDER] [--docs docs]

Digits are those of the test hand (`drawn/forms.py`) and of MNIST's test file, the same ones under every condition. No
figure decides anything: the limits are tests (`tests/drawn/test_suite.py`). About 8 minutes on two cores.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402 - the path to app/ comes first
from conditions_page import READ, draw_picture, page  # noqa: E402
from machine import processor  # noqa: E402
from no_digit import shares  # noqa: E402
from numpy.typing import NDArray  # noqa: E402
from PIL import Image, ImageOps  # noqa: E402

from app.drawing.decode_image import Picture, decode, open_picture, read_grey  # noqa: E402
from app.drawing.normalise import RECIPE, Grey, normalise  # noqa: E402
from app.drawing.recipe import see  # noqa: E402
from app.drawing.ring_of_zero import has_ring  # noqa: E402
from app.drawing.strokes import draw_strokes  # noqa: E402
from app.model.contract import INK_ABOVE, no_digit_below, temperature_for  # noqa: E402
from app.model.formats import read_model  # noqa: E402
from app.model.mnist import read_mnist_test  # noqa: E402
from app.model.scorer import Scorer  # noqa: E402
from app.model.unsure import SURE_FROM, certainties  # noqa: E402
from app.release.pull import pull  # noqa: E402
from app.verify.card import read_card  # noqa: E402
from drawn.conditions import CONDITIONS  # noqa: E402
from drawn.digits import LABELS, draw_digit  # noqa: E402
from drawn.page import Page, ink_of_strokes  # noqa: E402
from drawn.suite import NEED_A_DIGIT, bare_page, mnist_digit, own_digit, picture_of  # noqa: E402

VERSIONS = ("v1.0", "v2.0", "v3.0")
SEED = 20_261_130
PENS = (3, 6, 10, 16, 22, 28)
CANVAS = 280
STROKES = 5000
BINS = 15
RESAMPLED = 1000
RUNS = 15
NAMES = ("pen", "mnist")

Bools = NDArray[np.bool_]


class Model(NamedTuple):
    """A release: what it reads with; the temperature it measured, and its limit for what is no digit, if any."""

    scorer: Scorer
    temperature: float | None
    no_digit_below: float | None

    def answers(self, images: Grey) -> NDArray[np.str_]:
        answers: NDArray[np.str_] = np.array(self.scorer.classes)[self.scorer.scores(images).argmax(axis=1)]
        return answers


class Shown(NamedTuple):
    """A digit as both recipes bring it to the model: all paper where one reads nothing."""

    label: str
    before: Grey
    now: Grey


def by_the_recipe_before(data: bytes) -> Grey:
    """The drawing by version 1 of the recipe: ink is anything above 128, once a light picture is inverted."""
    grey = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("L"))
    rim = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    return normalise(255 - grey if np.median(rim) > INK_ABOVE else grey)


def by_today_s(data: bytes) -> Grey:
    """The drawing by today's recipe."""
    return see(decode(open_picture(data))).pixels


def shown(label: str, data: bytes) -> Shown:
    """A file, through both."""
    return Shown(label, by_the_recipe_before(data), by_today_s(data))


# -- what is measured --------------------------------------------------------------------------------------------------


def under(condition: str, count: int) -> dict[str, list[Shown]]:
    """Digits by kind, `count` of each under one condition."""
    images, labels = mnist_test()
    chosen = np.random.default_rng(SEED).choice(len(images), count, replace=False)
    pen = [own_digit(SEED, place=place) for place in range(count)]
    mnist = [mnist_digit(images[place], str(labels[place]), SEED, int(place)) for place in chosen]
    brought = dict(zip(NAMES, (pen, mnist), strict=True))
    return {
        name: [shown(digit.label, picture_of(digit, condition)) for digit in digits] for name, digits in brought.items()
    }


def on_bare_pages(condition: str, count: int) -> Counter[str]:
    """Counts of the outcomes on `count` empty pages: a finding's name, or READ."""
    seen = (see(decode(open_picture(bare_page(condition, SEED, place)))) for place in range(count))
    return Counter(one.unread.name if one.unread else READ for one in seen)


def on_canvas(pen: int, count: int) -> list[Shown]:
    """Strokes as drawn on a canvas of 280 pixels, sent as its grey values."""
    sheets = []
    for place in range(count):
        label, chance = LABELS[place % 10], np.random.default_rng([SEED, 2, place])
        side = float(chance.uniform(0.4, 0.85)) * (CANVAS - pen)
        place_on_it = Page(CANVAS, CANVAS, CANVAS / 2, CANVAS / 2, side, pen)
        strokes = draw_digit(label, chance, hand="test")
        ink = np.rint(255 * ink_of_strokes(strokes, place_on_it, chance)).astype(np.uint8)
        sheets.append(Shown(label, normalise(ink), see(read_grey(ink.tobytes(), CANVAS, CANVAS)).pixels))
    return sheets


def as_strokes(count: int) -> tuple[Grey, NDArray[np.str_]]:
    """Digits of a pen, by the recipe for strokes."""
    images = []
    for place in range(count):
        chance = np.random.default_rng([SEED, 3, place])
        images.append(draw_strokes(draw_digit(LABELS[place % 10], chance, hand="test")))
    return np.stack(images), np.array([LABELS[place % 10] for place in range(count)])


def rights(model: Model, sheets: list[Shown]) -> tuple[Bools, Bools]:
    """For each digit that this version knows, whether it is read rightly, before and now."""
    labels = np.array([one.label for one in sheets])
    known = np.isin(labels, model.scorer.classes)
    before, now = (
        (model.answers(images[known]) == labels[known]) & images[known].any(axis=(1, 2))
        for images in (np.stack([one.before for one in sheets]), np.stack([one.now for one in sheets]))
    )
    return before, now


def calibrated(model: Model, images: Grey, labels: NDArray[np.str_]) -> dict[str, Any] | None:
    """The distance of certainties from the share of right answers; None where the release measured no temperature."""
    if model.temperature is None:
        return None
    known = np.isin(labels, model.scorer.classes)
    scores = model.scorer.scores(images[known])
    right = np.array(model.scorer.classes)[scores.argmax(axis=1)] == labels[known]
    found: dict[str, Any] = {"n": len(right), "temperature": model.temperature}
    for name, certain in (("before", scores.max(axis=1)), ("after", certainties(scores, model.temperature))):
        chance = np.random.default_rng(SEED)
        picks = (chance.integers(0, len(right), len(right)) for _ in range(RESAMPLED))
        errors = [calibration_error(certain[pick], right[pick]) for pick in picks]
        found[name] = (calibration_error(certain, right), *np.percentile(errors, (2.5, 97.5)))
    sure = certain >= SURE_FROM
    return {**found, "sure": int(sure.sum()), "sure_and_right": int(right[sure].sum())}


def calibration_error(certain: NDArray[np.floating[Any]], right: Bools) -> float:
    """The mean distance of certainty and share of right answers over bins of equally many, as a release measures it."""
    order = np.argsort(certain, kind="stable")
    parts = [order[begin:end] for begin, end in _edges(len(order))]
    return sum(abs(float(certain[part].sum()) - int(right[part].sum())) for part in parts) / len(certain)


def _edges(count: int) -> Iterable[tuple[int, int]]:
    places = np.linspace(0, count, BINS + 1).astype(int)
    return zip(places[:-1].tolist(), places[1:].tolist(), strict=True)


def rings() -> dict[str, tuple[int, int]]:
    """Counts of zeros and of other digits with the finding `may-be-withheld`, each with its total."""
    images, labels = mnist_test()
    own, own_labels = as_strokes(2000)
    found = {}
    for name, digits, truth in (("MNIST", images, labels), ("a pen's strokes", own, own_labels)):
        ring, is_zero = np.array(has_ring(digits)), truth == "0"
        found[f"zeros, {name}"] = (int(ring[is_zero].sum()), int(is_zero.sum()))
        found[f"other digits, {name}"] = (int(ring[~is_zero].sum()), int((~is_zero).sum()))
    return found


def processor_time() -> dict[str, list[float]]:
    """Milliseconds of the processor, beyond decoding, of one picture again and again."""
    sheet = Image.open(io.BytesIO(picture_of(own_digit(SEED, place=3), "shadow"))).resize((4000, 3000))
    file = io.BytesIO()
    sheet.save(file, "JPEG")
    photograph = decode(open_picture(file.getvalue()))
    small = decode(open_picture(picture_of(own_digit(SEED, place=3), "shadow")))
    chance = np.random.default_rng(SEED)
    ink = ink_of_strokes(draw_digit("3", chance, hand="test"), Page(CANVAS, CANVAS, 140, 140, 180, 16), chance)
    canvas = Picture(np.rint(255 * ink).astype(np.uint8), (CANVAS, CANVAS))
    kinds = {"a photograph of 12 megapixels": photograph, "one of 400 x 400": small, "a canvas of 280 x 280": canvas}
    return {name: [_milliseconds(partial(see, picture)) for _ in range(RUNS)] for name, picture in kinds.items()}


def _milliseconds(act: Callable[[], object]) -> float:
    began = time.process_time()
    act()
    return 1000 * (time.process_time() - began)


def photographs(folder: Path | None, models: dict[str, Model]) -> dict[str, Any] | None:
    """Results on pictures of real people, whose digit is the last letter of the file's name; None if there are none."""
    files = sorted(file for file in folder.iterdir() if file.stem[-1].isdigit()) if folder and folder.is_dir() else []
    if not files:
        return None
    sheets = [shown(file.stem[-1], file.read_bytes()) for file in files]
    kinds = sorted({file.stem.rpartition("-")[0] for file in files})
    found: dict[str, Any] = {}
    for version, model in models.items():
        for name, images in (("before", [one.before for one in sheets]), ("now", [one.now for one in sheets])):
            answers = model.answers(np.stack(images))
            judged = zip(images, answers, sheets, strict=True)
            right = [bool(image.any()) and answer == one.label for image, answer, one in judged]
            found[f"{version} {name}"] = {
                kind: [ok for ok, file in zip(right, files, strict=True) if file.stem.rpartition("-")[0] == kind]
                for kind in kinds
            }
    return found


# -- all together ------------------------------------------------------------------------------------------------------


def mnist_test() -> tuple[Grey, NDArray[np.str_]]:
    images, labels = read_mnist_test(ROOT / "pixelwise-model" / "data")
    return images, np.asarray(labels).astype(str)


def read_models() -> dict[str, Model]:
    """The releases of the local repository, which `make measured` builds."""
    models = {}
    with TemporaryDirectory() as name:
        for version in VERSIONS:
            folder = Path(name) / "models" / version
            release = pull(
                repository=str(ROOT / "pixelwise-model" / "releases.git"),
                version=version,
                models=folder.parent,
                lock_file=Path(name) / "model.lock",
                root=Path(name),
                frozen=False,
                accept=lambda staged: None,
                say=lambda line: None,
            ).release
            card = read_card((folder / "MODELCARD.md").read_bytes())
            scorer = read_model((folder / release.artefact).read_bytes())
            models[version] = Model(scorer, temperature_for(card.contract, RECIPE), no_digit_below(card.contract))
    return models


def main() -> None:
    options = read_options()
    models = read_models()
    times = processor_time()  # first: nothing else of this process runs beside it
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as workers:
        say(f"{len(CONDITIONS)} conditions, {options.count} digits of a pen and of MNIST under each")
        conditions = dict(zip(CONDITIONS, workers.map(partial(under, count=options.count), CONDITIONS), strict=True))
        without = [condition for condition in CONDITIONS if condition not in NEED_A_DIGIT]
        bare = dict(zip(without, workers.map(partial(on_bare_pages, count=options.count), without), strict=True))
        canvases = dict(zip(PENS, workers.map(partial(on_canvas, count=options.count), PENS), strict=True))
    say("MNIST and strokes")
    images, labels = mnist_test()
    through = [
        Shown(label, digit, see(read_grey(digit.tobytes(), 28, 28)).pixels)
        for digit, label in zip(images, labels, strict=True)
    ]
    strokes, stroke_labels = as_strokes(STROKES)
    as_drawn = [Shown(*one) for one in zip(stroke_labels, strokes, strokes, strict=True)]
    results = {
        "about": {"count": options.count, "seed": SEED, "processor": processor(), "load": os.getloadavg()[0]},
        "conditions": {
            condition: {name: _both(models, sheets) for name, sheets in kinds.items()}
            for condition, kinds in conditions.items()
        },
        "bare": bare,
        "canvases": {pen: _both(models, sheets) for pen, sheets in canvases.items()},
        "mnist": _both(models, through),
        "strokes": _both(models, as_drawn),
        "calibration": {version: calibrated(model, strokes, stroke_labels) for version, model in models.items()},
        "no digit": {
            version: shares(model.scorer, model.no_digit_below, (images, labels), strokes, seed=SEED)
            for version, model in models.items()
            if model.no_digit_below is not None
        },
        "rings": rings(),
        "times": times,
        "photographs": photographs(options.pictures, models),
    }
    draw_picture(samples(), options.docs / "measured.png")
    (options.docs / "measured.md").write_text(page(results), encoding="utf-8")
    say(f"wrote measured.md and measured.png into {options.docs}")


def _both(models: dict[str, Model], sheets: list[Shown]) -> dict[str, tuple[Bools, Bools]]:
    return {version: rights(model, sheets) for version, model in models.items()}


def samples() -> list[tuple[str, bytes, Grey, bytes, Grey]]:
    """For each condition a digit of the pen and one of MNIST, as the file and as the model sees it."""
    images, labels = mnist_test()
    rows = []
    for place, condition in enumerate(CONDITIONS):
        pen = picture_of(own_digit(SEED, place=place), condition)
        mnist = picture_of(mnist_digit(images[place], str(labels[place]), SEED, place), condition)
        rows.append((condition, pen, by_today_s(pen), mnist, by_today_s(mnist)))
    return rows


def say(line: str) -> None:
    """A line of progress."""
    sys.stderr.write(f"measured: {line}\n")


def read_options() -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    folder = os.environ.get("PIXELWISE_PICTURES")
    parser.add_argument("--count", type=int, default=250, help="digits of a pen, and of MNIST, under each condition")
    parser.add_argument("--pictures", type=Path, default=folder and Path(folder), help="photographs, KIND-DIGIT.png")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs", help="where measured.md and measured.png go")
    return parser.parse_args()


if __name__ == "__main__":
    main()
