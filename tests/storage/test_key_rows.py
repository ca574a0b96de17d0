"""A key is shown once; what is stored of it opens nothing."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from app.storage.database import Database
from app.storage.key_rows import Keys, digest
from app.storage.refusals import BadName
from app.storage.tables import api_keys


@pytest.fixture
def keys(database: Database) -> Keys:
    return Keys(database)


def test_a_key_has_256_random_bits_and_is_never_the_same(keys: Keys):
    made = [keys.add(f"name{number}") for number in range(5)]
    assert all(len(base64.urlsafe_b64decode(key + "=")) == 32 for key in made)
    assert len(set(made)) == 5


def test_only_the_digest_of_a_key_is_stored(keys: Keys, database: Database):
    key = keys.add("reader")
    with database.reading() as connection:
        (row,) = connection.execute(select(api_keys)).all()
    assert row.sha256 == hashlib.sha256(key.encode()).digest() == digest(key)
    assert key not in str(row)
    assert keys.digests() == {"reader": digest(key)}


def test_the_list_has_names_and_times(keys: Keys):
    started = datetime.now(UTC)
    keys.add("b")
    keys.add("a")
    assert [one.name for one in keys.list()] == ["a", "b"]
    assert all(started <= one.created_at <= datetime.now(UTC) for one in keys.list())


def test_a_removed_key_is_gone_and_its_name_free(keys: Keys):
    old = keys.add("reader")
    keys.remove("reader")
    assert keys.digests() == {}
    assert keys.add("reader") != old


def test_a_taken_name_keeps_its_key(keys: Keys):
    key = keys.add("reader")
    with pytest.raises(BadName, match=": already taken; expected a new name"):
        keys.add("reader")
    assert keys.digests() == {"reader": digest(key)}


def test_nobody_else_gets_the_name_of_the_key_in_the_settings(keys: Keys):
    with pytest.raises(BadName, match="not SECRET_API_KEY"):
        keys.add("SECRET_API_KEY")


def test_an_unknown_name_cannot_be_removed(keys: Keys):
    with pytest.raises(BadName, match="no key of this name"):
        keys.remove("nobody")


@pytest.mark.parametrize("name", ["", " ", "a b", "a\n", "-a", "ä", "a" * 101, "a;b"])
def test_what_is_no_name_is_refused(keys: Keys, name: str):
    with pytest.raises(BadName, match="1 to 100 letters"):
        keys.add(name)
    assert keys.list() == []
