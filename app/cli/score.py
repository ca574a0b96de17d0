"""`pixelwise score`: many digits in files to answers in files, by one release; and two of these side by side."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.default_command import WithDefault
from app.cli.terminal import JsonOption, print_json, say
from app.errors import system_refusals
from app.settings import read_settings

if TYPE_CHECKING:
    from app.scoring.dask_cluster import Tls
    from app.scoring.executors import Run
    from app.scoring.fingerprint import Fingerprint
    from app.scoring.inputs.source import Source
    from app.scoring.manifest import Manifest
    from app.scoring.run import Outcome

score = typer.Typer(
    cls=WithDefault,
    no_args_is_help=True,
    help="Score files of digits with a release, into files of answers: `pixelwise score INPUT --out DIR`. "
    "`pixelwise score run --help` has all options.",
)

ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""For numpy's libraries in every worker: shards are what runs side by side."""


STORE = "db:"
"""The input that is the service's own store."""


class Format(StrEnum):
    """The format of answers."""

    PARQUET = "parquet"
    CSV = "csv"


@score.command("run")
def run(
    source: Annotated[
        str,
        typer.Argument(
            metavar="INPUT",
            help="A Parquet, .npy or IDX file, a folder of them or of pictures, or db: for what the service stored.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder that answers are put in.")],
    model: Annotated[
        str | None, typer.Option("--model", metavar="VERSION", help="A pulled release; without it, the default one.")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", min=1, help="Processes; without it, one for each processor.")
    ] = None,
    part: Annotated[
        str | None,
        typer.Option("--part", metavar="I/N", help="Only the I-th of N parts, I from 0: one job of an array of jobs."),
    ] = None,
    labels: Annotated[
        Path | None, typer.Option("--labels", metavar="FILE", help="A .npy or IDX file with a label for each row.")
    ] = None,
    format: Annotated[Format, typer.Option("--format", help="parquet, or csv, which needs no package.")] = (
        Format.PARQUET
    ),
    since: Annotated[
        datetime | None, typer.Option("--since", metavar="TIME", help="Of db:, what was drawn from then on (UTC).")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option("--until", metavar="TIME", help="Of db:, what was drawn before (UTC).")
    ] = None,
    verify_inputs: Annotated[
        bool, typer.Option("--verify-inputs", help="Hash every byte of the inputs, and hold it against the last time.")
    ] = False,
    on: Annotated[
        str | None,
        typer.Option("--on", metavar="ADDRESS", help="A Dask scheduler, such as tls://HOST:8786: its workers score."),
    ] = None,
    tls_ca: Annotated[Path | None, typer.Option("--tls-ca", help="Of --on: the authority of its certificates.")] = None,
    tls_cert: Annotated[Path | None, typer.Option("--tls-cert", help="Of --on: the certificate of this side.")] = None,
    tls_key: Annotated[Path | None, typer.Option("--tls-key", help="Of --on: the key of that certificate.")] = None,
    scores: Annotated[bool, typer.Option("--scores", help="Write every class's score too.")] = False,
    json: JsonOption = False,
) -> None:
    """Score digits with one release: answers in shards, each written once, and MANIFEST.json when all are there. Run it
    again to go on where it stopped."""
    os.environ.update(ONE_THREAD)  # before numpy is imported, here and in the workers
    from app.cli.score_progress import showing_progress
    from app.scoring.dask_cluster import Tls
    from app.scoring.outputs.formats import format_named
    from app.scoring.plan import plan
    from app.scoring.run import run as run_plan

    index, of = _part(part)
    format_named(format)  # refused before anything is read
    handed = _handed_model(model)
    sources = _sources(source, labels, since, until)
    planned = plan(
        sources,
        handed,
        format=format.value,
        with_scores=scores,
        named=source if source == STORE else str(Path(source).resolve()),
        fingerprints=_verified(sources) if verify_inputs else None,
    )
    shards = planned.part(index, of)
    rows = sum(shard.piece.rows for shard in shards)
    with _executor(jobs, on, Tls(tls_ca, tls_cert, tls_key)) as execute, showing_progress(rows) as progress:
        outcome = run_plan(planned, out, handed, execute, shards=shards, progress=progress)
    if json:
        print_json(_as_object(outcome, out))
    else:
        _tell(outcome, out)


