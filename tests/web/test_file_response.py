"""Files are given whole: no range is read, and none is promised."""

from __future__ import annotations

import pytest

from tests.web.inside import Inside

FILES = ["/", "/page/main.js", "/page/docs.css", "/analytics/style.css"]


@pytest.mark.parametrize("path", FILES)
@pytest.mark.parametrize("asked", ["bytes=abc", "bytes=5-2", "bytes=999999999-", "lines=1-2", "bytes=0-9", ""])
def test_a_range_is_ignored_whether_it_can_be_read_or_not(inside: Inside, path: str, asked: str):
    whole, reply = inside.ask("GET", path), inside.ask("GET", path, headers={"range": asked})
    assert (reply.status, reply.body) == (200, whole.body)
    assert (reply.headers["accept-ranges"], "content-range" in reply.headers) == ("none", False)
