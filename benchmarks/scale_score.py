"""Scoring archives: what it costs beside its parts, with more processes, on Dask, and what a restart costs.

`.venv/bin/python benchmarks/scale_score.py --rows 1000000` prints ratios of processor time, all taken in one run, on
distinct rows: MNIST's digits moved, with noise. `--dask-rows 4000000`, `--memory-rows 10000000` take the large ones,
which need 800 MB of disk for each million. Libraries' own threads are off.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

for library in ("OPENBLAS", "OMP", "MKL"):  # before numpy is imported
    os.environ[f"{library}_NUM_THREADS"] = "1"
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import msgspec  # noqa: E402
import numpy as np  # noqa: E402
import pyarrow as pa  # noqa: E402
from pyarrow import parquet  # noqa: E402

from app.cli.score_model import handed_model  # noqa: E402
from app.scoring.answers import answer  # noqa: E402
from app.scoring.batch import Batch  # noqa: E402
from app.scoring.executors import in_processes, in_this_process  # noqa: E402
from app.scoring.inputs.table import open_inputs  # noqa: E402
from app.scoring.outputs.parquet_shard import read_footer, write  # noqa: E402
from app.scoring.plan import plan  # noqa: E402
from app.scoring.run import run  # noqa: E402
from app.settings import read_settings  # noqa: E402

GROUP = 50_000
MILLION = 1_000_000


def archive(path: Path, rows: int) -> Path:
    """A Parquet file of distinct rows: MNIST's training digits, moved by up to 2 pixels, with noise in their ink."""
    if path.exists():
        return path
    raw = (ROOT / "pixelwise-model/data/train-images-idx3-ubyte").read_bytes()
    digits, chosen = np.frombuffer(raw, np.uint8, offset=16).reshape(-1, 28, 28), np.random.default_rng(7)
    schema = pa.schema([("pixels", pa.binary(784))])
    with parquet.ParquetWriter(path, schema) as file:
        for start in range(0, rows, GROUP):
            count = min(GROUP, rows - start)
            moved = np.roll(digits[chosen.integers(0, len(digits), count)], chosen.integers(-2, 3, 2), (1, 2))
            noisy = np.where(moved > 0, moved ^ chosen.integers(0, 32, moved.shape, np.uint8), 0).astype(np.uint8)
            column = pa.FixedSizeBinaryArray.from_buffers(pa.binary(784), count, [None, pa.py_buffer(noisy.tobytes())])
            file.write_table(pa.table({"pixels": column}, schema=schema))
    return path


def costs(task: Callable[[], Any]) -> float:
    """The processor time of a task, children that have ended counted, in seconds."""
    begin = _spent()
    task()
    return _spent() - begin


def _spent() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def in_a_child(*arguments: object) -> tuple[float, float]:
    """Processor time, with all processes that it starts, and peak memory of the largest, of this script as a child."""
    done = subprocess.run([sys.executable, __file__, "--child", *map(str, arguments)], check=True, capture_output=True)
    seconds, megabytes = map(float, done.stdout.split()[-2:])
    return seconds, megabytes


def child(how: str, source: Path, out: Path) -> None:
    """Scores, and prints its processor time and the peak memory of its largest process."""
    model = handed_model(read_settings(), None, lambda line: None)
    planned = plan(open_inputs(source), model)
    if how == "dask":
        seconds = _on_dask(planned, out, model)
    else:
        execute = in_this_process if how == "1" else in_processes(int(how))
        begin, beside = _spent(), _Workers()
        run(planned, out, model, execute, progress=lambda rows, is_new: beside.look())
        seconds = _spent() - begin + beside.seconds
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(seconds, max(peak / 1024, beside.megabytes if how not in ("dask", "1") else 0))


class _Workers:
    """Processor time and memory of processes below this one, looked at while they live: a fork server reaps its own."""

    def __init__(self) -> None:
        self.ticks: dict[int, int] = {}
        self.megabytes = 0.0

    def look(self) -> None:
        for pid in _below(os.getpid()):
            try:
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                status = Path(f"/proc/{pid}/status").read_text()
            except OSError:
                continue
            self.ticks[pid] = int(fields[11]) + int(fields[12])
            peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
            self.megabytes = max(self.megabytes, peak / 1024)

    @property
    def seconds(self) -> float:
        return sum(self.ticks.values()) / os.sysconf("SC_CLK_TCK")


def _below(pid: int) -> Iterator[int]:
    try:
        children = " ".join(file.read_text() for file in Path(f"/proc/{pid}/task").glob("*/children")).split()
    except OSError:
        return
    for one in map(int, children):
        yield one
        yield from _below(one)


def _on_dask(planned: Any, out: Path, model: Any) -> float:
    from distributed import LocalCluster

    from app.scoring.dask_cluster import Tls, on_cluster

    beside = _Workers()
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        begin = _spent()
        beside.look()
        before = beside.seconds
        with on_cluster(cluster.scheduler_address, Tls()) as execute:
            run(planned, out, model, execute)
        beside.look()
        return _spent() - begin + beside.seconds - before


