"""The worked example of CONTRIBUTING.md, "Adding a source": a bucket on a server of our own that speaks S3."""

from __future__ import annotations

import http.server
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from app.errors import Unreachable
from app.release.refusals import BadRelease, ChangedFile
from app.release.sources.address import SCHEMES
from app.release.sources.table import SOURCES
from tests.release.bucket import Bucket, parse_bucket
from tests.release.conftest import House
from tests.release.remote import PKL
from tests.release.sources.test_source import MANIFEST, WHOLE

ROOT = Path(__file__).resolve().parents[3]


class Storage(http.server.BaseHTTPRequestHandler):
    """Objects by their keys below /bucket/, and their listing."""

    objects: dict[str, bytes]

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if "prefix" in (query := parse_qs(parts.query)):
            found = [(key, data) for key, data in self.objects.items() if key.startswith(query["prefix"][0])]
            rows = "".join(f"<Contents><Key>{key}</Key><Size>{len(data)}</Size></Contents>" for key, data in found)
            name = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
            self._answer(f"<ListBucketResult {name}><Name>bucket</Name>{rows}</ListBucketResult>".encode())
        else:
            self._answer(self.objects.get(parts.path.removeprefix("/bucket/")))

    def _answer(self, body: bytes | None) -> None:
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *arguments: object) -> None: ...


@pytest.fixture
def objects() -> dict[str, bytes]:
    return {f"digits/v1.0/{name}": data for name, data in WHOLE.items()}


@pytest.fixture
def address(objects: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of the bucket, whose source the tables know."""
    monkeypatch.setitem(SCHEMES, "s3+http", parse_bucket)
    monkeypatch.setitem(SOURCES, "s3", Bucket)
    handler = type("Handler", (Storage,), {"objects": objects})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"s3+http://127.0.0.1:{server.server_port}/bucket/digits"
        server.shutdown()
        thread.join()


def test_a_release_in_a_bucket_is_pulled_and_pinned_by_its_manifest(house: House, address: str) -> None:
    pulled = house.pull(address).release
    assert (pulled.manifest, pulled.commit) == (MANIFEST, None)
    assert {name: house.contents()[f"v1.0/{name}"] for name in WHOLE} == WHOLE


def test_a_changed_byte_in_a_bucket_is_refused(house: House, address: str, objects: dict[str, bytes]) -> None:
    objects[f"digits/v1.0/{PKL}"] = b"artefacT"
    with pytest.raises(ChangedFile, match="by SHA256SUMS"):
        house.pull(address)
    assert not house.contents()


def test_a_version_that_is_not_there_is_refused(house: House, address: str) -> None:
    with pytest.raises(BadRelease, match=r"no v9.0/SHA256SUMS"):
        house.pull(address, "v9.0")


def test_a_bucket_that_does_not_answer_is_unreachable(house: House, address: str) -> None:
    with pytest.raises(Unreachable):
        house.pull(re.sub(r":\d+/", ":1/", address))


def test_contributing_counts_the_lines_that_this_source_needs() -> None:
    counted = re.search(
        r"(\d+) lines of code in one file, and (\d+) of tests", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    )
    assert counted is not None
    lines = [
        sum(bool(line.strip()) for line in (ROOT / name).read_text(encoding="utf-8").splitlines())
        for name in ("tests/release/bucket.py", "tests/release/sources/test_bucket.py")
    ]
    assert [int(one) for one in counted.groups()] == lines
