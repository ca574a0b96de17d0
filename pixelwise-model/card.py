"""MODELCARD.md: the contract for programs, and the same measurements in prose for people."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any

from calibration import BINS, Calibration
from contract import Artefact, changes, front_matter
from evaluation import Count, Evaluation, Reading, Share
from train import SEED
from trained import NoDigit, Trained

TEMPLATE = Path(__file__).with_name("card_template.md")
DRAWN_TEMPLATE = Path(__file__).with_name("drawn_template.md")
NO_DIGIT_TEMPLATE = Path(__file__).with_name("no_digit_template.md")


def write_card(
    contract: dict[str, Any],
    artefact: Artefact,
    model: Trained,
    evaluation: Evaluation,
    *,
    previous: tuple[str, dict[str, Any] | None] | None,
    data: Mapping[str, str],
    calibration: Calibration | None = None,
) -> str:
    """The whole card.

    Args:
        previous: the release before this one, and its contract if its card states one; None for the first.
        data: name -> SHA-256 of each file that it was trained, tested and measured with.
        calibration: its results on digits as people draw them; None where not measured.
    """
    classes, withheld, golden = contract["classes"], contract["withheld"], contract["golden"]
    words = model.words
    prose = Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        library=words.library,
        inside_row=words.row[0],
        inside_content=words.row[1],
        input=words.input,
        ink=words.ink,
        callers_part=words.callers_part,
        inside=words.inside,
        limits=words.limits,
        safety=words.safety,
        choices=words.choices,
        making=words.making,
        libraries=_rows(model.libraries.items()),
        no_digit_story=no_digit_in_words(model.no_digit),
        version=contract["version"],
        digits=digits_in_words(classes),
        artefact=artefact.name,
        size=artefact.size,
        sha256=artefact.sha256,
        classes=" ".join(f"`{label}`" for label in classes),
        withheld=", ".join(f"`{label}`: people draw it, the model was never taught it" for label in withheld)
        or "none",
        golden_file=golden["file"],
        golden_known=golden["n"],
        golden_correct=golden["correct"],
        golden_withheld=f", and {golden['withheld']} withheld ones" if golden["withheld"] else "",
        accuracy=share_in_words(evaluation.accuracy),
        per_class=_rows(
            (label, share.correct, share.n, f"{share.value:.2%}")
            for label, share in evaluation.per_class.items()
        ),
        confusions=_rows((each.true, each.read, each.count) for each in evaluation.confusions),
        withheld_story="\n\n".join(
            withheld_in_words(label, each) for label, each in evaluation.withheld.items()
        )
        or "None: the model was taught every digit that people draw.",
        changed=changed_in_words(contract, previous),
        drawn_story=drawn_in_words(calibration),
        scope_of_pictures=scope_of_pictures(calibration),
        seed=SEED,
        data_hashes=_rows((f"`{name}`", f"`{sha256}`") for name, sha256 in data.items()),
    )
    return front_matter(contract, library_name=words.library_name) + prose


def digits_in_words(classes: list[str]) -> str:
    """["1", "2", "3"] -> "1-3"; with gaps "1, 3"."""
    numbers = [int(label) for label in classes]
    gapless = numbers == list(range(numbers[0], numbers[-1] + 1))
    return f"{classes[0]}-{classes[-1]}" if gapless else ", ".join(classes)


def share_in_words(share: Share) -> str:
    """91.49% (8252 of 9020, 95% interval 90.9% to 92.0%)"""
    low, high = share.interval
    return f"{share.value:.2%} ({share.correct} of {share.n}, 95% interval {low:.1%} to {high:.1%})"


def drawn_in_words(calibration: Calibration | None) -> str:
    """Accuracy on pictures of paper and strokes of a pen, and how sure an answer may be."""
    if calibration is None:
        return (
            "Not measured. This release promises nothing of pictures of paper or of strokes of a pen, and\n"
            "states no temperature: its confidence is not how often it is right."
        )
    text = Template(DRAWN_TEMPLATE.read_text(encoding="utf-8")).substitute(
        recipe=calibration.recipe,
        pictures=share_in_words(calibration.pictures),
        strokes=share_in_words(calibration.strokes),
        temperature=f"{calibration.temperature:.3f}",
        before=f"{calibration.before:.4f}",
        after=f"{calibration.after:.4f}",
        n=calibration.n,
        bins=BINS,
    )
    return text.rstrip("\n")


def scope_of_pictures(calibration: Calibration | None) -> str:
    """The scope for pictures of paper, and how many of them are read correctly."""
    if calibration is None:
        return "out of scope, photographs and scans alike: this release was not measured on them."
    return (
        f"in scope where the recipe, version {calibration.recipe}, brings them to 28x28:\n"
        f"  {calibration.pictures.value:.2%} of such pictures are read rightly. Out of scope without it."
    )


def no_digit_in_words(known: NoDigit | None) -> str:
    """How often it says that it sees no digit, as a section of its own; nothing if it cannot."""
    if known is None:
        return ""
    table = _rows((kind, count.count, count.n, f"{count.value:.1%}") for kind, count in known.kinds.items())
    text = Template(NO_DIGIT_TEMPLATE.read_text(encoding="utf-8")).substitute(
        below=f"{known.below:g}",
        digits=count_in_words(known.digits),
        strokes="not counted" if known.strokes is None else count_in_words(known.strokes),
        shapes=count_in_words(known.shapes),
        kinds=table,
    )
    return f"{text}\n"


def count_in_words(count: Count) -> str:
    """0.12% (12 of 10000)"""
    return f"{count.value:.2%} ({count.count} of {count.n})"


def withheld_in_words(label: str, readings: tuple[Reading, ...]) -> str:
    """The readings of the digits of one withheld class."""
    n = sum(reading.count for reading in readings)
    confidence = sum(reading.confidence * reading.count for reading in readings) / n
    table = _rows(
        (each.read, each.count, f"{each.count / n:.1%}", f"{each.confidence:.2f}") for each in readings
    )
    return (
        f"The test set has {n} digits `{label}`, which the model was never taught. It cannot say so: it\n"
        f"reads each as one that it knows, with a mean confidence of {confidence:.2f}. So a high confidence\n"
        "does not mean that the picture shows a digit the model knows.\n\n"
        f"| `{label}` read as | how often | share | mean confidence |\n|---|---|---|---|\n{table}"
    )


def changed_in_words(contract: dict[str, Any], previous: tuple[str, dict[str, Any] | None] | None) -> str:
    """The differences between two contracts, as a list."""
    if previous is None:
        return "This is the first release of its repository."
    version, before = previous
    if before is None:
        return (
            f"The release before this one is {version}. Its card states no contract: nothing can be compared."
        )
    return f"Since {version}, from the contracts of both:\n\n" + "\n".join(
        f"- {sentence}" for sentence in changes(before, contract)
    )


def _rows(rows: Any) -> str:
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in rows)
