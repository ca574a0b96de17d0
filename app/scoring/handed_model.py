"""The model as workers are handed it: the verified bytes of its artefact, which they read as data."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from app.model.contract import Scale
from app.model.formats import read_model
from app.model.scorer import Scorer
from app.scoring.refusals import BadInput


class HandedModel(NamedTuple):
    """One model for all workers, whatever lies on their disks.

    Attributes:
        data: the bytes of the artefact.
        sha256: of these bytes, as they were verified.
        version: of the release.
        scale: as its card states it.
        profile: of its training images, for what is odd about a drawing.
        no_digit_below: the confidence below which an answer is called no digit; None if the release states none.
    """

    data: bytes
    sha256: str
    version: str
    scale: Scale | None = None
    profile: Mapping[str, tuple[float, float, float]] | None = None
    no_digit_below: float | None = None

    def scorer(self) -> Scorer:
        """The model, read once in each process.

        Raises:
            BadInput: other bytes than were verified. ArtefactRefused: no model.
        """
        if hashlib.sha256(self.data).hexdigest() != self.sha256:
            raise BadInput(
                f"model {self.version}",
                found="other bytes than were handed out",
                expected=f"sha256 {self.sha256}",
                remedy="Look at the network and the memory of this machine, then run this again.",
            )
        return _read(self.data, self.scale)


@lru_cache(maxsize=2)
def _read(data: bytes, scale: Scale | None) -> Scorer:
    return read_model(data, lambda: scale)
