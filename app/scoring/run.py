"""A whole run: what is missing is scored, and when nothing is missing any more, the manifest is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from app.scoring import folder
from app.scoring.executors import Run
from app.scoring.handed_model import HandedModel
from app.scoring.manifest import Manifest, write_manifest
from app.scoring.outputs.draft import clear_drafts
from app.scoring.plan import Plan
from app.scoring.refusals import OtherResults
from app.scoring.shard import Shard


class Outcome(NamedTuple):
    """What a run did.

    Attributes:
        shards: of its part.
        scored, rows: shards and rows that were scored now; the others were done.
        missing: shards of other parts that are not done.
        manifest: None while any is missing.
    """

    shards: int
    scored: int
    rows: int
    missing: int
    manifest: Manifest | None


def run(
    plan: Plan,
    out: Path,
    model: HandedModel,
    execute: Run,
    *,
    shards: Sequence[Shard] | None = None,
    progress: Callable[[int, bool], None] = lambda rows, is_new: None,
) -> Outcome:
    """Scores the shards that are not done, and writes the manifest once all are.

    Args:
        shards: those of this part; None: all.
        progress: called with the rows of each shard, and True if it was scored now.

    Raises:
        OtherResults: the folder is of something else.
    """
    folder.take(out, plan)
    mine = plan.shards if shards is None else tuple(shards)
    found = folder.done(out, plan, mine)
    for footer in found.values():
        progress(footer.rows, False)
    todo = [shard for shard in mine if shard.name not in found]
    scored = rows = 0
    for footer in execute(todo, out, model):
        found[footer.shard] = footer
        scored, rows = scored + 1, rows + footer.rows
        progress(footer.rows, True)
    if todo:
        clear_drafts(out)  # of workers that died
    written = {shard.name for shard in todo}
    others = [shard for shard in plan.shards if shard.name not in found or shard.name in written]
    found = {name: footer for name, footer in found.items() if name not in written} | folder.done(out, plan, others)
    if elsewhere := sorted(written - found.keys()):
        raise OtherResults(
            f"shard {elsewhere[0]}",
            found=f"scored, and not in {out}",
            expected="a folder that all workers share",
            remedy="Name a folder that is the same place for this machine and for every worker.",
        )
    missing = len(plan.shards) - len(found)
    footers = (found[shard.name] for shard in plan.shards)
    manifest = None if missing else write_manifest(out, plan.record, footers)
    return Outcome(len(mine), scored, rows, missing, manifest)
