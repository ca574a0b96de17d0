"""Refusals of ONNX files: the supported files, and remedies for others."""

from __future__ import annotations

from app.model.refusals import ArtefactRefused

OPSETS = range(13, 24)
IR_VERSIONS = range(7, 13)

MAX_BYTES = 32 << 20

EXPECTED = "an ONNX file of layers in a straight line, from 28x28 pixels to a Softmax"

EXPORT_ANEW = "Export it anew, in evaluation mode and with all weights inside the file."
NO_SCALE = (
    'State `scale` under `input` in the card\'s contract ("ink", "unit" or "byte"), '
    "or export it with uint8 pixels as input. A card without a contract needs the whole block of docs/contract.md."
)
NAME_CLASSES = (
    'Add to metadata_props a "classes" with the digits in the order of the scores, as in "1 2 3 4 5 6 7 8 9".'
)
END_IN_SOFTMAX = "Export the network with a Softmax over the classes as its last operator."
DIVERGED = "The training diverged: train again, with a smaller learning rate or more regularisation."
TOO_LARGE = (
    "Its numbers are too large for float32 to hold their differences: train again, with more regularisation or for "
    "fewer rounds, or with a smaller learning rate."
)
SCALE_PLAINLY = "Scale pixels in one or two steps to numbers around 1, as in (pixels / 255 - 0.13) / 0.31."
SMALLER = "Train a smaller network."

REMEDIES: dict[str, str] = {
    **dict.fromkeys(
        ("operator", "attribute", "graph", "shape"),
        "Export a plain feed-forward network in evaluation mode; docs/contract.md lists its operators.",
    ),
    **dict.fromkeys(("external", "dtype", "function", "subgraph", "sparse", "training", "quantization"), EXPORT_ANEW),
    **dict.fromkeys(("opset", "ir", "domain"), f"Export it for opset {OPSETS[0]} to {OPSETS[-1]}."),
    "input": "Export it with one input of uint8 pixels, [N, 28, 28].",
    "output": "Export it with the scores, [N, classes] of float32, as its one output.",
    "scores": END_IN_SOFTMAX,
    "scale": NO_SCALE,
    "classes": NAME_CLASSES,
    "weights": DIVERGED,
    "limit": SMALLER,
    "size": "Name the ONNX file itself.",
    "truncated": "It was cut short: copy or fetch it again from where it is whole.",
}
"""Remedies by the broken rule; `UNKNOWN` for rules that no honest file breaks."""

UNKNOWN = "Ask whoever made it for the file as its exporter wrote it, or pin another version."


def refused(code: str, why: str, *, offset: int | None = None, remedy: str | None = None) -> ArtefactRefused:
    """The refusal of a file that breaks the rule `code`; the rule's own remedy is the default."""
    return ArtefactRefused(code, why, expected=EXPECTED, remedy=remedy or REMEDIES.get(code, UNKNOWN), offset=offset)


def shown(name: str) -> str:
    """A name from a file, as a refusal may print it."""
    return f"{name[:60]!a}"
