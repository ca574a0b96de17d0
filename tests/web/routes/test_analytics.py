"""GET /analytics: who may read it, what is in it, and the process that makes it."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from app.answering.refusals import NoReport, Stopping
from app.answering.report_process import ReportFormat, ReportProcess, Reports
from app.report.report_data import Report
from app.storage.database import Database
from app.storage.migrate import upgrade
from app.storage.refusals import DatabaseUnavailable
from app.web.application import document
from tests.conftest import long
from tests.installation import ROOT, Published
from tests.report.filled import fill
from tests.service import StartService
from tests.web.inside import KEY, Inside
from tests.web.visits import STROKES, MakeInside, visit

HOSTILE = "<script>alert(1)</script>"
PAGE, FIGURES = ReportFormat("html", drawings=True), ReportFormat("json", drawings=True)
FORWARDED = {"x-forwarded-for": "192.0.2.9"}


@pytest.fixture(scope="module")
def filled(published: Callable[[str], Published], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    """With 400 answers of three versions, one of which has a name that is markup."""
    folder = tmp_path_factory.mktemp("filled")
    database = Database("sqlite:///answers.db", root=folder)
    upgrade(database)
    fill(database, 400)
    with database.writing() as connection:
        for table in ("results", "shadows"):
            connection.exec_driver_sql(
                f"UPDATE {table} SET model_version = 'v2.0{HOSTILE}' WHERE model_version = 'v2.0'"
            )
    database.close()
    with Inside(published("v1.0"), folder, listens_on="127.0.0.1") as inside:
        yield inside


class Told:
    """Makes reports of what it was asked for, and remembers that."""

    def __init__(self) -> None:
        self.asked: list[ReportFormat] = []

    async def __call__(self, kind: ReportFormat) -> bytes:
        self.asked.append(kind)
        return json.dumps(kind).encode()


# -- who may read it ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/analytics?format=json", *long("/analytics", "/api/analytics")])
@pytest.mark.parametrize(
    ("who", "listens_on", "public", "status", "drawings"),
    [
        ("key", "127.0.0.1", False, 200, True),
        ("key", "0.0.0.0", False, 200, True),
        ("visit", "0.0.0.0", False, 200, False),
        ("visit", "0.0.0.0", True, 200, False),
        ("local", "127.0.0.1", False, 200, True),
        ("local visit", "127.0.0.1", False, 200, True),
        ("local", "127.0.0.1", True, 200, True),
        ("local", "0.0.0.0", False, 401, None),
        ("forwarded", "127.0.0.1", False, 401, None),
        ("forwarded", "127.0.0.1", True, 200, False),
        ("stranger", "0.0.0.0", False, 401, None),
        ("stranger", "0.0.0.0", True, 200, False),
        ("wrong key", "127.0.0.1", True, 401, None),
        ("old visit", "0.0.0.0", False, 401, None),
        ("old visit", "0.0.0.0", True, 200, False),
    ],
)
def test_who_may_read_it_and_who_sees_drawings_of_others(
    make: MakeInside, path: str, who: str, listens_on: str, public: bool, status: int, drawings: bool | None
):
    told = Told()
    inside = make(report=told, listens_on=listens_on, results_public=public)
    headers = {"forwarded": FORWARDED, "old visit": {"cookie": "pixelwise_visit=a.b.c"}}.get(who, {})
    if who.endswith("visit") and who != "old visit":
        headers = visit(inside)
    local = who.startswith(("local", "forwarded", "wrong"))
    key = {"key": KEY, "wrong key": "not-a-key-of-this-service"}.get(who)
    reply = inside.ask("GET", path, headers=headers, key=key, address="127.0.0.1" if local else "192.0.2.7")
    assert reply.status == status
    form = "json" if "json" in path else "html"
    assert told.asked == ([] if drawings is None else [ReportFormat(form, drawings)])


def test_what_a_key_s_holder_saw_is_not_what_a_visit_gets_afterwards(make: MakeInside):
    told = Told()
    inside = make(report=told)
    headers = visit(inside)
    first = inside.ask("GET", "/analytics")
    assert inside.ask("GET", "/analytics", headers=headers, key=None).body != first.body
    assert inside.ask("GET", "/analytics").body == first.body
    assert told.asked == [PAGE, ReportFormat("html", drawings=False)]


def test_each_look_counts_against_the_limits(make: MakeInside):
    inside = make(report=Told(), limits={"key": "2/hour"})
    assert [inside.ask("GET", "/analytics").status for _ in range(3)] == [200, 200, 429]


def test_another_format_is_refused_with_what_there_is(make: MakeInside):
    told = Told()
    reply = make(report=told).ask("GET", "/analytics?format=%3Cb%3E")
    assert (reply.status, reply.json["error"]) == (422, "bad-parameter")
    assert "html or json" in reply.json["message"]
    assert told.asked == []


# -- what is in it -----------------------------------------------------------------------------------------------------


def test_the_page_has_a_style_of_its_own_address_and_stays_with_nobody(filled: Inside):
    for prefix in ("", "/api"):
        reply = filled.ask("GET", f"{prefix}/analytics")
        assert (reply.status, reply.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert reply.headers["cache-control"] == "no-store"
        page = reply.body.decode()
        assert '<link rel="stylesheet" href="analytics/style.css">' in page
        assert "<style" not in page and " style=" not in page
        style = filled.ask("GET", f"{prefix}/analytics/style.css", key=None)
        assert (style.status, style.headers["content-type"]) == (200, "text/css; charset=utf-8")
        assert style.body == (ROOT / "app/report/report.css").read_bytes()
        for name in ("colours.css", "reading.css"):
            assert f'<link rel="stylesheet" href="page/{name}">' in page
            assert filled.ask("GET", f"{prefix}/page/{name}", key=None).status == 200


def test_a_name_in_the_database_is_text_on_the_page(filled: Inside):
    page = filled.ask("GET", "/analytics").body.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script" not in page


def test_json_has_the_figures_that_the_schema_names(filled: Inside):
    reply = filled.ask("GET", "/analytics?format=json")
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    report = msgspec.json.decode(reply.body, type=Report)
    assert (report.answers, report.base) == (400, "v1.0")
    assert {version.name for version in report.versions} == {"v1.0", "v1.1", f"v2.0{HOSTILE}"}
    assert set(reply.json) == set(document()["components"]["schemas"]["Report"]["properties"])


def test_drawings_of_others_are_in_it_for_a_key_only(filled: Inside):
    headers = visit(filled)
    assert filled.ask("GET", "/analytics?format=json").json["disputes"]
    seen = filled.ask("GET", "/analytics?format=json", headers=headers, key=None)
    assert (seen.status, seen.json["disputes"]) == (200, None)
    assert b"<img" in filled.ask("GET", "/analytics").body
    page = filled.ask("GET", "/analytics", headers=headers, key=None).body
    assert b"<img" not in page and b"shown to whoever holds a key" in page


def test_it_tells_of_the_service_s_own_answers(inside: Inside):
    before = inside.stored()
    assert inside.ask("POST", "/drawings", STROKES).status == 200
    assert inside.ask("GET", "/analytics?format=json").json["answers"] == before + 1


# -- the process that makes it -----------------------------------------------------------------------------------------


def child(code: str, folder: Path, **options: float) -> ReportProcess:
    """A program in the place of the report's."""
    return ReportProcess(folder, {"PATH": os.environ["PATH"]}, command=[sys.executable, "-c", code], **options)


