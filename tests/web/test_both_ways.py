"""`uvicorn app.main:app` answers as `pixelwise serve` does: to the same requests, with the same rows."""

from __future__ import annotations

import json
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.installation import Published
from tests.service import KEY, Service, as_json, services
from tests.web.load import Reply, get, post, until
from tests.web.served import read_to_the_end, replies_in

OWN_HEADERS = ("x-request-id", "date", "set-cookie")
"""Of one answer alone: its id, its time, its visit."""
OWN_COLUMNS = ("id", "created_at", "latency_ms", "waited_ms", "computed_ms")
OWN_FIELDS = re.compile(rb'"(?:id|created_at|started_at)": ?"[^"]+"|\d+\.\d+(?= ?ms)')
LAST = {"connection": "close"}


class Way:
    """One of the two: where it answers, and where it stores."""

    def __init__(self, port: int, root: Path) -> None:
        self.port, self._database = port, root / "data/pixelwise.db"

    def ask(self, request: bytes) -> Reply:
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as connection:
            connection.sendall(request)
            said = read_to_the_end(connection)
        if request.startswith(b"HEAD"):
            said = said.replace(b"content-length", b"length", 1)  # of a body that does not come
        (reply,) = replies_in(said)
        return reply

    def rows(self, table: str) -> list[dict[str, Any]]:
        """All rows in their order, without what is of one answer alone."""
        with sqlite3.connect(self._database) as database:
            database.row_factory = sqlite3.Row
            rows = database.execute(f"SELECT * FROM {table} ORDER BY rowid").fetchall()
        return [{key: row[key] for key in row.keys() if key not in OWN_COLUMNS} for row in rows]  # noqa: SIM118


@pytest.fixture(scope="module")
def ways(compiled: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Way, Way]]:
    folder = tmp_path_factory.mktemp("ways")
    with services(compiled, folder) as start:
        service = start()
        shutil.copytree(compiled, folder / "plain", symlinks=True)
        with uvicorn_alone(service, folder / "plain") as plain:
            yield Way(urlsplit(service.url).port or 0, service.root), plain


@contextmanager
def uvicorn_alone(service: Service, root: Path) -> Iterator[Way]:
    """The application under uvicorn, with the environment of a service."""
    log = root / "log"
    command = [sys.executable, "-m", "uvicorn", "app.main:app", "--port", "0", "--no-server-header"]
    environ = {**service.environ, "PYTHONPATH": str(root), "HOME": str(root)}
    with log.open("wb") as file:
        process = subprocess.Popen(command, cwd=root, env=environ, stdout=file, stderr=file)

    def port() -> re.Match[str] | None:
        assert process.poll() is None, log.read_text()
        return re.search(r"running on http://127\.0\.0\.1:(\d+)", log.read_text())

    try:
        until(port, "the start of uvicorn")
        yield Way(int(port()[1]), root)  # type: ignore[index]  # it has started
    finally:
        process.terminate()
        process.wait(60)


def sent(body: Any, path: str = "/classify", **headers: str) -> bytes:
    """A POST of JSON, after the answer to which the connection closes."""
    return post(json.dumps(body).encode(), path, **{"content-type": "application/json", **LAST, **headers})


