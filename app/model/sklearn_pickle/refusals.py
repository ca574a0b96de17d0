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
