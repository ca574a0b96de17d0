"""A pull over https from a server of our own: git's own `http-backend` behind a self-signed certificate."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.errors import Unreachable
from tests.release.conftest import House
from tests.release.remote import Remote
from tests.release.sources.forge import Forge, make_certificate, serving

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")

Environment = Callable[..., dict[str, str]]


@pytest.fixture
def server(remote: Remote, tmp_path: Path) -> Iterator[str]:
    certificate = make_certificate(tmp_path / "certificate.pem")
    with serving(Forge(remote.folder.parent), certificate=certificate) as forge:
        yield forge.url.removeprefix("https://")


def test_a_release_is_pulled_over_https(
    house: House, remote: Remote, server: str, environment: Environment, tmp_path: Path
) -> None:
    commit = remote.release()
    trusting = environment(GIT_SSL_CAINFO=str(tmp_path / "certificate.pem"))
    pulled = house.pull(f"https://someone:secret@{server}/remote.git", environ=trusting)
    assert pulled.release.commit == commit and pulled.release.repository == f"https://{server}/remote.git"
    assert not [name for name, data in house.contents().items() if b"secret" in data]
    with pytest.raises(Unreachable, match="not found") as refusal:
        house.pull(f"https://someone:secret@{server}/gone.git", environ=trusting)
    assert refusal.value.exit_code == 6 and "secret" not in str(refusal.value)


def test_a_server_whose_certificate_nobody_vouches_for_is_not_talked_to(
    house: House, remote: Remote, server: str, environment: Environment
) -> None:
    remote.release()
    with pytest.raises(Unreachable, match="certificate"):
        house.pull(f"https://{server}/remote.git", environ=environment(GIT_SSL_NO_VERIFY="1"))


def test_a_port_where_nobody_listens_is_unreachable(house: House, environment: Environment) -> None:
    with pytest.raises(Unreachable, match=r"Check the network and MODEL_REPO.*setup-server.sh --releases v1.0"):
        house.pull("https://127.0.0.1:1/x.git", environ=environment())
