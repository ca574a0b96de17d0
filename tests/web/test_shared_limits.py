"""Limits over several processes: each one's share, and counts that they share."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from app.errors import ConfigurationError
from app.web import redis_counts
from app.web.rate_limits import RateLimits
from app.web.redis_counts import Counted, RedisCounts
from app.web.refusals import CountsUnavailable, TooMany
from app.web.shared_limits import SharedLimits
from tests.redis_server import PASSWORD, Redis
from tests.redis_server import redis as redis
from tests.web.load import until

ROOT = Path(__file__).resolve().parents[2]


def admitted(limits: RateLimits | SharedLimits, times: int, name: str = "me") -> int:
    """How many of so many requests are admitted."""
    count = 0
    for _ in range(times):
        try:
            limits.count("key", name)
        except TooMany:
            continue
        count += 1
    return count


# -- shares ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("limit", "of"), [(10, 3), (9, 3), (1000, 64), (7, 1)])
def test_the_shares_of_all_workers_add_up_to_the_limit(limit: int, of: int):
    shares = [
        admitted(RateLimits({"key": f"{limit}/day"}, number=number, of=of), 2 * limit) for number in range(1, of + 1)
    ]
    assert sum(shares) == limit
    assert max(shares) - min(shares) <= 1


def test_a_share_is_at_least_one():
    assert [admitted(RateLimits({"key": "1/day"}, number=number, of=3), 5) for number in (1, 2, 3)] == [1, 1, 1]


def test_a_worker_that_refuses_names_its_share():
    limits = RateLimits({"key": "10/day"}, number=1, of=4)
    with pytest.raises(TooMany, match=r"at most 3 of the 10/day at each of 4 processes"):
        for _ in range(4):
            limits.count("key", "me")


# -- counts that are shared, without redis -----------------------------------------------------------------------------


class Shared:
    """Counters in memory, as redis has them; `is_lost`: nobody answers."""

    name = "redis://counts:6379/0"

    def __init__(self) -> None:
        self.counts: Counter[Counted] = Counter()
        self.is_lost = False

    def add(self, amounts: Mapping[Counted, int]) -> dict[Counted, int]:
        if self.is_lost:
            raise CountsUnavailable(self.name, said="ConnectionError")
        self.counts.update(amounts)
        return {counted: self.counts[counted] for counted in amounts}

    def close(self) -> None:
        pass


class Team:
    """Processes that share counts, settled when the test says so, on a clock that stands still."""

    def __init__(self, limit: str, size: int) -> None:
        self.counts, self.now = Shared(), 1_000_000.0
        self.members = [
            SharedLimits({"key": limit}, self.counts, processes=1, clock=lambda: self.now) for _ in range(size)
        ]
        for _ in range(2):  # after the second, the first knows of all
            self.now += 2
            self.settle()

    def settle(self) -> None:
        for member in self.members:
            member.settle()


def test_a_lone_process_admits_its_limit_at_once():
    assert admitted(Team("100/day", 1).members[0], 200) == 100


def test_what_one_process_admitted_is_not_admitted_by_another_after_they_settled():
    team = Team("100/day", 2)
    one, other = team.members
    assert admitted(one, 90) == 90
    team.settle()
    assert admitted(other, 1) == 1
    team.settle()
    rests = []
    for _ in range(5):
        rests.append(admitted(other, 100))
        team.settle()
    assert rests == [5, 2, 1, 1, 0], "half of what is left, each time"


def test_with_less_than_half_left_each_admits_only_its_share_of_the_rest_between_two_settlements():
    team = Team("100/day", 3)
    for member in team.members:
        assert admitted(member, 20) == 20
    team.settle()
    for member in team.members:
        member.count("key", "me")
    team.settle()  # now each knows of 61 to 63
    assert [admitted(member, 100) for member in team.members] == [13, 13, 13]


def test_another_window_and_another_caller_begin_anew():
    team = Team("10/second", 1)
    assert admitted(team.members[0], 20) == 10
    assert admitted(team.members[0], 20, "another") == 10
    team.now += 1
    assert admitted(team.members[0], 20) == 10


def test_without_counts_each_takes_its_share_says_so_once_and_says_when_they_are_back(caplog: pytest.LogCaptureFixture):
    team = Team("90/day", 3)
    assert [member.sharing for member in team.members] == [(True, 3)] * 3
    team.counts.is_lost = True
    with caplog.at_level(logging.WARNING):
        for member in team.members:
            member.count("key", "me")
        team.settle()
        team.settle()
    assert len(caplog.messages) == 3 and "each of 3 processes takes its share" in caplog.text
    assert [admitted(member, 100) for member in team.members] == [29, 29, 29]
    assert not any(member.sharing.holds for member in team.members)
    caplog.clear()
    team.counts.is_lost = False
    with caplog.at_level(logging.WARNING):
        team.settle()
    assert caplog.messages == ["redis://counts:6379/0 is back: limits hold over 3 processes again"] * 3
    for member in team.members:
        admitted(member, 1)
    team.settle()
    assert sum(admitted(member, 100) for member in team.members) == 0, "what was admitted meanwhile counts"


def test_a_request_pays_less_than_a_tenth_of_a_millisecond_even_while_redis_is_silent():
    """Counted in processor time of this thread, which waits for nothing."""

    class Silent(Shared):
        def add(self, amounts: Mapping[Counted, int]) -> dict[Counted, int]:
            time.sleep(0.2)
            return super().add(amounts)

    limits = SharedLimits({"key": "1000000/second"}, Silent(), processes=1)
    limits.start()
    begun = time.thread_time()
    assert admitted(limits, 5_000) > 0
    assert (time.thread_time() - begun) / 5_000 < 1e-4
    limits.close()


# -- with redis --------------------------------------------------------------------------------------------------------

PROCESS = """
import json, sys, time
from app.web.redis_counts import RedisCounts
from app.web.refusals import TooMany
from app.web.shared_limits import SharedLimits
url, limit, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
limits = SharedLimits({"key": limit}, RedisCounts(url, secret=b"one"), processes=1)
limits.start()
sys.stdin.readline()
admitted, end = {}, time.time() + seconds
while time.time() < end:
    for _ in range(4):
        try:
            limits.count("key", "me")
        except TooMany:
            continue
        admitted[int(time.time())] = admitted.get(int(time.time()), 0) + 1
    time.sleep(0.002)
