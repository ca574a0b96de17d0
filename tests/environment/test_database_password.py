from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import make_url

from app.settings import create, overruled, read_settings
from tests.test_settings import problems, with_example, write_env

COURSE_ADDRESS = "postgresql://pixelwise:${DB_PASSWORD}@localhost:5432/pixelwise"


@pytest.mark.parametrize("quote", ["", '"', "'"])
def test_the_database_s_password_may_have_a_line_of_its_own_as_in_the_course(tmp_path: Path, quote: str):
    write_env(tmp_path, f"DB_PASSWORD=a-word\nDATABASE_URL={quote}{COURSE_ADDRESS}{quote}\n")
    settings = read_settings({}, root=tmp_path)
    assert settings.database_url == "postgresql://pixelwise:a-word@localhost:5432/pixelwise"
    assert "a-word" not in repr(settings)


def test_a_password_is_written_as_it_is_and_reaches_the_database_so(tmp_path: Path):
    password = "p@ss/w:rd%40 ?#$é"
    write_env(tmp_path, f"DATABASE_URL={COURSE_ADDRESS}\nDB_PASSWORD='{password}'\n")
    url = make_url(read_settings({}, root=tmp_path).database_url)
    assert (url.password, url.host, url.database) == (password, "localhost", "pixelwise")


def test_the_environment_s_password_beats_that_of_the_file_and_set_up_says_so(tmp_path: Path):
    write_env(tmp_path, f"DATABASE_URL={COURSE_ADDRESS}\nDB_PASSWORD=of-the-file\n")
    environ = {"DB_PASSWORD": "of-the-environment"}
    assert ":of-the-environment@" in read_settings(environ, root=tmp_path).database_url
    for given in (environ, {**environ, "DATABASE_URL": COURSE_ADDRESS}):
        (note,) = overruled(given, root=tmp_path)
        assert note == ".env line 2 says another DB_PASSWORD: that of the environment counts, for this run only"
    assert overruled({**environ, "DATABASE_URL": ""}, root=tmp_path) == [
        ".env line 1 says another DATABASE_URL: that of the environment counts, for this run only"
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            f"DATABASE_URL={COURSE_ADDRESS}",
            "has ${DB_PASSWORD} and DB_PASSWORD is empty, expected a line DB_PASSWORD=…",
        ),
        (f"DB_PASSWORD=\nDATABASE_URL={COURSE_ADDRESS}", "and DB_PASSWORD is empty"),
        ("DB_PASSWORD=hush\nDATABASE_URL=postgresql://me:${DB_PASSWORT}@db/x", "has ${DB_PASSWORT}, expected the text"),
        ("DB_PASSWORD=hush\nDATABASE_URL=postgresql://me:${DB_PASSWORD:-hush}@db/x", "has ${DB_PASSWORD…}, expected"),
        ("DB_PASSWORD=hush\nDATABASE_URL=postgresql://me:$DB_PASSWORD@db/x", "has $DB_PASSWORD, expected the text"),
        ("DATABASE_URL=sqlite:///${HOME}/x.db", "has ${HOME}, expected the text itself: only ${DB_PASSWORD} is put in"),
        ("\nDB_PASSWORD=hush", "DB_PASSWORD in line 2 of .env is not used, expected ${DB_PASSWORD} in DATABASE_URL"),
        ("DB_PASSWORD=hush\nDATABASE_URL=postgresql://me@db/x", "DB_PASSWORD in line 1 of .env is not used"),
        (f"DB_PASSWORD=hush\nDB_PASSWORD=b\nDATABASE_URL={COURSE_ADDRESS}", "DB_PASSWORD in lines 1 and 2 of .env"),
    ],
)
def test_a_password_that_would_not_be_used_is_refused_by_name_and_not_shown(tmp_path: Path, text: str, said: str):
    write_env(tmp_path, f"{text}\n")
    found = problems(tmp_path)
    assert said in found
    assert "hush" not in found


def test_a_db_password_of_another_program_in_the_environment_is_left_alone(tmp_path: Path):
    environ = {"DB_PASSWORD": "of-another-program"}
    assert read_settings(environ, root=tmp_path).database_url == "sqlite:///data/pixelwise.db"
    with_example(tmp_path)
    create(environ, root=tmp_path)
    assert "of-another-program" not in (tmp_path / ".env").read_text()


def test_a_new_env_file_has_the_password_that_the_environment_s_address_asks_for(tmp_path: Path):
    environ = {"DATABASE_URL": COURSE_ADDRESS, "DB_PASSWORD": "a-word"}
    with_example(tmp_path)
    create(environ, root=tmp_path)
    assert read_settings({}, root=tmp_path) == read_settings(environ, root=tmp_path)
    assert overruled(environ, root=tmp_path) == []
