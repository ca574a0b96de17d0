from __future__ import annotations

from base64 import b64encode

import pytest

from app.release.sources.secrets import without_secrets

BASIC = f"Basic {b64encode(b'me:ghp_SECRET').decode()}"


@pytest.mark.parametrize(
    ("authorization", "said", "shown"),
    [
        (BASIC, "no ghp_SECRET here", "no (hidden) here"),
        (BASIC, f"no {BASIC} here", "no Basic (hidden) here"),
        ("Bearer hf_SECRET", "evil hf_SECRET", "evil (hidden)"),
        ("Basic " + b64encode(b"a:").decode(), "a: as it was", "a: as it was"),
        (None, "nothing to hide", "nothing to hide"),
    ],
)
def test_what_was_sent_is_not_shown_when_a_server_says_it_back(authorization: str | None, said: str, shown: str):
    assert without_secrets(said, authorization) == shown
