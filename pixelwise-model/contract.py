"""The card's front matter: the Hugging Face keys, and the `contract` block that programs check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml

from calibration import Calibration
from evaluation import Count, Evaluation, Share
from train import Recipe
from trained import NoDigit, Trained


@dataclass(frozen=True)
class Artefact:
    """The trained model's file, as written."""

    name: str
    sha256: str
    size: int


@dataclass(frozen=True)
class GoldenFile:
    """The golden set as written."""

    name: str
    sha256: str
    known: int
    correct: int
    withheld: int


def contract_block(
    version: str,
    recipe: Recipe,
    artefact: Artefact,
    model: Trained,
    evaluation: Evaluation,
    golden: GoldenFile,
    profile: dict[str, list[float]],
    calibration: Calibration | None = None,
) -> dict[str, Any]:
    """This release's promises, in plain values; without a calibration it has no block `drawn`."""
    block = {
        "version": version,
        "artefact": artefact.name,
        "sha256": artefact.sha256,
        **model.stated,
        "features": model.features,
        "input": {"shape": [28, 28], "dtype": "uint8", "range": [0, 255], "ink": model.ink},
        "classes": list(recipe.classes),
        "withheld": list(recipe.withheld),
        "confusions": [[confusion.true, confusion.read] for confusion in evaluation.confusions],
        "accuracy": {
            **_share(evaluation.accuracy),
            "per_class": {label: share.value for label, share in evaluation.per_class.items()},
        },
        "golden": {
            "file": golden.name,
            "sha256": golden.sha256,
            "n": golden.known,
            "correct": golden.correct,
            "withheld": golden.withheld,
        },
        "profile": profile,
    }
    if calibration is not None:
        block["drawn"] = _drawn(calibration)
    if model.no_digit is not None:
        block["not_a_digit"] = _no_digit(model.no_digit)
    return block


def _no_digit(known: NoDigit) -> dict[str, Any]:
    counts = {"digits": known.digits, "strokes": known.strokes, "shapes": known.shapes}
    return {"below": known.below, **{kind: _count(count) for kind, count in counts.items() if count}}


def _count(count: Count) -> dict[str, Any]:
    return {"value": count.value, "count": count.count, "n": count.n}


def _drawn(calibration: Calibration) -> dict[str, Any]:
    return {
        "recipe": calibration.recipe,
        "temperature": calibration.temperature,
        "error": {"before": calibration.before, "after": calibration.after, "n": calibration.n},
        "strokes": _share(calibration.strokes),
        "pictures": _share(calibration.pictures),
    }


def _share(share: Share) -> dict[str, Any]:
    return {
        "value": share.value,
        "correct": share.correct,
        "n": share.n,
        "interval": list(share.interval),
    }


def front_matter(contract: dict[str, Any], *, library_name: str) -> str:
    """The card's YAML between its two `---` lines."""
    accuracy = {"type": "accuracy", "name": "Accuracy", "value": contract["accuracy"]["value"]}
    result = {
        "task": {"type": "image-classification", "name": "Handwritten digits"},
        "dataset": {"type": "mnist", "name": "MNIST", "split": "test"},
        "metrics": [accuracy],
    }
    name = f"pixelwise-digit-classifier-{contract['version']}"
    matter = {
        "license": "mit",
        "library_name": library_name,
        "datasets": ["mnist"],
        "metrics": ["accuracy"],
        "model-index": [{"name": name, "results": [result]}],
        "contract": contract,
    }
    text = yaml.dump(
        matter,
        Dumper=_WithoutAnchors,
        sort_keys=False,
        default_flow_style=None,
        allow_unicode=True,
        width=100,
    )
    return f"---\n{text}---\n"


MOST_BYTES = 64 << 10
MOST_DEPTH = 20


def contract_in(card: str | None) -> dict[str, Any] | None:
    """The contract of an earlier release's card; None if it states none that can be compared.

    The card's author is not known here: only small plain YAML, of values of the expected kinds, counts.
    """
    if card is None or not card.startswith("---\n") or len(card.encode("utf-8", "replace")) > MOST_BYTES:
        return None
    text = card[4:].partition("\n---")[0]
    try:
        matter = yaml.safe_load(text) if _is_plain_yaml(text) else None
    except (yaml.YAMLError, ValueError, OverflowError):  # also a date such as 2026-99-99, a number too large
        return None
    contract = matter.get("contract") if isinstance(matter, dict) else None
    if not isinstance(contract, dict):
        return None
    fit = all(contract.get(key) is None or fits(contract[key]) for key, (_, fits) in COMPARED.items())
    return contract if fit else None


