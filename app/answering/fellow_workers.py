"""The figures of all workers of one service, whichever of them is asked: each sample under a label `worker`.

Every worker answers its fellows on a socket in a private folder that the parent made, and leaves there what it counted,
before it tells anyone: the counts of a worker that was killed are kept, and never less than was shown. A new worker
takes over the counts of the ended ones at its place, so that the counters of a place only rise.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
import time
from collections.abc import Iterable
from contextlib import suppress
from itertools import groupby
from pathlib import Path

import msgspec

from app.answering.metrics import Family, Metrics, Sample, exposition_of

KEEP_SECONDS = 1.0
"""Interval at which figures are left; a worker that is killed loses what it counted in the last one."""
ASK_SECONDS = 1.0
"""Longest wait for a fellow; of one that is silent, the counts that it left are shown."""
TIMES = 3
FIGURES, SOCKET, DRAFT = ".figures", ".socket", ".draft"
SUMMED = ("counter", "histogram")
"""Kinds that are counts: those of ended workers are kept. Others say how a worker is now."""
_log = logging.getLogger("pixelwise.web")


class Figures(msgspec.Struct, frozen=True):
    """The figures of one worker.

    Attributes:
        number: of its place. started: when, in seconds since 1970.
        absorbed: names of ended workers whose counts are in these.
    """

    number: int
    started: float
    absorbed: list[str]
    families: list[Family]


class FellowWorkers:
    """This worker's part in the figures of all.

    Args:
        number: of its place.
        folder: of the parent's, for these figures alone.
    """

    def __init__(self, metrics: Metrics, *, number: int, folder: Path) -> None:
        self._metrics, self._number = metrics, number
        self._name, self._started = f"{number}-{secrets.token_hex(8)}", time.time()
        self._carried: list[Family] = []
        self._absorbed: list[str] = []
        self._kept, self._keeping = -1, asyncio.Lock()
        # subtle: a socket's address has at most 107 bytes, whatever the path of the folder.
        self._folder = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    async def start(self) -> None:
        """Takes over the counts of ended workers at this place, and answers fellows from then on."""
        ended = [name for name in self._names() if name.startswith(f"{self._number}-") and not self._lives(name)]
        for name in ended:
            if (left := self._left(name)) is not None:
                self._carried = _sum([*self._carried, *filter(_is_count, left.families)])
                self._absorbed += [name, *left.absorbed]
        await self._keep()
        for name in self._absorbed:
            for suffix in (FIGURES, SOCKET):
                self._path(name, suffix).unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._answer, str(self._path(self._name, SOCKET)))
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Leaves the last figures."""
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        self._server.close()
        with suppress(FileNotFoundError):  # the parent ended, and cleared the folder
            await self._keep()
            self._path(self._name, SOCKET).unlink()
        os.close(self._folder)

    async def exposition(self) -> bytes:
        """The metrics of all workers, in Prometheus's text format."""
        for _ in range(TIMES):
            others = [name for name in self._names() if name != self._name]
            asked = await asyncio.gather(self._own(), *map(self._ask, others))
            if all(figures is not None for figures, _ in asked):
                break  # otherwise one was taken over meanwhile, by a worker that is there now
        return exposition_of(added_up(dict(zip([self._name, *others], asked, strict=True))))

    async def _own(self) -> tuple[Figures | None, bool]:
        return await self._keep(), True

    async def _ask(self, name: str) -> tuple[Figures | None, bool]:
        """The figures of a fellow, and whether it lives; None if it never left any."""
        try:
            async with asyncio.timeout(ASK_SECONDS):
                reader, writer = await asyncio.open_unix_connection(str(self._path(name, SOCKET)))
                try:
                    return msgspec.json.decode(await reader.read(), type=Figures), True
                finally:
                    writer.close()
        except (OSError, TimeoutError, msgspec.DecodeError):  # it has ended, or ends just now
            return await asyncio.to_thread(self._left, name), False

    async def _answer(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(msgspec.json.encode(await self._keep()))
            await writer.drain()
        except OSError as error:
            _log.warning("the figures of this worker were not told: %s", error)
        finally:
            writer.close()

    async def _run(self) -> None:
        has_failed = False
        while True:
            await asyncio.sleep(KEEP_SECONDS)
            if self._kept != self._metrics.noted:
                try:
                    await self._keep()
                    has_failed = False
                except OSError as error:
                    if not has_failed:
                        _log.warning("the figures of this worker are not kept: %s", error)
                    has_failed = True

    async def _keep(self) -> Figures:
        """The figures of this worker as they are now, left in its file."""
        async with self._keeping:
            self._kept = self._metrics.noted
            families = _sum([*self._metrics.families(), *self._carried])
            figures = Figures(self._number, self._started, self._absorbed, families)
            await asyncio.to_thread(self._write, msgspec.json.encode(figures))
        return figures

    def _write(self, text: bytes) -> None:
        draft = self._path(self._name, DRAFT)
        draft.write_bytes(text)
        draft.replace(self._path(self._name, FIGURES))

    def _left(self, name: str) -> Figures | None:
        """What a worker has left in its file."""
        try:
            return msgspec.json.decode(self._path(name, FIGURES).read_bytes(), type=Figures)
        except FileNotFoundError:
            return None

    def _lives(self, name: str) -> bool:
        with socket.socket(socket.AF_UNIX) as line:
            return line.connect_ex(str(self._path(name, SOCKET))) == 0

    def _names(self) -> list[str]:
        paths = self._path("", "").iterdir()
        return sorted(path.name.removesuffix(FIGURES) for path in paths if path.name.endswith(FIGURES))

    def _path(self, name: str, suffix: str) -> Path:
        return Path(f"/proc/self/fd/{self._folder}/{name}{suffix}")


def added_up(asked: dict[str, tuple[Figures | None, bool]]) -> list[Family]:
    """The metrics of all workers, each sample under its worker's number.

    Args:
        asked: name of a worker -> its figures, and whether it lives. Of one that does not, only counts remain; of two
            living ones at one place, the newer says how it is now.
    """
    absorbed = {name for figures, _ in asked.values() if figures is not None for name in figures.absorbed}
    there = [(figures, lives) for name, (figures, lives) in asked.items() if figures and name not in absorbed]
    there.sort(key=lambda one: (one[0].number, one[0].started))
    families: list[Family] = []
    for number, place in groupby(there, key=lambda one: one[0].number):
        figures = list(place)
        newest = next((one for one, lives in reversed(figures) if lives), None)
        counts = [family for one, _ in figures for family in one.families if _is_count(family)]
        states = [] if newest is None else [family for family in newest.families if not _is_count(family)]
        for family in _sum([*counts, *states]):
            named = [Sample(one.name, {**one.labels, "worker": str(number)}, one.value) for one in family.samples]
            families.append(msgspec.structs.replace(family, samples=named))
    return _sum(families)


def _is_count(family: Family) -> bool:
    return family.kind in SUMMED


def _sum(families: Iterable[Family]) -> list[Family]:
    """Each family once: samples of one name and the same labels are added; of times of creation, the first counts."""
    known: dict[str, Family] = {}
    values: dict[str, dict[tuple[str, tuple[tuple[str, str], ...]], float]] = {}
    for family in families:
        known.setdefault(family.name, family)
        summed = values.setdefault(family.name, {})
        for sample in family.samples:
            key = (sample.name, tuple(sample.labels.items()))
            if key not in summed:
                summed[key] = sample.value
            elif sample.name.endswith("_created"):
                summed[key] = min(summed[key], sample.value)
            else:
                summed[key] += sample.value
    return [
        msgspec.structs.replace(
            family, samples=[Sample(sample, dict(labels), value) for (sample, labels), value in values[name].items()]
        )
        for name, family in known.items()
    ]
