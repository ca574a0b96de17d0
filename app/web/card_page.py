"""Contents of the model's page, from the release's own files. Their text is never markup here."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup
from numpy.typing import NDArray
from PIL import Image

from app.drawing.ink_measures import SIDE
from app.model.contract import Contract
from app.model.golden_set import GoldenSet

SHADES = 10
FOR, AGAINST = (63, 99, 224), (217, 115, 13)
"""Blue and orange, which most colour-blind people can tell apart; both are visible on white and on black."""
STRONG = 0.99
"""Share of the weights that the colour scale covers: scaling to the few beyond it would make all others pale."""


@dataclass(frozen=True)
class CardPage:
    """A release in its own words; None where it says nothing.

    Attributes:
        kind: of the classifier, such as "LogisticRegression".
        features: inputs of the model.
        stated: facts in its file that a contract states too, by the contract's key.
        provenance: who wrote its file.
        cited_accuracy: the accuracy that a card without contract cites in its text.
        prose: the card's text, in Markdown, without its front matter.
        recorded: held-out digits with their recorded scores.
        mnist: where no digits are recorded, those of MNIST's test file with scores computed here.
        weights: (784, classes), of a linear model.
    """

    kind: str
    features: int
    stated: Mapping[str, object]
    provenance: str
    contract: Contract | None
    cited_accuracy: float | None
    prose: str | None
    recorded: GoldenSet | None
    mnist: GoldenSet | None
    weights: NDArray[np.floating] | None


class Cell(NamedTuple):
    """Number of digits of one class that were read as a given class; `shade` is 0 to 9 by their share of the former."""

    digits: int
    shade: int
    is_right: bool


class MetricRow(NamedTuple):
    """All digits of one class."""

    label: str
    total: int
    cells: list[Cell]


def confusions(digits: GoldenSet, classes: Sequence[str]) -> list[MetricRow]:
    """For each class that was drawn, in order, how often it was read as each of `classes`."""
    read_as = digits.scores.argmax(axis=1)
    drawn = np.array(digits.labels)
    rows = []
    for label in sorted(set(digits.labels)):
        counts = np.bincount(read_as[drawn == label], minlength=len(classes)).tolist()
        total = sum(counts)
        cells = [Cell(count, _shade(count / total), name == label) for name, count in zip(classes, counts, strict=True)]
        rows.append(MetricRow(label, total, cells))
    return rows


def _shade(share: float) -> int:
    """0 for none, 1 for a little, 9 for all; steps follow the square root, as most shares are small."""
    return 0 if share == 0 else max(1, round(share**0.5 * (SHADES - 1)))


def weight_pictures(weights: NDArray[np.floating], classes: Sequence[str]) -> dict[str, bytes]:
    """Class -> a 28x28 PNG: blue where ink speaks for the class, orange where against; stronger is more opaque.

    Args:
        weights: (784, classes); one scale for all of them.
    """
    strongest = float(np.quantile(np.abs(weights), STRONG)) or 1.0
    return {name: _picture(weights[:, column] / strongest) for column, name in enumerate(classes)}


def _picture(strengths: NDArray[np.floating]) -> bytes:
    """(784,), -1 against to 1 for, as PNG."""
    field = np.clip(strengths, -1, 1).reshape(SIDE, SIDE)
    pixels = np.empty((SIDE, SIDE, 4), np.uint8)
    pixels[..., :3] = np.where(field[..., np.newaxis] >= 0, FOR, AGAINST)
    pixels[..., 3] = np.rint(255 * np.abs(field))
    file = io.BytesIO()
    Image.fromarray(pixels, "RGBA").save(file, "PNG")
    return file.getvalue()


def as_html(prose: str) -> Markup:
    """Untrusted Markdown as HTML: embedded HTML and pictures are dropped, and links go to http and https only.

    Headings move one level down, below the page's own.
    """
    markdown = _Markdown("commonmark", {"html": False}).enable("table")
    markdown.add_render_rule("image", _in_words)
    tokens = markdown.parse(prose)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1]) + 1)}"
    return Markup(markdown.renderer.render(tokens, markdown.options, {}))


class _Markdown(MarkdownIt):
    def validateLink(self, url: str) -> bool:
        return url.lower().startswith(("https://", "http://"))


def _in_words(self: RendererHTML, tokens: Sequence[Token], index: int, *_: object) -> str:
    """Replaces a picture with its description."""
    return escapeHtml(tokens[index].content)
