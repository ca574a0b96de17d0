"""A folder of answers: what it is of, which shards are done, and that it is never mixed with another."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from app.errors import ConfigurationError, only_refusals, system_refusals
from app.scoring.footer import Footer
from app.scoring.outputs.draft import clear_drafts, put_first
from app.scoring.outputs.formats import format_named
from app.scoring.plan import Plan, Record
from app.scoring.refusals import OtherResults
from app.scoring.shard import Shard

RECORD = "PLAN.json"


def take(out: Path, plan: Plan) -> None:
    """Makes the folder `out` that of this plan, or finds that it is; clears drafts of processes that were killed.

    Raises:
        OtherResults: it is of something else. ConfigurationError: it cannot be written to.
    """
    with system_refusals(out):
        out.mkdir(parents=True, exist_ok=True)
        if not (out / RECORD).exists():
            _demand_empty(out)
            put_first(out / RECORD, msgspec.json.format(msgspec.json.encode(plan.record)) + b"\n")
        _compare(out, read_record(out), plan.record)
        clear_drafts(out)


def read_record(out: Path) -> Record:
    """What a folder is of.

    Raises:
        OtherResults: it is no folder of answers.
    """
    file = out / RECORD
    if not file.is_file():
        raise OtherResults(
            f"folder {out}",
            found=f"no {RECORD}",
            expected="answers, as `pixelwise score` writes them",
            remedy="Name a folder that was given to --out.",
        )
    with only_refusals(lambda said: _unreadable(file, said)), system_refusals(file):
        return msgspec.json.decode(file.read_bytes(), type=Record)


def done(out: Path, plan: Plan, shards: Iterable[Shard]) -> dict[str, Footer]:
    """The footers of the shards that are done, by their names.

    Raises:
        OtherResults: a file is of another plan.
    """
    read_footer = format_named(plan.record.format).read_footer
    found = {}
    for shard in shards:
        footer = read_footer(out / shard.name)
        if footer is None:
            continue
        is_same = (footer.plan, footer.shard, footer.rows) == (shard.order.plan, shard.name, shard.piece.rows)
        if not is_same or footer.model_sha256 != plan.record.model_sha256 or footer.recipe != plan.record.recipe:
            raise OtherResults(
                f"shard {shard.name} in {out}",
                found=f"{footer.rows:,} rows of {footer.input.name} by {footer.model_version}",
                expected="the plan of this folder",
                remedy="Remove that file, then run this again: it is made anew.",
            )
        found[shard.name] = footer
    return found


def _demand_empty(out: Path) -> None:
    there = sorted(file.name for file in out.iterdir() if not file.name.startswith("."))
    if there:
        raise ConfigurationError(
            f"--out {out}",
            found=f"a folder with {there[0]}" + (" and more" if len(there) > 1 else ""),
            expected="an empty folder, or one of these answers",
            remedy="Name another folder.",
        )


def _compare(out: Path, found: Record, wanted: Record) -> None:
    """Raises OtherResults, naming the first difference."""
    anew = "Name another folder for these, or remove that one."
    for was, now in zip(found.inputs, wanted.inputs, strict=False):
        if was.name != now.name:
            raise _other(out, f"answers to {was.name}", f"answers to {now.name}", anew)
        for what in ("kind", "rows", "size", "mtime_ns", "footer", "listing", "labels"):
            before, after = getattr(was, what), getattr(now, what)
            if before != after:
                raise _other(
                    out, f"answers to {was.name} with {_said(what, before)}", _said(what, after), _why(what, anew)
                )
        if now.sha256 is not None and was.sha256 != now.sha256:
            before = was.sha256 or "not known: it was begun without --verify-inputs"
            raise _other(out, f"answers to {was.name} with sha256 {before}", f"sha256 {now.sha256}", anew)
    rest: list[tuple[str, object, object, str]] = [
        ("inputs", len(found.inputs), len(wanted.inputs), anew),
        *(
            (what, getattr(found, name), getattr(wanted, name), anew)
            for what, name in (
                ("model", "model_version"),
                ("model's sha256", "model_sha256"),
                ("recipe", "recipe"),
                ("format", "format"),
                ("scores", "with_scores"),
                ("shards", "shards"),
                ("pieces", "pieces"),
            )
        ),
    ]
    for what, before, after, remedy in rest:
        if before != after:
            raise _other(out, f"answers of {what} {before}", f"{what} {after}", remedy)


def _said(what: str, value: object) -> str:
    words = {"size": "bytes", "mtime_ns": "time of change in ns"}
    return f"{words.get(what, what)} {value if value is not None else 'none'}"


def _why(what: str, anew: str) -> str:
    if what in ("size", "mtime_ns", "footer", "rows", "listing"):
        return f"The input has changed since. {anew}"
    return anew


def _other(out: Path, found: str, expected: str, remedy: str) -> OtherResults:
    return OtherResults(f"folder {out}", found=found, expected=expected, remedy=remedy)


def _unreadable(file: Path, said: str) -> OtherResults:
    remedy = "Name another folder, or remove this one."
    return OtherResults(f"file {file}", found=f"no record of answers ({said})", expected="a plan", remedy=remedy)
