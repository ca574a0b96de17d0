"""Two releases side by side: the statements of their contracts and cards, and their readings of digits both know."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.model.contract import FOR_PEOPLE, Accuracy, Contract, Scale, withheld_from
from app.model.formats import MAX_BYTES, read_model
from app.model.mnist import read_mnist_test
from app.model.plain_file import NotPlain, read_needed_file, read_plain_file
from app.release.models_folder import pulled
from app.release.record import CARD, Release
from app.verify.accuracy import Measured
from app.verify.card import MAX_BYTES as CARD_BYTES
from app.verify.card import read_card
from app.verify.checks import Code, show, show_labels
from app.verify.open_model import Model, ModelChoice, open_model


class Side(NamedTuple):
    """One of the two: its record and its model, opened with every check except that of this code's roster."""

    release: Release
    model: Model

    @property
    def contract(self) -> Contract | None:
        return self.model.card.contract if self.model.card else None


class Reading(NamedTuple):
    """Both readings of the same digits, of classes that both know.

    Attributes:
        of: the source of the digits: RECORDED or MNIST.
        n: digits.
        same: digits that both read as the same, right or wrong.
        both_right, only_first, only_second, neither: counts of digits by which of the two read them rightly.
        disagreements: (true label, the first's answer, the second's answer) -> count, most frequent first.
        per_class: label -> (n, right by the first, right by the second).
    """

    of: str
    n: int
    same: int
    both_right: int
    only_first: int
    only_second: int
    neither: int
    disagreements: dict[tuple[str, str, str], int]
    per_class: dict[str, tuple[int, int, int]]

    @property
    def shares(self) -> tuple[Measured, Measured]:
        """The share that each read rightly."""
        return Measured(self.both_right + self.only_first, self.n), Measured(self.both_right + self.only_second, self.n)


RECORDED, MNIST = "recorded digits", "digits of MNIST's test file"


class Line(NamedTuple):
    """One property, as stated by each of the two; empty where not stated."""

    name: str
    first: str
    second: str


def look_at(version: str, *, models: Path, lock_file: Path) -> Side:
    """A pulled release, opened for inspection: it need not be served, listed in `model.lock`, or of a known roster.

    Raises:
        BadRelease: it has not been pulled. Refused: it is not what it promises.
    """
    model = open_any(ModelChoice(version, None, models, lock_file, require_lock=False))
    return Side(pulled(models, version), model)


def open_any(choice: ModelChoice) -> Model:
    """A model of whatever classes, opened with every check except that of this code's roster.

    Raises:
        BadRelease: it has not been pulled. MissingModel: the settings name a missing file. Refused: it is not what it
            promises.
    """
    path = choice.path or choice.models / choice.version / pulled(choice.models, choice.version).artefact
    try:
        data = read_needed_file(path, limit=MAX_BYTES)
    except NotPlain:  # which is refused below, with what mends it
        return open_model(choice, Code(()))
    return open_model(choice, Code(read_model(data, lambda: _stated_scale(path.parent)).labels))


def _stated_scale(folder: Path) -> Scale | None:
    card = folder / CARD
    return read_card(read_plain_file(card, limit=CARD_BYTES)).scale if card.is_file() else None


def contract_rows(first: Side, second: Side) -> list[Line]:
    """The statements of both, property by property."""
    one, other = _properties(first), _properties(second)
    names = dict.fromkeys(name for side in sorted((one, other), key=len, reverse=True) for name in side)
    return [Line(name, one.get(name, ""), other.get(name, "")) for name in names]