def test_it_is_run_with_what_is_asked_for_in_the_root_with_low_priority_and_the_settings(tmp_path: Path):
    code = "import json, os, sys, time; time.sleep(0.2)\n"
    code += "print(json.dumps([sys.argv[1:], os.getcwd(), os.nice(0), os.environ['DATABASE_URL'], sys.stdin.read()]))"
    run = ReportProcess(tmp_path, {"DATABASE_URL": "sqlite:///x"}, command=[sys.executable, "-c", code])
    arguments, folder, niceness, address, typed = json.loads(asyncio.run(run(ReportFormat("html", drawings=False))))
    assert arguments == ["--format", "html", "--stylesheet", "analytics/style.css", "--without-drawings"]
    assert (folder, niceness - os.nice(0), address, typed) == (str(tmp_path), 10, "sqlite:///x", "")
    assert json.loads(asyncio.run(run(FIGURES)))[0] == ["--format", "json"]


@pytest.mark.parametrize(
    ("code", "found", "said"),
    [
        ("raise SystemExit('no such table')", "exit code 1", "no such table"),
        ("import time; print('<html>', flush=True); time.sleep(600)", "none after 0.5 s", "it said nothing"),
        ("while True: print('x' * 1000)", "more than 100,000 bytes", "it said nothing"),
        ("import sys\nwhile True: sys.stderr.write('y' * 1000)", "more than 100,000 bytes", "yyyy"),
    ],
)
def test_a_process_that_fails_hangs_or_raves_is_ended_and_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, code: str, found: str, said: str
):
    notes = tmp_path / "pid"
    noted = f"import os, pathlib; pathlib.Path({str(notes)!r}).write_text(str(os.getpid()))\n{code}"
    with pytest.raises(NoReport) as caught:
        asyncio.run(child(noted, tmp_path, seconds=0.5 if "sleep" in code else 20, most_bytes=100_000)(PAGE))
    assert caught.value.found == found
    assert not Path(f"/proc/{notes.read_text()}").exists()
    assert said in caplog.text and len(caplog.text) < 5000


def test_a_program_that_is_not_there_is_refused_too(tmp_path: Path):
    with pytest.raises(NoReport):
        asyncio.run(ReportProcess(tmp_path, {}, command=["/no/such/program"])(PAGE))


