"""Who scores shards: this process, a pool of processes, or whatever hands out `concurrent.futures`."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait as wait_for
from pathlib import Path

from app.scoring.footer import Footer
from app.scoring.handed_model import HandedModel
from app.scoring.refusals import ShardLost
from app.scoring.shard import Shard, score_shard

TRIES = 5
"""Dead workers during which a shard may be on its way, before it is held to be the cause."""
AHEAD = 2
"""Shards on their way for each worker, so that none waits for the next."""
PRELOADED = ("__main__", "app.scoring.shard", "app.model.formats")
"""Imported once, in the process that workers are forked from."""

Run = Callable[[Sequence[Shard], Path, HandedModel], Iterator[Footer]]
"""Scores shards, and gives their footers as they come."""


def in_this_process(shards: Sequence[Shard], out: Path, model: HandedModel) -> Iterator[Footer]:
    """One shard after the other."""
    for shard in shards:
        yield score_shard(shard, out, model)


def in_processes(jobs: int) -> Run:
    """A pool of `jobs` processes; it is made anew when one dies, and what was on its way is repeated."""

    def run(shards: Sequence[Shard], out: Path, model: HandedModel) -> Iterator[Footer]:
        yield from in_futures(shards, out, model, lambda: _pool(jobs), width=AHEAD * jobs)

    return run


def in_futures(
    shards: Sequence[Shard], out: Path, model: HandedModel, open_executor: Callable[[], Executor], *, width: int
) -> Iterator[Footer]:
    """Shards by an executor, at most `width` on their way.

    Args:
        open_executor: makes one, and another when that is broken.

    Raises:
        ShardLost: workers died while a shard was on its way, TRIES times.
    """
    waiting = deque(shards)
    lost: Counter[str] = Counter()
    while waiting:
        on_its_way: dict[Future[Footer], Shard] = {}
        executor = open_executor()
        try:
            while waiting or on_its_way:
                while waiting and len(on_its_way) < width:
                    shard = waiting.popleft()
                    on_its_way[_submit(executor, shard, out, model)] = shard
                yield from _finished(on_its_way)
        except BrokenProcessPool:
            again = list(on_its_way.values())
            waiting.extendleft(reversed(again))
            lost.update(shard.name for shard in again)
            _check_lost(lost)
        finally:
            executor.shutdown(wait=False, cancel_futures=True)


def _submit(executor: Executor, shard: Shard, out: Path, model: HandedModel) -> Future[Footer]:
    try:
        return executor.submit(score_shard, shard, out, model)
    except BrokenProcessPool as broken:  # it broke since the last answer: as if it had broken on the way
        failed: Future[Footer] = Future()
        failed.set_exception(broken)
        return failed


def _finished(on_its_way: dict[Future[Footer], Shard]) -> Iterator[Footer]:
    """The footers of those that have come; at least one is waited for."""
    for future in wait(on_its_way, return_when=FIRST_COMPLETED).done:
        footer = future.result()
        del on_its_way[future]
        yield footer


def _check_lost(lost: Counter[str]) -> None:
    name, times = lost.most_common(1)[0]
    if times >= TRIES:
        raise ShardLost(
            f"shard {name}",
            found=f"its worker died {times} times",
            expected="workers that live",
            remedy="Look at the memory of this machine (`dmesg` names what was killed), or give fewer --jobs; then run "
            "this again: finished shards are kept.",
        )


def _pool(jobs: int) -> ProcessPoolExecutor:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    return ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin)


def _begin() -> None:
    """Lets a worker end with the process that started it, however that ends; Ctrl+C is that one's business."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    wait_for([sentinel])
    os.kill(os.getpid(), signal.SIGKILL)  # at once: nobody waits for its answer
