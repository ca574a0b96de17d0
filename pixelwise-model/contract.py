"""The card's front matter: the Hugging Face keys, and the `contract` block that programs check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml

from evaluation import Evaluation
from train import INK_ABOVE, Recipe


@dataclass(frozen=True)
class Artefact:
    """The trained pipeline as written: its file, and what it says of itself."""

    name: str
    sha256: str
    size: int
    sklearn: str
    steps: dict[str, str]
    features: int


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
    evaluation: Evaluation,
    golden: GoldenFile,
    profile: dict[str, list[float]],
) -> dict[str, Any]:
    """What this release promises, in plain values."""
    return {
        "version": version,
        "artefact": artefact.name,
        "sha256": artefact.sha256,
        "sklearn": artefact.sklearn,
        "steps": artefact.steps,
        "features": artefact.features,
        "input": {"shape": [28, 28], "dtype": "uint8", "range": [0, 255], "ink": f"> {INK_ABOVE}"},
        "classes": list(recipe.classes),
        "withheld": list(recipe.withheld),
        "confusions": [[confusion.true, confusion.read] for confusion in evaluation.confusions],
        "accuracy": {
            "value": evaluation.accuracy.value,
            "correct": evaluation.accuracy.correct,
            "n": evaluation.accuracy.n,
            "interval": list(evaluation.accuracy.interval),
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


def front_matter(contract: dict[str, Any]) -> str:
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
        "library_name": "sklearn",
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


def contract_in(card: str | None) -> dict[str, Any] | None:
    """The contract of an earlier release's card; None if it states none that can be compared."""
    if card is None or not card.startswith("---\n"):
        return None
    try:
        matter = yaml.safe_load(card[4:].partition("\n---")[0])
    except yaml.YAMLError:
        return None
    contract = matter.get("contract") if isinstance(matter, dict) else None
    return contract if isinstance(contract, dict) else None


def changes(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """What a reader of the earlier contract must know of this one, a sentence each."""
    sentences = []
    for key, subject in COMPARED.items():
        if before.get(key) != now[key]:
            sentences.append(f"{subject}: {_plain(before.get(key))} before, {_plain(now[key])} now.")
    then, here = before.get("accuracy"), now["accuracy"]
    if not isinstance(then, dict) or not {"value", "n", "interval"} <= then.keys():
        return [*sentences, "The earlier contract states no accuracy to compare."]
    points = 100 * (here["value"] - then["value"])
    sentences.append(f"Accuracy: {then['value']:.2%} before, {here['value']:.2%} now ({points:+.2f} points).")
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


COMPARED = {
    "classes": "Classes",
    "withheld": "Withheld",
    "steps": "Steps",
    "features": "Features",
    "input": "Input",
    "sklearn": "Written by scikit-learn",
}


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
