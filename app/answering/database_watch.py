"""Keeps an eye on the database: refuses at once while it is down, notices when it is back, fetches keys, deletes old
drawings."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Hashable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from app.answering.refusals import Overloaded
from app.answering.side_threads import Aside
from app.storage.key_rows import Keys
from app.storage.refusals import DatabaseUnavailable, WrongSchema
from app.storage.result_rows import Store
from app.storage.turns import CLEANING, claim

KEYS_SECONDS = 5.0
"""Interval at which keys are fetched: one that was added or removed takes effect within it."""
RETRY_SECONDS = 0.5
ASK_SECONDS = 3.0
"""Longest wait for an answer of the database, except for that of a batch."""
THREADS = 4
PLACES = 256
"""Most questions to the database that run or wait at a time."""
CLEANING_SECONDS = 3600.0
"""Interval at which old drawings are deleted, by one of all processes that share the database."""
_log = logging.getLogger("pixelwise.database")
Answered = TypeVar("Answered")


class DatabaseWatch:
    """Watches whether the database takes writes."""

    def __init__(
        self, store: Store, keys: Keys, take_digests: Callable[[Mapping[str, bytes]], None], *, drawing_days: int
    ) -> None:
        self._store, self._keys, self._take_digests, self._drawing_days = store, keys, take_digests, drawing_days
        self._failure: DatabaseUnavailable | None = None
        # Threads of its own: a silent database holds up no work that does not need it.
        self._aside = Aside(threads=THREADS, places=PLACES, what="questions to the database")

    @property
    def is_up(self) -> bool:
        return self._failure is None

    def require(self) -> None:
        """Raises DatabaseUnavailable while the database is known to be down."""
        if self._failure is not None:
            raise self._failure.with_traceback(None)

    def failed(self, error: DatabaseUnavailable) -> None:
        """Notes a failure that a caller has met, on any thread."""
        if self._failure is None:
            _log.error("the database is unavailable: %s", error)
        self._failure = error

    async def ask(self, call: Callable[[], Answered], *, of: Hashable = None) -> Answered:
        """Runs `call` on the database within ASK_SECONDS. A failure is noted for all.

        Args:
            of: the caller; None is the service itself.

        Raises:
            Overloaded: too many questions wait, or too many from this caller.
            DatabaseUnavailable: also when the tables are no longer those of this code.
        """
        try:
            try:
                async with asyncio.timeout(ASK_SECONDS):  # not wait_for: before Python 3.12 it may lose a cancellation
                    return await self._aside.run(call, of=of)
            except TimeoutError:
                raise DatabaseUnavailable(self._store.database.name, said=f"no answer in {ASK_SECONDS:g} s") from None
            except WrongSchema as error:
                raise DatabaseUnavailable(self._store.database.name, said=error.found, remedy=error.remedy) from None
        except DatabaseUnavailable as error:
            self.failed(error)
            raise

    async def check(self) -> None:
        """Returns when the database takes a write, and notes the success for all; raises as `ask`."""
        await self.ask(self._store.check)
        if self._failure is not None:
            self._failure = None
            _log.warning("the database is back")

    async def run(self) -> None:
        """Retries while the database is down, fetches keys and deletes drawings that are too old, until cancelled."""
        try:
            await self._run()
        finally:
            self._aside.close()

    def close(self) -> None:
        """Releases the database after `run`, once no question is left. Not to be called on the event loop.

        subtle: the last connection to SQLite's file writes the log into it when closed; otherwise the log stays beside
        the file and holds the last answers.
        """
        self._aside.join()
        self._store.database.close()

    async def _run(self) -> None:
        keys_at = clean_at = 0.0
        loop = asyncio.get_running_loop()
        while True:
            try:
                await self.ask(self._store.database.check_file)
                if self._failure is not None:
                    await self.check()
                if loop.time() >= keys_at:
                    self._take_digests(await self.ask(self._keys.digests))
                    keys_at = loop.time() + KEYS_SECONDS
                if self._drawing_days and loop.time() >= clean_at:
                    clean_at = loop.time() + CLEANING_SECONDS
                    await self._aside.run(self._delete_old_drawings, of=None)
            except DatabaseUnavailable as error:
                self.failed(error)
            except Overloaded as error:
                _log.warning("the watch asks again later: %s", error)
            except Exception:  # noqa: BLE001  # if the watch ended, a noted failure would never be cleared
                _log.exception("the watch met what it does not know, and goes on")
            await asyncio.sleep(RETRY_SECONDS)

    def _delete_old_drawings(self) -> None:
        number, seconds = CLEANING + self._drawing_days, CLEANING_SECONDS * 0.9
        if not claim(self._store.database, number, seconds=seconds):
            return
        deleted = self._store.delete_drawings(datetime.now(UTC) - timedelta(days=self._drawing_days))
        if deleted:
            _log.info("deleted %d drawings older than %d days", deleted, self._drawing_days)
