"""Refusals of scikit-learn's artefacts: the supported files, and remedies for others."""

from __future__ import annotations

from app.model.refusals import ArtefactRefused
from app.model.sklearn_pickle.names import PIPELINES

EXPECTED = f"{PIPELINES}, written by joblib.dump"

WRITE_ANEW = "Write it with `joblib.dump(model, path)`."

REMEDIES: dict[str, str] = {
    **dict.fromkeys(
        ("estimator", "pipeline", "solver", "activation"),
        "Train a Pipeline of Binarizer(threshold=0.5) and LogisticRegression or MLPClassifier, and release that.",
    ),
    "attribute": "Fit a plain Pipeline (no memory, no set_output, nothing put into it) and write that with "
    "`joblib.dump(model, path)`; if the file is not yours, do not open it with joblib or pickle.",
    **dict.fromkeys(("size", "file"), "Name the artefact itself, as `joblib.dump(model, path)` wrote it."),
    "dtype": "Fit it on numbers of float64 or float32 (`X.astype(float)`), and write that with "
    "`joblib.dump(model, path)`; if the file is not yours, do not open it with joblib or pickle.",
    "truncated": "It was cut short: copy or fetch it again from where it is whole.",
}
"""Remedies by the broken rule; `UNKNOWN` for rules that no honest file breaks."""

UNKNOWN = (
    "Do not open it with joblib or pickle: ask whoever made it for what `joblib.dump` of a fitted pipeline writes, "
    "or pin another version."
)


def refused(code: str, why: str, *, offset: int | None = None, remedy: str | None = None) -> ArtefactRefused:
    """The refusal of an artefact that breaks the rule `code`; the rule's own remedy is the default."""
    return ArtefactRefused(code, why, expected=EXPECTED, remedy=remedy or REMEDIES.get(code, UNKNOWN), offset=offset)


def no_scale(first: str, *, is_byte: bool) -> ArtefactRefused:
    """The refusal of a model that leaves open which numbers it takes for pixels, beside a card that does not say it.

    Args:
        first: describes the model, such as "a bare LogisticRegression".
        is_byte: it was fitted on numbers beyond 1, so only one scale is possible.
    """
    state = "State what it was trained on in the contract of the card beside it"
    byte = "`input: {..., ink: grey, scale: byte}` for pixels of 0 to 255"
    others = (
        "`input: {..., ink: grey, scale: unit}` for pixels divided by 255, `ink: grey, scale: byte` for pixels of 0 to "
        '255, or `ink: "> 128", scale: ink` for 1 where a pixel is above 128 and 0 elsewhere'
    )
    return ArtefactRefused(
        "scale",
        f"{first}: its file does not say which numbers it takes for pixels",
        expected="a card that says it, by `scale` in the `input` of its contract",
        remedy=f"{state}: {byte if is_byte else others}.",
    )


def wrong_scale(first: str, seen: float, stated: str) -> ArtefactRefused:
    """The refusal of a model that was fitted on larger numbers than those of the scale that its card states."""
    return ArtefactRefused(
        "scale",
        f"{first}, fitted on numbers up to {seen:.4g} or more, and a card with `scale: {stated}`: 1 at most",
        expected="a card that states the scale it was trained on",
        remedy="State `input: {..., ink: grey, scale: byte}` in the contract of its card, for pixels of 0 to 255.",
    )