@score.command("diff")
def diff(
    first: Annotated[Path, typer.Argument(metavar="DIR", help="Answers of one release.")],
    second: Annotated[Path, typer.Argument(metavar="DIR", help="Answers of another, to the same input.")],
    json: JsonOption = False,
) -> None:
    """Compare two folders of answers to the same input: agreement, disagreements and, where it is labelled, which one
    reads better; writes report.html into the second."""
    from app.report.scored_page import render_diff
    from app.scoring.diff import diff as compare
    from app.scoring.outputs.draft import put

    found = compare(first, second, lambda named: _sources(named, None, None, None))
    page = second / "report.html"
    with system_refusals(page):
        put(page, render_diff(found).encode())
    if json:
        print_json(found)
        return
    typer.echo(page)
    say(f"{found.sentence}.")
    say(found.remark)


def _sources(source: str, labels: Path | None, since: datetime | None, until: datetime | None) -> Sequence[Source]:
    from app.scoring.inputs.table import open_inputs

    if source != STORE:
        if since is not None or until is not None:
            raise typer.BadParameter(f"--since and --until are of {STORE}", param_hint="INPUT")
        return open_inputs(Path(source), labels=labels, say=say)
    from app.scoring.inputs.stored import open_stored

    if labels is not None:
        raise typer.BadParameter(f"{STORE} has labels of its own", param_hint="--labels")
    settings = read_settings()
    return [open_stored(settings.database_url, root=settings.root, since=_utc(since), until=_utc(until))]


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=UTC)


def _verified(sources: Sequence[Source]) -> Sequence[Fingerprint]:
    """Fingerprints with the digest of all bytes."""
    from app.scoring.fingerprint import sha256_of, with_digest

    if not all(source.files for source in sources):
        raise typer.BadParameter(f"{STORE} is no file", param_hint="--verify-inputs")
    return [with_digest(source.fingerprint, sha256_of(source.files)) for source in sources]


def _part(part: str | None) -> tuple[int, int]:
    if part is None:
        return 0, 1
    form = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", part)
    if form is None or int(form[1]) >= int(form[2]):
        raise typer.BadParameter("I/N, with I from 0 to N - 1, such as 0/8", param_hint="--part")
    return int(form[1]), int(form[2])


def _executor(jobs: int | None, on: str | None, tls: Tls) -> AbstractContextManager[Run]:
    from app.scoring.executors import in_processes, in_this_process

    if on is not None:
        from app.scoring.dask_cluster import on_cluster

        if jobs is not None:
            raise typer.BadParameter("the workers of --on are as many as were started", param_hint="--jobs")
        return on_cluster(on, tls)
    jobs = jobs or len(os.sched_getaffinity(0))
    return nullcontext(in_this_process if jobs == 1 else in_processes(jobs))


def _handed_model(version: str | None) -> Any:
    """The release, opened with every check but that of the roster, as workers are handed it."""
    from app.cli.score_model import handed_model

    return handed_model(read_settings(), version, say)


def _as_object(outcome: Outcome, out: Path) -> dict[str, Any]:
    return {"out": str(out), **outcome._asdict()}


def _tell(outcome: Outcome, out: Path) -> None:
    kept = outcome.shards - outcome.scored
    was_done = f" {kept:,} were done." if kept else ""
    say(f"{outcome.rows:,} digits scored, in {outcome.scored:,} of {outcome.shards:,} shards.{was_done}")
    if outcome.manifest is None:
        say(f"{outcome.missing:,} shards of other parts are missing; whoever finishes last writes {out}/MANIFEST.json.")
        return
    typer.echo(out / "MANIFEST.json")
    for line in _summary(outcome.manifest):
        say(line)


def _summary(manifest: Manifest) -> list[str]:
    lines = [f"{manifest.rows:,} answers by {manifest.model_version}, {manifest.unread:,} of them without a digit."]
    if manifest.accuracy is not None:
        right, (low, high) = manifest.accuracy, manifest.accuracy.interval
        lines.append(
            f"{right.correct:,} of {right.n:,} labelled digits right: {right.value:.2%} ({low:.2%} to {high:.2%})"
        )
    return lines
