"""What one process at a time does, of all that share a database."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from app.storage.database import Database
from app.storage.refusals import DatabaseUnavailable
from app.storage.tables import probe
from app.storage.turns import CLEANING, claim, only_one_report


def test_of_many_that_claim_at_once_one_gets_it(database: Database):
    with ThreadPoolExecutor(8) as threads:
        for number in range(CLEANING, CLEANING + 5):
            claims = list(threads.map(lambda _, number=number: claim(database, number, seconds=3600), range(16)))
            assert claims.count(True) == 1
    assert claim(database, CLEANING + 7, seconds=3600), "another number is another claim"


@pytest.mark.parametrize(("ago", "is_free"), [(3500, False), (3700, True), (-10, False), (-3700, True)])
def test_a_claim_holds_for_its_time_and_one_of_the_future_does_not(database: Database, ago: int, is_free: bool):
    assert claim(database, CLEANING, seconds=3600)
    with database.writing() as connection:
        connection.execute(probe.update().values(written_at=datetime.now(UTC) - timedelta(seconds=ago)))
    assert claim(database, CLEANING, seconds=3600) is is_free
    assert not claim(database, CLEANING, seconds=3600)


def test_one_report_is_made_at_a_time(database: Database):
    within, most = [0], [0]

    def make(_: int) -> None:
        with only_one_report(database, seconds=60):
            within[0] += 1
            most[0] = max(most[0], within[0])
            time.sleep(0.02)
            within[0] -= 1

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(make, range(8)))
    assert most == [1]


def test_who_waits_too_long_for_a_report_is_told(database: Database):
    made = threading.Event()

    def make() -> None:
        with only_one_report(database, seconds=1):
            made.wait(30)

    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(make)
        try:
            until = time.monotonic() + 30
            while time.monotonic() < until and not first.done():
                try:
                    with only_one_report(database, seconds=0):
                        continue  # it was not locked yet
                except DatabaseUnavailable as error:
                    assert "another report for 0 s" in str(error) and "Ask again" in str(error)
                    break
            else:
                pytest.fail("two reports at a time")
        finally:
            made.set()
