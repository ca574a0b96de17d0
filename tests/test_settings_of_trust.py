"""Settings of what is trusted: REQUIRE_LOCK, REQUIRE_SIGNATURE, ALLOWED_SIGNERS."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.environment.refusals import BadSettings
from app.settings import read_settings
from app.signing.trust import Trust

YES_OR_NO = ("REQUIRE_LOCK", "REQUIRE_SIGNATURE")


@pytest.mark.parametrize("key", YES_OR_NO)
@pytest.mark.parametrize(
    ("text", "value"),
    [("true", True), ("TRUE", True), ("1", True), ("yes", True), ("false", False), ("0", False), ("No", False)],
)
def test_what_is_required_is_true_or_false(tmp_path: Path, key: str, text: str, value: bool):
    assert getattr(read_settings({key: text}, root=tmp_path), key.lower()) is value


@pytest.mark.parametrize("key", YES_OR_NO)
@pytest.mark.parametrize("text", ["perhaps", "", "on", "2", "tru"])
def test_what_is_required_is_nothing_else(tmp_path: Path, key: str, text: str):
    with pytest.raises(BadSettings, match=f"{key}={text}, expected true or false"):
        read_settings({key: text}, root=tmp_path)


def test_signers_are_those_of_this_tree_unless_another_place_is_named(tmp_path: Path):
    assert read_settings({}, root=tmp_path).trust == Trust(False, tmp_path / "allowed_signers")
    named = read_settings({"ALLOWED_SIGNERS": "/etc/signers", "REQUIRE_SIGNATURE": "true"}, root=tmp_path)
    assert named.trust == Trust(True, Path("/etc/signers"))


@pytest.mark.parametrize("place", ["models", "models/v1.0/allowed_signers", "data/../models/allowed_signers", "link"])
def test_signers_are_never_those_that_a_release_brings(tmp_path: Path, place: str):
    (tmp_path / "models/v1.0").mkdir(parents=True)
    (tmp_path / "link").symlink_to("models/v1.0/allowed_signers")
    with pytest.raises(BadSettings, match=r"ALLOWED_SIGNERS=.*outside models/"):
        read_settings({"ALLOWED_SIGNERS": place}, root=tmp_path)
