"""The address of the redis that limits are shared by."""

from __future__ import annotations

import pytest

from app.environment.limits_url import wrong_limits_url


@pytest.mark.parametrize("text", ["redis://:6379", "redis://:p@h:no/0", "redis://:p@h:0", "redis://h/0?db=1", "h:1"])
def test_an_address_of_a_redis_that_cannot_be_is_refused_without_its_text(text: str):
    (found,) = wrong_limits_url(text)
    assert found.startswith("LIMITS_URL is no address") and text not in found


@pytest.mark.parametrize("text", ["", "redis://h", "rediss://:p%40@h/1", "redis://user:p@[::1]:6379/0"])
def test_an_address_that_can_be_is_taken(text: str):
    assert wrong_limits_url(text) == []