STROKES = {"strokes": [[[100, 40], [140, 40], [140, 240]]], "pen_width": 16, "canvas": [280, 280]}
BLANK = {"pixels": [[0] * 28] * 28}
REQUESTS = {
    "strokes": sent(STROKES, "/drawings"),
    "a preview": sent(STROKES, "/api/drawings/preview"),
    "a drawing without ink": sent(BLANK),
    "a batch with a bad one": sent({"drawings": [BLANK, {"pixels": 1}, BLANK]}, "/classify/batch"),
    "bytes": post(bytes(2 * 784), "/classify/batch", **{"content-type": "application/octet-stream"}, **LAST),
    "grey values": post(
        bytes(range(256)) * 4, "/drawings?width=32&height=32", **{"content-type": "application/octet-stream"}, **LAST
    ),
    "a bad pixel": sent({"pixels": [[0.5] * 28] * 28}),
    "no JSON": post(b"no JSON", **LAST),
    "nothing": post(b"", **LAST),
    "a wrong key": sent(BLANK, **{"x-api-key": "wrong"}),
    "white space around the key": sent(BLANK, **{"x-api-key": f" {KEY}\t"}),
    "a foreign host": sent(BLANK, host="evil.example"),
    "text": sent(BLANK, **{"content-type": "text/plain"}),
    "a compressed body": sent(BLANK, **{"content-encoding": "gzip"}),
    # Only its head: plain uvicorn closes on bytes that it has not read, and a reset may overtake its answer.
    "a body that is too large": post(b" " * (70 << 10), **LAST).rstrip(b" "),
    "a version": sent(BLANK, "/classify?model=v1.0"),
    "a version that is not served": sent(BLANK, "/classify?model=v9.9"),
    "a visitor": sent(STROKES, "/drawings", **{"x-visitor": "somebody"}),
    "a request id": sent(BLANK, **{"x-request-id": "mine-1"}),
    "an upgrade with a body": sent(BLANK, connection="Upgrade", upgrade="h2c"),
    "a label for nothing": sent({"label": "7"}, "/results/01a208f5-0000-7000-8000-000000000000/label"),
    "the protocol": sent(
        {"inputs": [{"name": "images", "shape": [1, 28, 28], "datatype": "UINT8", "data": [0] * 784}]},
        "/v2/models/digits/infer",
    ),
    "chunks": post(b"", **{"transfer-encoding": "chunked"}, **LAST).replace(b"content-length: 0\r\n", b"")
    + b"4\r\n{}  \r\n0\r\nx-trailing: y\r\n\r\n",
    **{
        f"GET {path}": get(path, **{"x-api-key": KEY}, **LAST)
        for path in (
            *("/", "/page/page.js", "/page/nothing.js", "/nowhere", "/classify", "/health", "/api/health", "/ready"),
            *("/results?limit=3", "/results?limit=x", "/model?version=v1.0", "/docs", "/openapi.json", "/visit"),
            *("/v2", "/v2/models/digits", "/v2/models/letters", "/analytics/style.css"),
        )
    },
    "no key for results": get("/results", **LAST, **{"x-forwarded-for": "192.0.2.1"}),
    "HEAD": get("/", **LAST).replace(b"GET", b"HEAD", 1),
    "OPTIONS": get("/classify", **LAST).replace(b"GET", b"OPTIONS", 1),
    "a range": get("/", range="bytes=abc", **LAST),
    "a cached page": get("/page/page.js", **{"if-none-match": "*"}, **LAST),
}


@pytest.mark.parametrize("request_bytes", REQUESTS.values(), ids=REQUESTS.keys())
def test_both_ways_give_the_same_answer(ways: tuple[Way, Way], request_bytes: bytes):
    served, plain = (way.ask(request_bytes) for way in ways)
    assert served.status == plain.status
    named = [{name: value for name, value in one.headers.items() if name not in OWN_HEADERS} for one in (served, plain)]
    assert named[0] == named[1]
    assert set(served.headers) == set(plain.headers)
    assert OWN_FIELDS.sub(b"", served.body) == OWN_FIELDS.sub(b"", plain.body)


def test_both_ways_store_the_same_rows(ways: tuple[Way, Way], published: Published):
    images = published("v1.0").golden.images  # type: ignore[operator]  # a function
    before = [len(way.rows("results")) for way in ways]
    for image in images[:10]:
        for way in ways:
            assert way.ask(sent(as_json(image))).status == 200
    served, plain = (way.rows("results") for way in ways)
    assert [len(served), len(plain)] == [count + 10 for count in before]
    assert served == plain
