"""The service as an ASGI application in this process: for thousands of requests, and with any client's address."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any
from uuid import UUID

from msgspec import structs
from sqlalchemy import Row, select, text
from starlette.routing import BaseRoute

from app.answering.report_process import ReportProcess, Run
from app.answering.served_version import ServedVersion
from app.drawing.normalise import RECIPE
from app.model.contract import no_digit_below, temperature_for
from app.model.formats import read_model
from app.model.unsure import unsure_below
from app.storage.database import Database
from app.storage.migrate import prepare
from app.storage.tables import results
from app.verify.card import read_card
from app.web.access import Access
from app.web.application import build_application, routes_of
from app.web.build_service import build_service
from app.web.card_page import CardPage
from app.web.rate_limits import RateLimits
from app.web.service import Service
from tests.installation import ROOT, Published
from tests.web.load import Reply

KEY = "a-key-that-is-long-enough-for-tests"
MANY = "1000000000/second"
TURNS = 10
"""More than a request makes tasks of, one within the other, before it waits for a thread."""
Headers = Mapping[str, str]


class Inside:
    """The application, with an SQLite database of its own. Leave the context, and its queues end.

    Args:
        release: the default version.
        others: further versions.
        left_out: what should be served too, and why it is not.
        limits: of "key", "address" and "visit"; nobody meets those that are not given.
        results_public: anyone may read the results.
        report: makes the reports; else `python -m app.report` on the same database does.
        stated: version -> keys of its contract, and what they say instead.
        access: what else `Access` takes.
    """

    def __init__(
        self,
        release: Published,
        folder: Path,
        *others: Published,
        left_out: Mapping[str, str] | None = None,
        limits: Mapping[str, str] | None = None,
        results_public: bool = False,
        report: Run | None = None,
        stated: Mapping[str, Mapping[str, Any]] | None = None,
        **access: Any,
    ) -> None:
        self.database = Database(f"sqlite:///{folder}/answers.db", root=folder)
        prepare(self.database)
        self.access = Access(
            KEY, RateLimits(dict.fromkeys(("key", "address", "visit"), MANY) | (limits or {})), **access
        )
        self.flags_file = folder / "flags.json"
        self._loop = asyncio.new_event_loop()
        opened = [_opened(one, stated or {}) for one in (release, *others)]
        self.service = self._loop.run_until_complete(
            self._make_service(
                opened,
                flags_file=self.flags_file,
                left_out=left_out or {},
                results_public=results_public,
                report=report or ReportProcess(ROOT, environment(self.database, release.record.version)),
            )
        )
        self.application = build_application(self.service)

    @cached_property
    def routes(self) -> list[BaseRoute]:
        return routes_of(self.service)

    async def _make_service(self, opened: Sequence[tuple[ServedVersion, CardPage]], **options: Any) -> Service:
        """On the event loop, where queues are made."""
        return build_service(opened, self.database, self.access, keeps_drawings=True, drawing_days=0, **options)

    def ask(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Headers | None = None,
        *,
        key: str | None = KEY,
        address: str = "192.0.2.7",
    ) -> Reply:
        """The answer to one request of a client at `address`; its Host is the service's own unless `headers` say so."""
        named = {"host": "127.0.0.1"} | ({"x-api-key": key} if key is not None else {}) | dict(headers or {})
        return self._loop.run_until_complete(self._ask(method, path, body, named, address))

    def flag(self, flags: Mapping[str, Any] | str) -> None:
        """Writes the flag file and takes it up; a text is written as it is, and may be no flag file."""
        content = flags if isinstance(flags, str) else json.dumps({"flags": flags})
        draft = self.flags_file.with_name("draft")
        draft.write_text(content)
        draft.replace(self.flags_file)
        self.service.flags.reload()

    def metric(self, name: str, **labels: str) -> float:
        """A number of GET /metrics; 0 where there is none of this name and these labels."""
        shown = ",".join(f'{key}="{value}"' for key, value in sorted(labels.items()))
        series = re.escape(f"{name}{{{shown}}}" if shown else name)
        said = self.ask("GET", "/metrics", key=None).body.decode()
        found = re.search(rf"^{series} (\S+)$", said, re.MULTILINE)
        return float(found[1]) if found else 0.0

    def ask_together(self, requests: Sequence[tuple[str, str, bytes]], headers: Headers | None = None) -> list[Reply]:
        """The answers to requests (method, path, body) that come in the same moment, in order."""
        named = {"host": "127.0.0.1", "x-api-key": KEY} | dict(headers or {})

        async def all_of_them() -> list[Reply]:
            return list(await asyncio.gather(*(self._ask(*one, named, "192.0.2.7") for one in requests)))

        return self._loop.run_until_complete(all_of_them())

    def ask_each(
        self, requests: Sequence[tuple[str, str, bytes, Headers]], *, then: Callable[[], object]
    ) -> list[tuple[int, Reply]]:
        """The answers to requests (method, path, body, headers) without a key, in the order of the answers, each with
        its place among the requests. `then` is called when all have come as far as they can by themselves, which takes
        them a few turns of the loop: one for each task that they make."""
        answers: list[tuple[int, Reply]] = []

        async def one(place: int, method: str, path: str, body: bytes, headers: Headers) -> None:
            named = {"host": "127.0.0.1"} | dict(headers)
            answers.append((place, await self._ask(method, path, body, named, "192.0.2.7")))

        async def all_of_them() -> None:
            tasks = [asyncio.ensure_future(one(place, *asked)) for place, asked in enumerate(requests)]
            for _ in range(TURNS):
                await asyncio.sleep(0)
            then()
            await asyncio.gather(*tasks)

        self._loop.run_until_complete(all_of_them())
        return answers

    async def _ask(self, method: str, path: str, body: bytes, headers: Headers, address: str) -> Reply:
        path, _, query = path.partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()],
            "client": (address, 50000),
            "server": ("127.0.0.1", 8000),
        }
        said: list[Any] = []
        coming = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> dict[str, Any]:
            if not coming:
                await asyncio.Event().wait()  # this client never goes away
            return coming.pop()

        async def send(message: dict[str, Any]) -> None:
            said.append(message)

        await self.application(scope, receive, send)  # type: ignore[arg-type]  # plain dictionaries
        content = b"".join(message.get("body", b"") for message in said[1:])
        return Reply(said[0]["status"], {k.decode(): v.decode() for k, v in said[0]["headers"]}, content)

    def row(self, identifier: str) -> Row[Any]:
        """The stored answer of this id."""
        with self.database.reading() as connection:
            return connection.execute(select(results).where(results.c.id == UUID(identifier))).one()

    def stored(self) -> int:
        """How many answers the database has."""
        with self.database.reading() as connection:
            return int(connection.execute(text("SELECT count(*) FROM results")).scalar_one())

    def __enter__(self) -> Inside:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._loop.run_until_complete(self.service.reports.close())
        for reader in self.service.readers.values():
            self._loop.run_until_complete(reader.queue.close())
        self.service.shadowing.close()
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()


