"""MODELCARD.md: the contract in its front matter, and the machine-readable statements of its prose."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from app.errors import only_refusals
from app.model.contract import KEYS_OF_FORMATS, USUAL_FORMAT, Contract, Scale, parse_contract
from app.model.formats import FORMATS
from app.model.plain_file import read_plain_file
from app.model.plain_yaml import read_plain_yaml
from app.release.record import CARD
from app.verify.refusals import BadCard

MAX_BYTES = 64 << 10
_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)^---[ \t]*$\n?", re.DOTALL | re.MULTILINE)


class Stated(NamedTuple):
    """Statements of a card's prose; None where it makes none, or contradicts itself.

    Attributes:
        classes: "digits 1-9" -> ("1", ..., "9").
        features: "`pipeline.n_features_in_` returns `784`" -> 784.
        step_names: "`pipeline.named_steps["binarize"]`" -> {"binarize"}; empty if none are named.
        classifiers: the scikit-learn classifiers it mentions -> {"LogisticRegression"}; may be empty.
        accuracy: "Expected accuracy: ~92%" -> 0.92.
        counted: "Accuracy: 91.42% (8246 of 9020" -> {(0.9142, 8246, 9020)}: every such statement; may be empty.
        forms: every statement of each of `FORMS`, as the texts it captures -> {"ink rule": {("128",)}, ...}.
    """

    classes: tuple[str, ...] | None
    features: int | None
    step_names: frozenset[str]
    classifiers: frozenset[str]
    accuracy: float | None
    counted: frozenset[tuple[float, int, int]] = frozenset()
    forms: Mapping[str, frozenset[tuple[str, ...]]] = MappingProxyType({})


class Card(NamedTuple):
    """A card: its contract (None where the front matter has none), the statements of its prose, and its whole text."""

    contract: Contract | None
    stated: Stated
    text: str

    @property
    def cited_accuracy(self) -> float | None:
        """The accuracy that a card without contract states in words."""
        return self.stated.accuracy if self.contract is None else None

    @property
    def scale(self) -> Scale | None:
        """The numbers that its contract says the model takes for pixels; None if it does not say."""
        return self.contract.input.scale if self.contract else None

    @property
    def prose(self) -> str:
        """The text after the front matter."""
        return _FRONT_MATTER.sub("", self.text)


def read_card(data: bytes, *, name: str = CARD) -> Card:
    """The card in these bytes.

    Raises:
        BadCard: larger than 64 KiB, not UTF-8, or front matter that is not plain YAML or not valid.
    """
    if len(data) > MAX_BYTES:
        raise _bad(name, f"{len(data):,} bytes", f"at most {MAX_BYTES:,}")
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise _bad(name, f"no UTF-8 ({error})", "UTF-8 text") from None
    match = _FRONT_MATTER.match(text)
    if match is None:
        if re.match(r"---[ \t]*\n\S+:", text):
            raise _bad(name, "front matter without an end", "YAML between two lines `---`")
        return Card(None, read_prose(text), text)
    front_matter = _read_front_matter(match[1], name)
    contract = None
    if "contract" in front_matter:
        block = front_matter["contract"]
        with only_refusals(
            lambda said: _bad(name, f"a contract that is not valid: {said}", "the keys of docs/contract.md", block)
        ):
            contract = parse_contract(block)
    return Card(contract, read_prose(text[match.end() :]), text)


def artefact_named(folder: Path) -> str | None:
    """The artefact that the contract of the card in `folder` names; None without a card or a contract.

    Raises:
        BadCard: as `read_card`. NotPlain: the card is no plain file, or a larger one.
    """
    if not (folder / CARD).exists():
        return None
    contract = read_card(read_plain_file(folder / CARD, limit=MAX_BYTES)).contract
    return contract.artefact if contract else None


def _read_front_matter(text: str, name: str) -> dict[str, Any]:
    front_matter = read_plain_yaml(text, lambda found, expected: _bad(name, found, expected))
    if not isinstance(front_matter, dict):
        raise _bad(name, f"front matter of type {type(front_matter).__name__}", "a YAML mapping")
    return front_matter


_DASH = r"\s*(?:-|\u2010|\u2011|\u2012|\u2013|\u2014|to|through)\s*"
_CLASSES = re.compile(rf"\bdigits?\b[\s*_`:(]*([0-9])`?{_DASH}`?([0-9])(?!\.?[0-9])", re.IGNORECASE)
_FEATURES = (
    re.compile(r"\bn_features_in_\W{0,10}(?:\w{1,40}\W{1,5}){0,3}?(\d{1,6})\b"),
    re.compile(r"\b(\d{1,6})\s+(?:input\s+)?features\b", re.IGNORECASE),
)
_STEP_NAMES = (
    re.compile(r"named_steps(?:\[[\"']|\.)(\w{1,64})"),
    re.compile(r"\(\s*[\"'](\w{1,64})[\"']\s*,\s*[A-Z]\w{1,64}\("),
    # `binarize`: `Binarizer(threshold=0.5)`, | `clf` | `LogisticRegression` |
    re.compile(
        r"`(\w{1,64})`[\s|:(=*>\u2192\u2013\u2014-]{1,20}`(?=[A-Z])\w{0,64}(?:Binarizer|Regression|Classifier)\b"
    ),
)
_NOT_STEPS = {"items", "keys", "values", "get"}
_CLASSIFIERS = re.compile(r"\b([A-Z]\w{0,40}(?:Regression|Classifier|SVC|NB))\b")
_PERCENT = r"[^%\n]{0,60}?(\d{1,3}(?:\.\d{1,4})?)\s*%"
_COUNTED = re.compile(r"\baccuracy:?\W{0,6}(\d{1,3}(?:\.\d{1,4})?)\s*%\W{0,6}\((\d{1,8}) of (\d{1,8})", re.IGNORECASE)
_ACCURACIES = (  # the more explicit form takes precedence
    re.compile(rf"\bexpected\s+(?:test\s+)?accuracy\b{_PERCENT}", re.IGNORECASE),
    re.compile(rf"\baccuracy\b{_PERCENT}", re.IGNORECASE),
)
_NUMBER = r"(\d{1,8}\.\d{1,8})"
_SHARE = r"(\d{1,3}\.\d{1,4})\s*%\s+\((\d{1,8})\s+of\s+(\d{1,8})"
FORMS = {
    # | 1 | 1109 | 1135 | 97.71% | -> label, read rightly, of, percent
    "digits": re.compile(
        r"^\|[ \t]*`?(\d{1,8})`?[ \t]*\|[ \t]*(\d{1,8})[ \t]*\|[ \t]*(\d{1,8})[ \t]*\|"
        r"[ \t]*(\d{1,3}(?:\.\d{1,4})?)[ \t]*%[ \t]*\|[ \t]*$",
        re.MULTILINE,
    ),
    # 1000 held-out digits (913 read rightly), and 20 withheld ones -> n, correct, "" and "", "", withheld
    "golden set": re.compile(
        r"(?<![\d.,])(\d{1,8})\s+held-out\s+digits\s+\((\d{1,8})\s+read\s+rightly\)|\band\s+(\d{1,8})\s+withheld\s+ones\b"
    ),
    # recipe; percent, read rightly, of, for pictures; the same for strokes; temperature, error before, after, n
    "drawn digits": re.compile(
        r"\bPictures\s+of\s+paper\s+are\s+read\s+through\s+the\s+recipe,\s+version\s+(\d{1,8}):\s+"
        rf"{_SHARE}|\bStrokes\s+of\s+a\s+pen\s+are\s+read\s+through\s+the\s+same:\s+{_SHARE}|"
        rf"\btemperature\s+{_NUMBER},\s+expected\s+calibration\s+error\s+{_NUMBER}\s+before\s+and\s+{_NUMBER}\s+after,"
        r"\s+on\s+(\d{1,8})\s+digits"
    ),
    # Only the artefact's row: a card lists the digests of MNIST's files too.
    "sha256": re.compile(r"^\|[ \t]*SHA-256[ \t]*\|[ \t]*`?([0-9A-Za-z]{1,128})`?[ \t]*\|", re.MULTILINE),
    "ink rule": re.compile(r"\bA\s+pixel\s+is\s+ink\s+when\s+its\s+value\s+is\s+above\s+(\d{1,8}(?:\.\d{1,8})?)"),
    "steps": re.compile(r"`(\w{1,64})`\s+\(`(\w{1,64})`\)"),
}
"""Forms of statements that must all agree with a card's contract."""


