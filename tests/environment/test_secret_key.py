"""SECRET_API_KEY: one rule for what others could guess, in app/environment/secret_key.py and in the texts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.environment.secret_key import KEY_LENGTH, PUBLISHED_KEY
from app.settings import ROOT, read_settings
from tests.test_settings import LONG_KEY, problems

BEYOND = ("0.0.0.0", "::", "192.0.2.1", "digits.example.org")
HERE = ("127.0.0.1", "127.8.8.8", "localhost", "::1")
GUESSED = {
    **dict.fromkeys(("abcd4711", "classroom-7", "a1b2c3d", LONG_KEY[:15]), "fewer than 16 characters"),
    **dict.fromkeys((PUBLISHED_KEY, PUBLISHED_KEY.upper()), "the published one of the course"),
    **dict.fromkeys(("changeme", "change-me-change-me", "your-secret-api-key-here", "key"), "a placeholder"),
    **dict.fromkeys(("Password-Password", "SECRET_API_KEY=secret"), "a placeholder"),
    **dict.fromkeys(("x" * 40, "0101" * 10), "fewer than 4 different characters"),
}


@pytest.mark.parametrize("host", BEYOND + HERE)
@pytest.mark.parametrize("key", ["", LONG_KEY, f"{LONG_KEY}-{LONG_KEY}_~!", "0f5c9b7a1e3d2846" * 2])
def test_a_long_key_is_one_everywhere_and_none_is_for_commands_other_than_serve(tmp_path: Path, key: str, host: str):
    settings = read_settings({"SECRET_API_KEY": key, "HOST": host}, root=tmp_path)
    assert (settings.secret_api_key, settings.key_warning) == (key, None)
    assert settings.is_local == (host in HERE)


@pytest.mark.parametrize("host", BEYOND + HERE)
def test_a_service_that_others_reach_without_a_proxy_is_warned_of(tmp_path: Path, host: str):
    alone = {"SECRET_API_KEY": LONG_KEY, "HOST": host}
    said = read_settings(alone, root=tmp_path).warnings
    behind = read_settings({**alone, "TRUSTED_PROXIES": "192.0.2.9"}, root=tmp_path)
    assert behind.warnings == ()
    assert len(said) == (host in BEYOND)
    if said:
        assert f"HOST={host}" in said[0] and "one address may take all connections" in said[0]
        assert "deploy/pixelwise.nginx" in said[0] and "TRUSTED_PROXIES" in said[0]


@pytest.mark.parametrize(("key", "why"), GUESSED.items())
def test_a_key_that_can_be_guessed_is_warned_of_on_this_machine_and_refused_beyond_it(
    tmp_path: Path, key: str, why: str
):
    for host in HERE:
        warning = read_settings({"SECRET_API_KEY": key, "HOST": host}, root=tmp_path).key_warning
        assert warning is not None and "SECRET_API_KEY can be guessed (it " in warning and why in warning
        assert key == "key" or key not in warning
    for host in BEYOND:
        found = problems(tmp_path, {"SECRET_API_KEY": key, "HOST": host})
        assert "SECRET_API_KEY can be guessed (it " in found and why in found and f"HOST={host}" in found
        assert key == "key" or key not in found


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (f"{LONG_KEY}é", "has characters that no header can carry"),
        (f"{LONG_KEY}\n{LONG_KEY}", "has characters that no header can carry"),
        (f'"{LONG_KEY}"', 'begins and ends with ", which would be part of it'),
        (f"'{LONG_KEY}'", "begins and ends with ', which would be part of it"),
    ],
)
def test_a_key_that_nobody_could_send_or_means_is_refused_and_not_shown(tmp_path: Path, key: str, said: str):
    found = problems(tmp_path, {"SECRET_API_KEY": key})
    assert f"SECRET_API_KEY {said}" in found
    assert LONG_KEY[:15] not in found


def test_quotes_in_the_file_are_none_of_the_key(tmp_path: Path):
    (tmp_path / ".env").write_text(f'SECRET_API_KEY="{LONG_KEY}"\n')
    assert read_settings({}, root=tmp_path).secret_api_key == LONG_KEY


@pytest.mark.parametrize("name", [".env.example", "docs/settings.md", "docs/service.md"])
def test_the_texts_say_the_rule_for_keys(name: str):
    text = " ".join((ROOT / name).read_text(encoding="utf-8").replace("\n#", " ").split())
    rule = re.search(rf"fewer than {KEY_LENGTH} characters, a placeholder[^.]*the course published[^.]*\.", text)
    assert rule, "the length, placeholders, and the published key"
    assert "warned of while" in rule[0] and "refused beyond it" in rule[0]
