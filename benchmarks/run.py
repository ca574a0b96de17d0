"""Measures everything and writes it down: `make bench`. Called by `run.sh` with the Python of benchmarks/.venv.

Standard library only, so that this process stays small (see processes.py); the work is done in others.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from cold_start import cold_starts
from machine import describe_machine
from processes import whole_process
from product import PRODUCT, RESULTS, ROOT, VERSIONS, copy_product, environ, pull

HERE = Path(__file__).resolve().parent
SIZES = (1, 50, 1_000, 10_000)
MODEL_PYTHON = ROOT / "pixelwise-model" / ".venv" / "bin" / "python"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a few rounds; docs/ stays as it is")
    quick = parser.parse_args(arguments).quick
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / ("quick.json" if quick else "benchmarks.json")
    file.write_text(json.dumps(measure(quick=quick), indent=1))
    report = [sys.executable, str(HERE / "report.py"), str(file), *([] if quick else ["--docs", str(ROOT / "docs")])]
    os.execv(sys.executable, report)


def measure(*, quick: bool) -> dict[str, Any]:
    """Every figure, as the JSON file holds them: seconds and MiB, nothing summed up but pulls."""
    started, load_before = datetime.now(UTC), os.getloadavg()
    copy_product()
    say("pulling the three releases")
    pulls = {version: median(pull(version, times=1 if quick else 3)) for version in VERSIONS}
    rounds = 3 if quick else 15
    passes = [compare(version, threads=1, rounds=rounds) for version in VERSIONS]
    passes += [compare(version, threads=None, rounds=rounds) for version in VERSIONS]
    passes += [compare(VERSIONS[0], threads=1, rounds=rounds, after_large=True)]
    starts = {}
    for version in VERSIONS:
        say(f"{version}: cold starts")
        processes = cold_starts(version, artefact(version), runs=2 if quick else 11)
        starts[version] = {name: [(one.seconds, one.peak_mib) for one in done] for name, done in processes.items()}
    return {
        "taken": started.isoformat(timespec="seconds"),
        "machine": describe_machine(),
        "load": {"before": load_before, "after": os.getloadavg()},
        "passes": passes,
        "cold_starts": starts,
        "pull_seconds": pulls,
        "training_seconds": None if quick else training("v1.0"),
    }


def compare(version: str, *, threads: int | None, rounds: int, after_large: bool = False) -> dict[str, Any]:
    """One pass: what compare.py says of each size, with the seconds by size."""
    said = {}
    for size in SIZES:
        say(f"{version}: {size:,} images, {f'{threads} thread' if threads else 'threads as the libraries choose'}")
        command = [sys.executable, HERE / "compare.py", f"--images={size}", f"--rounds={rounds}"]
        command += [f"--threads={threads}"] if threads else []
        command += ["--after-large"] if after_large else []
        printed = whole_process(command, environ=environ(version, threads=threads), folder=PRODUCT).printed
        said[size] = json.loads(printed)
    differences = [one["worst_difference"] for one in said.values()]
    seconds = {size: one["seconds"] for size, one in said.items()}
    means = {size: one["means"] for size, one in said.items()}
    return {**said[SIZES[0]], "worst_difference": max(differences), "seconds": seconds, "means": means}


def training(version: str) -> float:
    """Seconds of the model repository's own script, start to end."""
    say(f"{version}: training")
    script = ROOT / "pixelwise-model" / "train.py"
    command = [MODEL_PYTHON, script, f"--version={version}", f"--out={RESULTS / 'trained.pkl'}"]
    return whole_process(command, environ=environ(version), folder=RESULTS).seconds


def artefact(version: str) -> Path:
    record = json.loads((PRODUCT / "models" / version / "record.json").read_text())
    return PRODUCT / "models" / version / record["artefact"]


def say(line: str) -> None:
    print(f"bench: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