def _is_plain_yaml(text: str) -> bool:
    """No anchors, aliases or tags, and a bounded depth: the parser's events come before anything is built."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if getattr(event, "anchor", None) or getattr(event, "tag", None):  # an alias has an anchor too
            return False
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MOST_DEPTH:
            return False
    return True


def changes(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """The changes that a reader of the earlier contract must know, a sentence each."""
    sentences = []
    for key, (subject, _) in COMPARED.items():
        if before.get(key) != now.get(key):
            sentences.append(f"{subject}: {_plain(before.get(key))} before, {_plain(now.get(key))} now.")
    return [
        *sentences,
        *_changed_accuracy(before, now),
        *_changed_drawn(before.get("drawn"), now.get("drawn")),
    ]


def _changed_accuracy(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    then, here = before.get("accuracy"), now["accuracy"]
    if not _is_accuracy(then):
        return ["The earlier contract states no accuracy to compare."]
    points = 100 * (here["value"] - then["value"])
    sentences = [f"Accuracy: {then['value']:.2%} before, {here['value']:.2%} now ({points:+.2f} points)."]
    if before.get("classes") != now["classes"] or then["n"] != here["n"]:
        sentences.append(
            f"The two are measured on different digits ({then['n']} and {here['n']} of the test set): "
            "they are not the same task."
        )
    elif max(then["interval"][0], here["interval"][0]) <= min(then["interval"][1], here["interval"][1]):
        sentences.append("The 95% intervals overlap: the difference may be chance.")
    else:
        sentences.append("The 95% intervals do not overlap: the difference is more than chance.")
    return sentences


def _changed_drawn(before: Any, now: Any) -> list[str]:
    """Sentences on strokes and pictures of paper; nothing where neither release was measured with them."""
    then, here = (drawn if _is_drawn(drawn) else None for drawn in (before, now))
    if then is None and here is None:
        return []
    sentences = [
        f"{subject} read rightly: {_right(then, key)} before, {_right(here, key)} now."
        for key, subject in DRAWN.items()
    ]
    if then and here and then["recipe"] != here["recipe"]:
        recipes = f"version {then['recipe']} of the recipe before, version {here['recipe']} now"
        sentences.append(f"They came by {recipes}: a difference may be the recipe's.")
    return sentences


def _right(drawn: dict[str, Any] | None, key: str) -> str:
    if drawn is None:
        return "not measured"
    share = drawn[key]
    return f"{share['value']:.2%} ({share['correct']} of {share['n']})"


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= 40 and value.isprintable()


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1_000_000


def _is_share(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value <= 1


def _are_words(value: Any) -> bool:
    return isinstance(value, list) and len(value) <= 100 and all(map(_is_word, value))


def _are_steps(value: Any) -> bool:
    return isinstance(value, dict) and _are_words([*value, *value.values()])


def _is_input(value: Any) -> bool:
    return isinstance(value, dict) and _are_words([*value]) and all(map(_is_word_or_counts, value.values()))


def _is_word_or_counts(value: Any) -> bool:
    return _is_word(value) or (isinstance(value, list) and len(value) <= 4 and all(map(_is_count, value)))


def _is_accuracy(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    interval = value.get("interval")
    ends = interval if isinstance(interval, list) and len(interval) == 2 else [None]
    return _is_count(value.get("n")) and all(map(_is_share, [value.get("value"), *ends]))


def _is_drawn(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and _is_count(value.get("recipe"))
        and all(_is_drawn_share(value.get(key)) for key in DRAWN)
    )


def _is_drawn_share(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and _is_share(value.get("value"))
        and all(_is_count(value.get(key)) for key in ("correct", "n"))
    )


DRAWN = {"strokes": "Strokes of a pen", "pictures": "Pictures of paper"}
"""Key of the contract's block `drawn` -> its name in a sentence."""

COMPARED = {
    "classes": ("Classes", _are_words),
    "withheld": ("Withheld", _are_words),
    "steps": ("Steps", _are_steps),
    "features": ("Features", _is_count),
    "input": ("Input", _is_input),
    "sklearn": ("Written by scikit-learn", _is_word),
    "format": ("Format", _is_word),
}
"""Key of the contract -> its name in a sentence, and the form of values that can be compared."""


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_plain(part)}" for key, part in value.items())
    if isinstance(value, list):
        return " ".join(map(_plain, value)) or "none"
    return "not stated" if value is None else str(value)


class _WithoutAnchors(yaml.SafeDumper):
    """A card must hold no anchors: readers refuse them, because they let a small file grow without bounds."""

    def ignore_aliases(self, data: Any) -> bool:
        return True