def read_prose(text: str) -> Stated:
    """Reads prose in the forms that cards use; see `Stated` for an example of each."""
    ranges = {(int(first), int(last)) for first, last in _CLASSES.findall(text)}
    classes = {tuple(map(str, range(first, last + 1))) for first, last in ranges if first < last}
    features = {int(count) for pattern in _FEATURES for count in pattern.findall(text)}
    accuracies = next((found for pattern in _ACCURACIES if (found := set(pattern.findall(text)))), set())
    return Stated(
        classes=next(iter(classes)) if len(classes) == 1 else None,
        features=next(iter(features)) if len(features) == 1 else None,
        step_names=frozenset(name for one in _STEP_NAMES for name in one.findall(text)) - _NOT_STEPS,
        classifiers=frozenset(_CLASSIFIERS.findall(text)),
        accuracy=float(next(iter(accuracies))) / 100 if len(accuracies) == 1 else None,
        counted=frozenset((float(share) / 100, int(right), int(n)) for share, right, n in _COUNTED.findall(text)),
        forms={
            name: frozenset(found.groups(default="") for found in form.finditer(text)) for name, form in FORMS.items()
        },
    )


def _bad(name: str, found: str, expected: str, block: object = None) -> BadCard:
    remedy = _missing_format(block) or "The release's owner must correct it; docs/contract.md says how."
    return BadCard(f"card {name}", found=found, expected=expected, remedy=remedy)


def _missing_format(block: object) -> str | None:
    """The remedy for a contract whose artefact has another format's suffix than the usual, which it does not say."""
    artefact = block.get("artefact") if isinstance(block, dict) and "format" not in block else None
    for one in FORMATS:
        if one.name != USUAL_FORMAT and isinstance(artefact, str) and artefact.endswith(one.suffix):
            keys = " and ".join(f"`{key}`" for key in (f"format: {one.name}", *KEYS_OF_FORMATS.get(one.name, ())))
            return f"Its artefact ends in {one.suffix}: the release's owner must add {keys} to the contract."
    return None
