from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from app.release.pull import Pulled
from tests.release.conftest import House
from tests.release.remote import FILES, PKL, Remote
from tests.release.sources.forge import Forge

Pull = Callable[..., Pulled]


@pytest.fixture
def pull(house: House, forge: Forge, certificate: Path, environment: Callable[..., dict[str, str]]) -> Pull:
    """Pulls from the forge, by the login of an address such as "someone:secret@"."""
    trusting = environment(GIT_SSL_CAINFO=str(certificate))

    def run(login: str = "", **changed: object) -> Pulled:
        host = forge.url.removeprefix("https://")
        return house.pull(f"https://{login}{host}/remote.git", environ=trusting, **changed)

    return run


def test_a_release_whose_artefact_is_a_pointer_is_pulled_whole(
    pull: Pull, house: House, remote: Remote, forge: Forge
) -> None:
    remote.release("v1.0", {**FILES, PKL: forge.keep(FILES[PKL]), ".gitattributes": b"*.pkl filter=lfs\n"})
    pulled = pull()
    contents = house.contents()
    assert {name: contents[f"v1.0/{name}"] for name in FILES} == FILES
    assert pulled.release.manifest is None or pulled.release.commit
    assert any("Left out of v1.0" in said and ".gitattributes" in said for said in house.said)