limits.close()
print(json.dumps(admitted))
"""


def test_three_processes_together_keep_a_limit_within_a_twentieth(redis: Redis):
    """Each asks more often than the limit of all."""
    command = [sys.executable, "-c", PROCESS, redis.url, "400/second", "4.2"]
    processes = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    time.sleep(5)  # until each has said twice that it is there
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    together: Counter[int] = Counter()
    for process in processes:
        together.update({int(second): count for second, count in json.loads(process.communicate()[0]).items()})
    whole = [together[second] for second in sorted(together)[1:-1]]  # the first and the last are parts of seconds
    assert len(whole) >= 2
    assert all(380 <= count <= 420 for count in whole), whole


def test_redis_that_is_lost_and_comes_back_is_noticed_and_its_password_is_never_shown(
    redis: Redis,
    caplog: pytest.LogCaptureFixture,
):
    limits = SharedLimits({"key": "1000/day"}, RedisCounts(redis.url, secret=b"one"), processes=2)
    limits.start()
    until(lambda: limits.sharing.holds, "the first settlement")
    redis.stop()
    until(lambda: admitted(limits, 1) and not limits.sharing.holds, "the loss")
    redis.start()
    until(lambda: limits.sharing.holds, "the return")
    limits.close()
    assert "no answer (ConnectionError)" in caplog.text and "is back" in caplog.text
    assert PASSWORD not in caplog.text
    with pytest.raises(CountsUnavailable) as caught:
        RedisCounts(redis.url.replace(PASSWORD, "wrong"), secret=b"one").add({Counted("key", "me", 1, 1): 1})
    assert "wrong" not in str(caught.value) and "AuthenticationError" in str(caught.value)


def test_redis_holds_no_name_of_a_caller_and_services_of_different_keys_do_not_meet(redis: Redis):
    from redis import Redis as Client

    counted = Counted("address", "192.0.2.7", 60, 5)
    one, other = (RedisCounts(redis.url, secret=secret) for secret in (b"one", b"other"))
    assert [one.add({counted: 2}), one.add({counted: 1}), other.add({counted: 1})] == [
        {counted: 2},
        {counted: 3},
        {counted: 1},
    ]
    with Client.from_url(redis.url) as client:
        keys = client.keys("*")
        assert len(keys) == 2 and not any(b"192" in key for key in keys)
        assert all(60 <= client.ttl(key) <= 120 for key in keys)
    one.close()
    other.close()


def test_without_the_library_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch):
    def missing(*_: object, **__: object) -> None:
        raise redis_counts.NoLibrary("'redis' prerequisite not available")

    monkeypatch.setattr(redis_counts, "RedisStorage", missing)
    with pytest.raises(ConfigurationError, match=r"requirements-scale\.txt") as caught:
        RedisCounts(f"redis://:{PASSWORD}@127.0.0.1:1/0", secret=b"one")
    assert caught.value.exit_code == 3 and PASSWORD not in str(caught.value)
