"""Who scores shards: this process, processes of this machine, or whatever hands out `concurrent.futures`.

The processes are not concurrent.futures' pool: its workers share locks, and one that is killed while it holds one lets
the pool wait for ever. These share nothing: each has a pipe of its own, and its death costs its own shard.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.connection import wait as wait_for
from pathlib import Path

from app.errors import PixelWiseError
from app.scoring.footer import Footer
from app.scoring.handed_model import HandedModel
from app.scoring.refusals import ShardLost
from app.scoring.shard import Shard, score_shard

TRIES = 5
"""Workers that may die of a shard before the shard is held to be the cause."""
PRELOADED = ("__main__", "app.scoring.shard", "app.scoring.outputs.parquet_shard")
"""Imported once, in the process that workers are forked from."""

Run = Callable[[Sequence[Shard], Path, HandedModel], Iterator[Footer]]
"""Scores shards, and gives their footers as they come."""


def in_this_process(shards: Sequence[Shard], out: Path, model: HandedModel) -> Iterator[Footer]:
    """One shard after the other."""
    for shard in shards:
        yield score_shard(shard, out, model)


def in_processes(jobs: int) -> Run:
    """`jobs` processes, unless there is one shard only. One that dies is replaced, and its shard repeated, at most
    TRIES times."""

    def run(shards: Sequence[Shard], out: Path, model: HandedModel) -> Iterator[Footer]:
        if len(shards) < 2:
            yield from in_this_process(shards, out, model)
            return
        pool = _Pool(shards, out, model)
        try:
            pool.start(min(jobs, len(shards)))
            yield from pool.footers()
        finally:
            pool.end()

    return run


class _Worker:
    """A process that is given one shard after the other."""

    def __init__(self, out: Path, model: HandedModel) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(list(PRELOADED))
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, out, model), daemon=True)
        self.process.start()
        theirs.close()
        self.shard: Shard | None = None

    def give(self, shard: Shard) -> None:
        self.shard = shard
        with suppress(BrokenPipeError, ConnectionResetError):  # it is dead, which is noticed where answers are taken
            self.pipe.send(shard)

    def answer(self) -> Footer | PixelWiseError | None:
        """Its answer; None if it died."""
        try:
            found: Footer | PixelWiseError = self.pipe.recv()
        except (EOFError, ConnectionResetError):
            return None
        return found

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.process.close()
        self.pipe.close()


def _serve(pipe: Connection, out: Path, model: HandedModel) -> None:
    """Scores what is given, until nobody is there any more to give: so a worker ends with its driver."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is the driver's business
    with suppress(EOFError, ConnectionResetError, BrokenPipeError):
        while True:
            shard = pipe.recv()
            try:
                found: Footer | PixelWiseError = score_shard(shard, out, model)
            except PixelWiseError as refusal:
                found = refusal
            pipe.send(found)


class _Pool:
    """Shards that wait, and workers that score."""

    def __init__(self, shards: Sequence[Shard], out: Path, model: HandedModel) -> None:
        self.waiting = deque(shards)
        self.out, self.model = out, model
        self.workers: list[_Worker] = []
        self.deaths: Counter[str] = Counter()

    def start(self, jobs: int) -> None:
        for _ in range(jobs):
            self.workers.append(_Worker(self.out, self.model))
            self.workers[-1].give(self.waiting.popleft())

    def footers(self) -> Iterator[Footer]:
        while busy := {worker.pipe: worker for worker in self.workers if worker.shard is not None}:
            for pipe in wait_for(list(busy)):
                worker = next(one for one in self.workers if one.pipe is pipe)
                shard, found = worker.shard, worker.answer()
                worker.shard = None
                if shard is not None and found is None:
                    worker = self._replaced(worker, shard)
                if self.waiting:
                    worker.give(self.waiting.popleft())
                if isinstance(found, PixelWiseError):
                    raise found
                if found is not None:
                    yield found

    def _replaced(self, worker: _Worker, shard: Shard) -> _Worker:
        """Another worker in the place of one that died of a shard, which is the next again."""
        self.deaths[shard.name] += 1
        if self.deaths[shard.name] >= TRIES:
            raise ShardLost(
                f"shard {shard.name}",
                found=f"its worker died {TRIES} times",
                expected="a worker that lives",
                remedy="Look at the memory of this machine (`dmesg` names what was killed), or give fewer --jobs; then "
                "run this again: finished shards are kept.",
            )
        self.waiting.appendleft(shard)
        worker.end()
        self.workers.remove(worker)
        self.workers.append(_Worker(self.out, self.model))
        return self.workers[-1]

    def end(self) -> None:
        for worker in self.workers:
            worker.end()


def in_futures(
    shards: Sequence[Shard], out: Path, model: HandedModel, executor: Executor, *, width: int
) -> Iterator[Footer]:
    """Shards by an executor, at most `width` on their way."""
    waiting = deque(shards)
    on_its_way: set[Future[Footer]] = set()
    while waiting or on_its_way:
        while waiting and len(on_its_way) < width:
            on_its_way.add(executor.submit(score_shard, waiting.popleft(), out, model))
        done, on_its_way = wait(on_its_way, return_when=FIRST_COMPLETED)
        for future in done:
            yield future.result()
