"""What a finished shard says of itself, in its file's own footer or beside it: by this a restart knows what is done."""

from __future__ import annotations

from msgspec import Struct

from app.scoring.counts import Counts
from app.scoring.fingerprint import Fingerprint


class Footer(Struct, frozen=True):
    """The footer of one shard.

    Attributes:
        shard: its name, such as "part-00003-of-00010".
        plan: the digest of the plan that it is a part of.
        input: the fingerprint of its input.
        model_version, model_sha256: of the release that answered.
        recipe: the version of the recipe of this code.
        rows: in this shard.
        counts: of its answers.
    """

    shard: str
    plan: str
    input: Fingerprint
    model_version: str
    model_sha256: str
    recipe: int
    rows: int
    counts: Counts
