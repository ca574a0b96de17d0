"""The formats that models are read from. A new one needs a module that makes its `Format`, and a line here."""

from __future__ import annotations

from app.model.onnx.format import ONNX_FORMAT
from app.model.refusals import ArtefactRefused
from app.model.scorer import Format, Scorer, StatedScale, no_card
from app.model.sklearn_pickle.format import SKLEARN_PICKLE

FORMATS: tuple[Format, ...] = (SKLEARN_PICKLE, ONNX_FORMAT)
"""Bytes have the first format that fits. If none fits, the first of all refuses them, and says what they resemble."""

MAX_BYTES = max(one.max_bytes for one in FORMATS)
"""Most bytes of an artefact of any format."""


def read_model(data: bytes, scale: StatedScale = no_card) -> Scorer:
    """The model in the bytes of an artefact, none of which is executed.

    Args:
        scale: looks up the scale that its card states; called only for a model whose file leaves it open.

    Raises:
        ArtefactRefused: and nothing else, whatever the bytes; beside what `scale` raises.
    """
    for one in FORMATS:
        if one.fits(data):
            if len(data) > one.max_bytes:
                raise _too_large(one, len(data))
            return one.read(data, scale)
    try:
        return FORMATS[0].read(data, scale)
    except ArtefactRefused as error:
        raise error.anew(expected="; or ".join(one.supported for one in FORMATS)) from None


def _too_large(one: Format, size: int) -> ArtefactRefused:
    return ArtefactRefused(
        "size",
        f"{size:,} bytes, the limit of {one.name} is {one.max_bytes:,}",
        expected=one.supported,
        remedy="Name the artefact itself, or train a smaller model.",
    )
