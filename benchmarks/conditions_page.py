"""docs/measured.md and its picture, from what `conditions.py` measured."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from app.model.unsure import SURE_FROM
from app.report.statistics import share

PAGE = """\
# What is read of people's digits

For whoever asks how well it reads.
Written by `make measured` on {date}; not edited by hand. Nothing here is a photograph of anybody's writing but where
it says so: digits are those of a pen whose forms were written down (`drawn/forms.py`, the test hand) and of MNIST's
test file, put on paper and photographed by `drawn/conditions.py`. Each condition has the same {count} digits of
either kind, so a difference is the condition's. "Before" is version 1 of the recipe: grey, turned over if the rim is
light, ink is what is above 128. A picture of which a recipe reads nothing counts as wrong. v1.0 was never taught the
0; its shares are of the digits it knows. Intervals are Wilson's, of 95%.

![For each condition a picture of a pen's digit and of one of MNIST, and what the model sees of both](measured.png)

## Conditions

v2.0; "costs": how much rarer answers are right than in even light, in points, by pairs of the same digit, both kinds
together; ± is the standard error. Wanted: at most 2 points, 8 for turned pages and blur; `tests/drawn/test_suite.py`
fails beyond.

| condition | pen, before | pen, now | MNIST, before | MNIST, now | costs |
|---|--:|--:|--:|--:|--:|
{conditions}

v3.0, which sees grey edges and learnt from digits that were drawn anew:

| condition | pen, before | pen, now | MNIST, before | MNIST, now | costs |
|---|--:|--:|--:|--:|--:|
{conditions_of_v3}

v1.0, the digits it knows:

| condition | pen, before | pen, now | MNIST, before | MNIST, now |
|---|--:|--:|--:|--:|
{conditions_of_v1}

## Pages with nothing on them

What is said of {count} pages under each condition on which nobody wrote (a table's edge and a neighbouring digit are
placed by a digit, and have no such page). The last two are wrong.

| condition | nothing, or too faint | lines, or a frame | several digits, too small | read as a digit |
|---|--:|--:|--:|--:|
{bare}

## What needs no light taken away

| | version | before | now | n |
|---|---|--:|--:|--:|
{others}

MNIST: the 10,000 test digits sent as they are, beside what is answered to the pixels themselves ("before"). Strokes:
the points of a pen, by their own recipe, which has not changed. Canvas: the same kind of digits as grey values of 280
x 280, by the width of the pen there.

## How sure

Of {strokes_n} strokes of the test hand, which took no part in choosing a temperature (that is the calibration
hand's). "Sure" is a certainty from {sure_from} on.

{calibration}

## That is no digit

How often a version says so, below its release's limit; v1.0 and v2.0 cannot. The figures are of kinds that nothing
learnt from (`drawn/outliers.py`), the letters of Pillow's own font, turned and stretched a little. Many letters are
digits to any reader: they are counted apart.

| | version | no digit | of |
|---|---|--:|--:|
{no_digit}

## A 0 that was never taught

| named `may-be-withheld` | share | of |
|---|--:|--:|
{rings}

## Time

Of the processor, beyond decoding, median (lowest to highest) of {runs} runs, on an
{processor}. The load of the machine was {load:.1f}: what ran beside it takes part in the higher figures.
Wanted: at most 60 ms for 12 megapixels, 3 ms for a canvas.

| | ms |
|---|--:|
{times}

## Photographs of real people's digits

Of all that are there: v1.0 was never taught the 0, so each 0 counts as wrong for it.

{photographs}

## Measure again

`make measured`, about 8 minutes on two cores. `PIXELWISE_PICTURES` names a folder of photographs whose names end in
their digit (`pencil-7.png`); they are no part of this repository, are reported and decide nothing.
"""

NO_PHOTOGRAPHS = "None were there when this was measured: `PIXELWISE_PICTURES` was not set to a folder of them."
NO_TEMPERATURE = "The releases that were measured state no temperature: build them again (`make test` does)."
THUMB, SEEN, GAP, LABEL, COLUMNS = 84, 56, 10, 104, 2
PAPER, INK = 255, 30

READ = "a digit"
SAID = (("blank", "faint"), ("lines", "frame"), ("several-digits", "too-small"), (READ,))
"""Possible outcomes on a bare page, by column."""

Rights = tuple[NDArray[np.bool_], NDArray[np.bool_]]


def page(results: dict[str, Any]) -> str:
    """docs/measured.md"""
    about, conditions = results["about"], results["conditions"]
    clean = conditions["clean"]
    return PAGE.format(
        date=datetime.now(UTC).date(),
        count=about["count"],
        conditions="\n".join(_condition(name, kinds, clean, "v2.0") for name, kinds in conditions.items()),
        conditions_of_v1="\n".join(_condition(name, kinds, None, "v1.0") for name, kinds in conditions.items()),
        conditions_of_v3="\n".join(_condition(name, kinds, clean, "v3.0") for name, kinds in conditions.items()),
        no_digit="\n".join(
            f"| {name} | {version} | {_percent(*counted)} | {counted.n:,} |"
            for version, found in results["no digit"].items()
            for name, counted in found.items()
        ),
        bare="\n".join(_bare_page(name, said) for name, said in results["bare"].items()),
        others="\n".join(_others(results)),
        strokes_n=f"{len(results['strokes']['v2.0'][1]):,}",
        sure_from=SURE_FROM,
        calibration=_calibration(results["calibration"]),
        rings="\n".join(f"| {name} | {_percent(part, of)} | {of:,} |" for name, (part, of) in results["rings"].items()),
        runs=len(next(iter(results["times"].values()))),
        processor=about["processor"],
        load=about["load"],
        times="\n".join(
            f"| {name} | {median(runs):.1f} ({min(runs):.1f} to {max(runs):.1f}) |"
            for name, runs in results["times"].items()
        ),
        photographs=_photographs(results["photographs"]),
    )


def _condition(name: str, kinds: dict[str, dict[str, Rights]], clean: dict[str, Any] | None, version: str) -> str:
    cells = [_share(right) for kind in kinds.values() for right in kind[version]]
    if clean is not None:
        lost = np.concatenate([clean[kind][version][1].astype(float) - kinds[kind][version][1] for kind in kinds])
        error = lost.std(ddof=1) / len(lost) ** 0.5
        cells.append("" if clean is kinds else f"{100 * lost.mean():.1f} ± {100 * error:.1f}")
    return f"| {name} | {' | '.join(cells)} |"


def _bare_page(name: str, said: Counter[str]) -> str:
    return f"| {name} | {' | '.join(str(sum(said[one] for one in column)) for column in SAID)} |"


def _others(results: dict[str, Any]) -> list[str]:
    kinds: dict[str, dict[str, Rights]] = {"MNIST": results["mnist"], "strokes": results["strokes"]}
    kinds |= {f"canvas, pen of {pen}": both for pen, both in results["canvases"].items()}
    return [
        f"| {name} | {version} | {'' if name == 'strokes' else _share(before)} | {_share(now)} | {len(now):,} |"
        for name, both in kinds.items()
        for version, (before, now) in both.items()
    ]


def _share(right: Sequence[bool] | NDArray[np.bool_]) -> str:
    return _percent(int(np.count_nonzero(right)), len(right))


def _percent(part: int, of: int) -> str:
    found = share(part, of)
    low, high = found.low or 0.0, 1.0 if found.high is None else found.high
    digits = 1 if of < 5000 else 2
    return f"{100 * part / max(of, 1):.{digits}f}% ({100 * low:.{digits}f} to {100 * high:.{digits}f})"


def _calibration(found: dict[str, dict[str, Any] | None]) -> str:
    rows = [
        f"| {version} | {one['temperature']} | {_error(one['before'])} | {_error(one['after'])} "
        f"| {_percent(one['sure'], one['n'])} | {_percent(one['sure_and_right'], one['sure'])} | {one['n']:,} |"
        for version, one in found.items()
        if one is not None
    ]
    if not rows:
        return NO_TEMPERATURE
    head = "| version | temperature | error of confidence | error of certainty | sure | of these right | n |"
    how = "The expected calibration error over 15 bins of equally many answers; its interval by 1,000 resamplings."
    return "\n".join((head, "|---|--:|--:|--:|--:|--:|--:|", *rows, "", how))


def _error(found: tuple[float, float, float]) -> str:
    return "{:.4f} ({:.4f} to {:.4f})".format(*found)


def _photographs(found: dict[str, dict[str, list[bool]]] | None) -> str:
    if found is None:
        return NO_PHOTOGRAPHS
    kinds = list(next(iter(found.values())))
    head = f"| | {' | '.join(kinds)} | all |"
    rows = [
        f"| {name} | {' | '.join(f'{sum(one)} of {len(one)}' for one in by_kind.values())} "
        f"| {sum(map(sum, by_kind.values()))} of {sum(map(len, by_kind.values()))} |"
        for name, by_kind in found.items()
    ]
    return "\n".join((head, f"|---|{'--:|' * (len(kinds) + 1)}", *rows))


def draw_picture(samples: list[tuple[str, bytes, NDArray[np.uint8], bytes, NDArray[np.uint8]]], out: Path) -> None:
    """A row for each condition, in two columns: its name, and twice a picture and what the model sees of it."""
    rows = -(-len(samples) // COLUMNS)
    wide, high = LABEL + 2 * (THUMB + SEEN + 2 * GAP), THUMB + GAP
    sheet = Image.new("RGB", (COLUMNS * wide + GAP, rows * high + GAP), (PAPER,) * 3)
    pencil, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for place, (condition, *pairs) in enumerate(samples):
        left, top = GAP + place // rows * wide, GAP + place % rows * high
        pencil.text((left, top + THUMB // 2), condition, fill=(INK,) * 3, font=font, anchor="lm")
        left += LABEL
        for data, seen in zip(pairs[::2], pairs[1::2], strict=True):
            picture = Image.open(io.BytesIO(data)).convert("RGB")
            picture.thumbnail((THUMB, THUMB), Image.Resampling.LANCZOS)
            sheet.paste(picture, (left + (THUMB - picture.width) // 2, top + (THUMB - picture.height) // 2))
            model = Image.fromarray(255 - seen).resize((SEEN, SEEN), Image.Resampling.NEAREST).convert("RGB")
            at = (left + THUMB + GAP, top + (THUMB - SEEN) // 2)
            sheet.paste(model, at)
            pencil.rectangle((at[0] - 1, at[1] - 1, at[0] + SEEN, at[1] + SEEN), outline=(200,) * 3)
            left += THUMB + SEEN + 2 * GAP
    sheet.quantize(96).save(out, optimize=True)