def test_what_is_said_beside_a_report_is_logged_and_the_report_good(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    code = "import sys; print('fine', end=''); sys.stderr.write('mind this')"
    assert asyncio.run(child(code, tmp_path)(PAGE)) == b"fine"
    assert "mind this" in caplog.text
    assert [record.levelno for record in caplog.records if record.name == "pixelwise.report"] == [logging.WARNING]


def test_a_failure_is_503_with_the_house_s_words_and_not_kept(make: MakeInside, tmp_path: Path):
    asked: list[ReportFormat] = []

    async def fails_once(kind: ReportFormat) -> bytes:
        asked.append(kind)
        failing = "raise SystemExit('/secret/path is broken')"
        return await child(failing if len(asked) == 1 else "print('now')", tmp_path)(kind)

    inside = make(report=fails_once)
    reply = inside.ask("GET", "/analytics")
    assert (reply.status, reply.json["error"], reply.headers["retry-after"]) == (503, "no-report", "5")
    assert b"secret" not in reply.body
    assert inside.ask("GET", "/analytics").body == b"now\n"


def test_a_database_that_is_gone_is_said_without_a_process(make: MakeInside):
    told = Told()
    inside = make(report=told)
    inside.service.watch.failed(DatabaseUnavailable("x", said="y"))
    reply = inside.ask("GET", "/analytics")
    assert (reply.status, reply.json["error"], told.asked) == (503, "database-unavailable", [])


class Slow:
    """Makes reports when it is let; counts how many are made at once."""

    def __init__(self) -> None:
        self.let, self.asked = asyncio.Event(), list[ReportFormat]()
        self.now = self.most = 0

    async def __call__(self, kind: ReportFormat) -> bytes:
        self.asked.append(kind)
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await self.let.wait()
            return f"{kind} {len(self.asked)}".encode()
        finally:
            self.now -= 1


async def soon() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def test_two_who_ask_meanwhile_share_one_and_two_kinds_take_turns():
    async def try_it() -> None:
        slow = Slow()
        reports = Reports(slow)
        asked = [asyncio.ensure_future(reports.get(kind)) for kind in (PAGE, FIGURES, PAGE, FIGURES, PAGE)]
        await soon()
        assert slow.asked == [PAGE]
        slow.let.set()
        answers = await asyncio.gather(*asked)
        assert (slow.asked, slow.most) == ([PAGE, FIGURES], 1)
        assert len(set(answers)) == 2
        await reports.close()

    asyncio.run(try_it())


def test_it_is_kept_for_some_time_and_then_made_again():
    async def try_it() -> None:
        slow = Slow()
        slow.let.set()
        reports = Reports(slow, keep_seconds=0.2)
        first = await reports.get(PAGE)
        assert await reports.get(PAGE) == first
        await asyncio.sleep(0.3)
        assert await reports.get(PAGE) != first
        assert len(slow.asked) == 2
        await reports.close()

    asyncio.run(try_it())


def test_who_goes_away_leaves_it_to_the_others():
    async def try_it() -> None:
        slow = Slow()
        reports = Reports(slow)
        gone, stays = (asyncio.ensure_future(reports.get(PAGE)) for _ in range(2))
        await soon()
        gone.cancel()
        await soon()
        slow.let.set()
        assert (await stays).startswith(b"ReportFormat") and gone.cancelled()
        await reports.close()

    asyncio.run(try_it())


def test_the_end_of_the_service_ends_the_process_and_says_so(tmp_path: Path):
    notes = tmp_path / "pid"
    code = f"import os, pathlib, time; pathlib.Path({str(notes)!r}).write_text(str(os.getpid())); time.sleep(600)"

    async def try_it() -> None:
        reports = Reports(child(code, tmp_path))
        asked = asyncio.ensure_future(reports.get(PAGE))
        while not notes.exists() or not notes.read_text():
            await asyncio.sleep(0.01)
        await reports.close()
        with pytest.raises(Stopping):
            await asked
        with pytest.raises(Stopping):
            await reports.get(PAGE)

    asyncio.run(try_it())
    assert not Path(f"/proc/{notes.read_text()}").exists()


def test_others_are_answered_while_it_is_made(make: MakeInside, tmp_path: Path):
    code = "import time; time.sleep(1); print('late')"
    done: list[str] = []

    async def slow(kind: ReportFormat) -> bytes:
        report = await child(code, tmp_path)(kind)
        done.append("report")
        return report

    inside = make(report=slow)
    inside.application._log = lambda line: done.append(line.path)
    requests: Sequence[tuple[str, str, bytes]] = [
        ("GET", "/analytics", b""),
        *(("POST", "/drawings", STROKES) for _ in range(3)),
        ("GET", "/results", b""),
    ]
    replies = inside.ask_together(requests)
    assert [reply.status for reply in replies] == [200] * 5
    assert sorted(done[:4]) == ["/drawings", "/drawings", "/drawings", "/results"]
    assert done[4:] == ["report", "/analytics"]


def test_the_real_service_tells_of_the_database_that_it_serves_whatever_env_says_by_now(start_service: StartService):
    service = start_service()
    with service.client() as client:
        assert client.post("/drawings", content=STROKES, headers={"content-type": "application/json"}).is_success
        (service.root / ".env").write_text("DATABASE_URL=sqlite:///data/other.db\nMODEL_VERSION=v2.0\n")
        reply = client.get("/analytics?format=json")
        assert reply.status_code == 200
        assert (reply.json()["answers"], reply.json()["base"]) == (1, "v1.0")
    assert not (service.root / "data/other.db").exists()