def parts(source: Path, out: Path) -> dict[str, float]:
    """Reading, engine, findings and writing, each by itself, and all of it in one process; seconds."""
    model = handed_model(read_settings(), None, lambda line: None)
    planned, scorer = plan(open_inputs(source), model), model.scorer()
    batches: list[Batch] = []
    found = {
        "reading": costs(lambda: [batch for one in planned.shards for batch in one.source.read(one.piece)].clear())
    }
    for shard in planned.shards[:1]:
        batches += shard.source.read(shard.piece)
    held = sum(len(batch.pixels) for batch in batches)
    times = planned.record.rows / held
    found["engine"] = times * costs(lambda: [scorer.scores(batch.pixels) for batch in batches])
    rows = answer(batches, model)
    found["answers"] = times * costs(lambda: answer(batches, model))
    footer = _a_footer(planned, out, model)
    found["writing"] = len(planned.shards) * costs(lambda: write(out / "apart", rows, footer))
    found["whole"] = costs(lambda: run(planned, out / "whole", model, in_this_process))
    found["restart"] = min(costs_fine(lambda: run(planned, out / "whole", model, in_this_process)) for _ in range(5))
    found["loop"] = costs(lambda: _loop(planned, out))
    found["rows"] = planned.record.rows
    found["shards"] = len(planned.shards)
    return found


def costs_fine(task: Callable[[], Any]) -> float:
    """The processor time of a task in this process alone, in seconds, finer than what is known of children."""
    begin = time.process_time()
    task()
    return time.process_time() - begin


def _a_footer(planned: Any, out: Path, model: Any) -> Any:
    run(planned._replace(shards=planned.shards[:1]), out / "one", model, in_this_process)
    return read_footer(out / "one" / planned.shards[0].name)


def _loop(planned: Any, out: Path) -> None:
    """What one would write with `classify_batch`: batches of 1,000, the same reader, columns made of dictionaries."""
    from app.classifier import classify_batch

    for shard in planned.shards:
        answers: list[Any] = []
        for batch in shard.source.read(shard.piece):
            for start in range(0, len(batch.pixels), 1000):
                answers += classify_batch(batch.pixels[start : start + 1000])
        columns = {name: [one[name] for one in answers] for name in ("prediction", "confidence")}
        parquet.write_table(pa.table(columns), out / f"loop-{shard.name}.parquet", compression="snappy")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=MILLION)
    options.add_argument("--dask-rows", type=int, default=0, help="0: leave Dask out")
    options.add_argument("--memory-rows", type=int, default=0, help="0: leave memory out")
    options.add_argument("--folder", type=Path, help="where archives are kept; without it, made and removed")
    options.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.child:
        child(chosen.child[0], Path(chosen.child[1]), Path(chosen.child[2]))
        return
    with tempfile.TemporaryDirectory(dir=chosen.folder) as kept:
        folder = Path(kept)
        print(msgspec.json.format(msgspec.json.encode(measured(chosen, folder))).decode())


def measured(chosen: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """All figures; microseconds are of processor time for each image."""
    source = archive(folder / "archive.parquet", chosen.rows)
    found = parts(source, folder)
    alone = found["reading"] + found["engine"] + found["writing"]
    all_parts = found["reading"] + found["answers"] + found["writing"]
    one, two = (in_a_child(jobs, source, folder / f"jobs-{jobs}")[0] for jobs in (1, 2))
    names = ("reading", "engine", "answers", "writing", "whole", "loop")
    said: dict[str, Any] = {
        "OPENBLAS_CORETYPE": os.environ.get("OPENBLAS_CORETYPE", "not set"),
        "load average": os.getloadavg()[0],
        "rows": found["rows"],
        "digest of the script": hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12],
        "microseconds per image": {name: round(found[name] / found["rows"] * 1e6, 3) for name in names},
        "one process, times reading + engine + writing": round(found["whole"] / alone, 3),
        "one process, times reading + answers with findings + writing": round(found["whole"] / all_parts, 3),
        "two processes, times one, per image": round(two / one, 3),
        "a loop over classify_batch (no findings), times one process": round(found["loop"] / found["whole"], 3),
        "restart, milliseconds": round(1000 * found["restart"], 2),
        "restart, shards": found["shards"],
    }
    if chosen.dask_rows:
        large = archive(folder / "dask.parquet", chosen.dask_rows)
        pool, dask = (in_a_child(how, large, folder / f"large-{how}")[0] for how in ("2", "dask"))
        said["Dask, times two processes, per image"] = round(dask / pool, 3)
    if chosen.memory_rows:
        large = archive(folder / "memory.parquet", chosen.memory_rows)
        small, peak = (in_a_child("1", path, folder / f"memory-{path.stem}")[1] for path in (source, large))
        said["peak memory, MiB"] = [round(small), round(peak)]
        said[f"peak memory at {chosen.memory_rows:,}, times that at {chosen.rows:,}"] = round(peak / small, 3)
    return said


if __name__ == "__main__":
    main()