def environment(database: Database, version: str = "v1.0") -> dict[str, str]:
    """For a process that makes reports of this database."""
    return {"PATH": os.environ["PATH"], "DATABASE_URL": f"sqlite:///{database.file}", "MODEL_VERSION": version}


def _opened(release: Published, stated: Mapping[str, Mapping[str, Any]]) -> tuple[ServedVersion, CardPage]:
    """What `app.main` makes of an opened model, its contract changed where that is asked for."""
    scorer, golden = read_model(release.artefact), release.golden
    card = read_card(release.files["MODELCARD.md"])
    assert card.contract is not None
    contract = structs.replace(card.contract, **stated.get(card.contract.version, {}))
    version = ServedVersion(
        name=contract.version,
        sha256=contract.sha256,
        scorer=scorer,
        classes=scorer.classes,
        profile=contract.profile,
        temperature=temperature_for(contract, RECIPE),
        unsure_below=unsure_below(golden, scorer.classes),
        no_digit_below=no_digit_below(contract),
        samples=((golden.images[0].tobytes(), scorer.classes[golden.scores[0].argmax()]),),
    )
    return version, CardPage(
        kind=scorer.kind,
        features=scorer.features,
        stated=scorer.stated,
        provenance=scorer.provenance,
        contract=contract,
        cited_accuracy=card.cited_accuracy,
        prose=card.prose,
        recorded=golden,
        mnist=None,
        weights=scorer.weights,
        first_layer=scorer.first_layer,
    )
