"""Keeps an eye on the database: refuses at once while it is down, notices when it is back, fetches keys, deletes old
drawings."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta

from app.errors import DatabaseUnavailable, PixelWiseError
from app.storage.keys import Keys
from app.storage.results import Store
from app.web.access import Access

KEYS_SECONDS = 5.0
"""A key that was added or removed counts after so long."""
RETRY_SECONDS = 0.5
CLEANING_SECONDS = 3600.0
_log = logging.getLogger("pixelwise.database")


class DatabaseWatch:
    """Whether the database takes writes, as far as is known."""

    def __init__(self, store: Store, keys: Keys, access: Access, *, drawing_days: int) -> None:
        self._store, self._keys, self._access, self._drawing_days = store, keys, access, drawing_days
        self._failure: DatabaseUnavailable | None = None

    @property
    def is_up(self) -> bool:
        return self._failure is None

    def require(self) -> None:
        """Raises DatabaseUnavailable while the database is known to be down."""
        if self._failure is not None:
            raise self._failure.with_traceback(None)

    def failed(self, error: DatabaseUnavailable) -> None:
        """Told by whoever met a failure, on any thread."""
        if self._failure is None:
            _log.error("the database is unavailable: %s", error)
        self._failure = error

    async def run(self) -> None:
        """Until cancelled: tries again while the database is down, fetches keys, deletes drawings that are too old."""
        keys_at = clean_at = 0.0
        loop = asyncio.get_running_loop()
        while True:
            try:
                if self._failure is not None:
                    await asyncio.to_thread(self._store.check)
                    self._failure = None
                    _log.warning("the database is back")
                if loop.time() >= keys_at:
                    self._access.replace_named_keys(await asyncio.to_thread(self._keys.digests))
                    keys_at = loop.time() + KEYS_SECONDS
                if self._drawing_days and loop.time() >= clean_at:
                    clean_at = loop.time() + CLEANING_SECONDS
                    await asyncio.to_thread(self._delete_old_drawings)
            except DatabaseUnavailable as error:
                self.failed(error)
            except PixelWiseError as error:
                _log.error("%s", error)
            await asyncio.sleep(RETRY_SECONDS)

    def _delete_old_drawings(self) -> None:
        deleted = self._store.delete_drawings(datetime.now(UTC) - timedelta(days=self._drawing_days))
        if deleted:
            _log.info("deleted %d drawings older than %d days", deleted, self._drawing_days)