def read_both(first: Side, second: Side, *, mnist: Path) -> Reading | None:
    """Lets both read the digits of both golden sets or, if no recorded digit is known to both, MNIST's test file in the
    folder `mnist`; None if they have no class in common.

    Raises:
        MissingDigits: that file is needed, but is missing.
    """
    known = set(first.model.scorer.classes) & set(second.model.scorer.classes)
    digits = {
        image.tobytes(): label
        for side in (first, second)
        if side.model.recorded is not None
        for image, label in zip(*side.model.recorded.digits()[:2], strict=True)
        if label in known
    }
    if not known:
        return None
    if digits:
        images, truth = np.frombuffer(b"".join(digits), np.uint8).reshape(-1, 28, 28), np.array(list(digits.values()))
    else:
        images, labels = read_mnist_test(mnist)
        is_known = np.isin(labels, list(known))
        images, truth = images[is_known], np.array(labels)[is_known]
    said, also_said = _read(first.model, images), _read(second.model, images)
    right, also_right = said == truth, also_said == truth
    differing = said != also_said
    found = Counter(
        zip(truth[differing].tolist(), said[differing].tolist(), also_said[differing].tolist(), strict=True)
    )
    return Reading(
        of=RECORDED if digits else MNIST,
        n=len(truth),
        same=_count(~differing),
        both_right=_count(right & also_right),
        only_first=_count(right & ~also_right),
        only_second=_count(~right & also_right),
        neither=_count(~right & ~also_right),
        disagreements=dict(sorted(found.items(), key=lambda item: (-item[1], item[0]))),
        per_class={
            label: (_count(truth == label), _count(right & (truth == label)), _count(also_right & (truth == label)))
            for label in sorted(set(truth.tolist()))
        },
    )


def _read(model: Model, images: NDArray[np.uint8]) -> NDArray[np.str_]:
    classes: NDArray[np.str_] = np.array(model.scorer.classes)
    read: NDArray[np.str_] = classes[model.scorer.scores(images).argmax(axis=1)]
    return read


def _count(which: NDArray[np.bool_]) -> int:
    return int(np.count_nonzero(which))


def _properties(side: Side) -> dict[str, str]:
    scorer, release = side.model.scorer, side.release
    sizes = {file.name: file.size for file in release.files}
    found = {
        "commit" if release.commit else "manifest": release.pin.removeprefix("sha256:")[:12],
        "artefact": release.artefact,
        "bytes": f"{sizes[release.artefact]:,}",
        "bytes of all files": f"{sum(sizes.values()):,}",
        "sha256": side.model.sha256[:12],
        "kind": scorer.kind,
        "weights": f"{scorer.parameters:,}",
        **{FOR_PEOPLE.get(key, key): show(value) for key, value in scorer.stated.items()},
        "classes": show_labels(scorer.labels),
        "withheld": show(withheld_from(scorer.labels)),
        "ink rule": scorer.ink,
    }
    contract = side.contract
    if contract is None:
        cited = side.model.card.cited_accuracy if side.model.card else None
        return found | ({"accuracy": f"{100 * cited:.4g}% by its card's words"} if cited is not None else {})
    accuracy = contract.accuracy
    found["accuracy"] = _in_words(accuracy)
    found |= {f"accuracy of {label}": f"{share:.1%}" for label, share in sorted(accuracy.per_class.items())}
    found["confusions"] = ", ".join(f"{drawn} as {read}" for drawn, read in contract.confusions)
    if contract.not_a_digit is not None:
        none = contract.not_a_digit
        found["no digit"] = (
            f"below {none.below:g}: {none.digits.value:.2%} of digits, {none.shapes.value:.1%} of shapes"
        )
    if contract.golden is not None:
        golden = contract.golden
        found["golden set"] = f"{golden.correct:,} of {golden.n:,} right, {golden.withheld} withheld"
    if contract.drawn is not None:
        drawn = contract.drawn
        found["recipe"] = str(drawn.recipe)
        found["strokes"], found["pictures"] = _in_words(drawn.strokes), _in_words(drawn.pictures)
        found["temperature"] = f"{drawn.temperature:g}"
        error = drawn.error
        found["calibration error"] = f"{error.before:.4f} before, {error.after:.4f} after, of {error.n:,}"
    for measure, bounds in (contract.profile or {}).items():
        found[f"profile: {measure}"] = " ".join(f"{bound:.4g}" for bound in bounds)
    return found


def _in_words(share: Accuracy) -> str:
    low, high = share.interval
    return f"{share.value:.2%} ({low:.1%} to {high:.1%}), {share.correct:,} of {share.n:,}"
