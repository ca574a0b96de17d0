"""Reloading: a change counts at the next look, a broken file changes nothing and is complained about once."""

from __future__ import annotations

import logging
import os
import threading

import pytest

from app.flags.evaluator import Flags
from app.flags.file_watcher import WatchedFile
from tests.flags.conftest import PAGE, FlagFile, flag, shares, versions_flag

TO_V2 = versions_flag(default="v2.0")


def version(flags: Flags) -> str:
    return flags.choose(PAGE).version


def test_without_a_file_nothing_is_flagged_and_that_is_no_problem(file: FlagFile):
    flags = file.flags()
    assert (version(flags), flags.problem, flags.reload()) == ("v1.0", None, False)


def test_a_change_counts_from_the_next_look_on(file: FlagFile):
    flags = file.flags()
    file.write(TO_V2)
    assert version(flags) == "v1.0"
    assert flags.reload()
    assert version(flags) == "v2.0"
    assert not flags.reload()
    file.write(versions_flag(default="v1.1"))
    assert flags.reload()
    assert version(flags) == "v1.1"


@pytest.mark.parametrize("broken", ["", "{", '{"flags": {"model-version": {"state": "on"}}}'])
def test_a_broken_file_keeps_the_last_good_flags_and_says_so_once(
    file: FlagFile, broken: str, caplog: pytest.LogCaptureFixture
):
    file.write(TO_V2)
    flags = file.flags()
    caplog.clear()
    file.write_text(broken)
    assert not any(flags.reload() for _ in range(3))
    assert version(flags) == "v2.0"
    assert flags.problem is not None
    assert flags.problem.startswith("flag file flags.json: ") and "; expected flags in flagd" in flags.problem
    (line,) = [record.getMessage() for record in caplog.records]
    assert line == f"{flags.problem} Until then these flags hold, as they were read last: model-version."
    file.write_text(broken + " ")  # another version of it
    flags.reload()
    assert len(caplog.records) == 2


def test_a_file_that_is_broken_at_the_start_is_as_loud_and_nothing_is_flagged(
    file: FlagFile, caplog: pytest.LogCaptureFixture
):
    file.write_text("{")
    flags = file.flags()
    assert version(flags) == "v1.0"
    assert flags.problem is not None
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert caplog.records[0].getMessage().endswith("as they were read last: none.")


def test_a_mended_file_ends_the_problem_also_when_it_says_what_it_said_before(
    file: FlagFile, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO)
    file.write(TO_V2)
    flags = file.flags()
    file.write_text("{")
    flags.reload()
    file.write(TO_V2)
    assert not flags.reload()  # the same flags
    assert (flags.problem, version(flags)) == (None, "v2.0")
    assert caplog.records[-1].getMessage() == "flags.json: these flags hold: model-version"


def test_a_file_that_is_taken_away_takes_its_flags_along(file: FlagFile):
    file.write(TO_V2)
    flags = file.flags()
    file.path.unlink()
    assert flags.reload()
    assert (version(flags), flags.problem) == ("v1.0", None)
    file.write_text("{")
    flags.reload()
    file.path.unlink()
    flags.reload()
    assert flags.problem is None


def test_a_file_that_is_gone_for_a_moment_takes_nothing_along(file: FlagFile):
    """Some editors move the old file away before they write the new one."""
    file.write(TO_V2)
    flags = file.flags()
    away = file.path.rename(file.path.with_name("away"))
    back = threading.Timer(0.01, away.rename, [file.path])
    back.start()
    assert not flags.reload()
    back.join()
    assert version(flags) == "v2.0"


def test_a_file_that_cannot_be_read_keeps_the_last_good_flags_and_says_so_once(
    file: FlagFile, caplog: pytest.LogCaptureFixture
):
    file.write(TO_V2)
    flags = file.flags()
    file.path.rename(file.path.with_name("away"))
    file.path.mkdir()
    assert not any(flags.reload() for _ in range(3))
    assert version(flags) == "v2.0"
    assert flags.problem is not None
    assert len(caplog.records) == 1
    file.path.rmdir()
    file.path.with_name("away").rename(file.path)
    flags.reload()
    assert (flags.problem, version(flags)) == (None, "v2.0")


def test_a_file_that_could_not_be_read_and_is_gone_is_no_problem_any_more(file: FlagFile):
    file.write(TO_V2)
    flags = file.flags()
    file.path.unlink()
    file.path.mkdir()
    flags.reload()
    assert flags.problem is not None
    file.path.rmdir()
    assert flags.reload()
    assert (flags.problem, version(flags)) == (None, "v1.0")


def test_a_file_that_becomes_readable_is_read_though_its_date_stays(file: FlagFile, monkeypatch: pytest.MonkeyPatch):
    file.write(TO_V2)
    file.age()
    watched = WatchedFile(file.path)
    with monkeypatch.context() as patch:

        def denied(*_: object) -> int:
            raise PermissionError(13, "Permission denied")

        patch.setattr("os.open", denied)
        assert watched.news() is None
        assert watched.problem is not None
        assert "flags.json: unreadable (Permission denied)" in watched.problem
    assert watched.news() is not None
    assert watched.problem is None


def test_an_unchanged_file_is_looked_at_and_not_read(file: FlagFile, monkeypatch: pytest.MonkeyPatch):
    file.write(TO_V2)
    file.age()
    watched = WatchedFile(file.path)
    assert watched.news() is not None
    monkeypatch.setattr("app.flags.file_watcher.read_flag_file", lambda path: pytest.fail("it was read"))
    assert watched.news() is None


def test_a_change_that_keeps_size_and_date_is_seen_when_it_follows_at_once(file: FlagFile):
    """The clock of a file system ticks every few milliseconds."""
    file.write(versions_flag(shares(("v2.0", 10), ("v1.0", 90))))
    watched = WatchedFile(file.path)
    assert watched.news() is not None
    before = file.path.stat()
    text = file.path.read_text().replace("10", "20").replace("90", "80")
    with file.path.open("r+") as same:
        same.write(text)
    os.utime(file.path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (before.st_size, before.st_ino) == (file.path.stat().st_size, file.path.stat().st_ino)
    assert watched.news() is not None


def test_a_change_of_other_people_s_flags_is_no_news(file: FlagFile):
    file.write({"theirs": 1, **TO_V2})
    watched = WatchedFile(file.path)
    assert watched.news() is not None
    file.write({"theirs": flag({"a": 1}), **TO_V2})
    assert watched.news() is None
