"""deploy/compose.yaml agrees with the settings, the image and the shipped site.

`tests/clients/test_schemas.py` holds it against the Compose specification.
"""

from __future__ import annotations

import ipaddress
import re

import pytest

from app import __version__
from app.server.worker_process import STOP_SECONDS
from app.settings import read_settings
from tests.deploy.manifests import DEPLOY, KEY, KNOWN, compose, image_environ, interpolated

GIVEN = {"SECRET_API_KEY": KEY, "DB_PASSWORD": "p@ss/word", "ALLOWED_HOSTS": "digits.example.org"}


def environment(given: dict[str, str]) -> dict[str, str]:
    values = compose()["services"]["pixelwise"]["environment"]
    return {name: interpolated(value, given) for name, value in values.items()}


def test_every_name_of_the_environment_is_a_setting():
    assert set(environment(GIVEN)) - KNOWN == set()


def test_the_settings_are_accepted():
    settings = read_settings({**image_environ(), **environment(GIVEN)})
    assert settings.database_url == "postgresql://pixelwise:p%40ss%2Fword@postgres/pixelwise"
    assert settings.warnings == ()


@pytest.mark.parametrize("name", GIVEN)
def test_nothing_starts_without_what_it_must_be_given(name: str):
    for given in ({**GIVEN, name: ""}, {key: value for key, value in GIVEN.items() if key != name}):
        with pytest.raises(KeyError, match=name):
            environment(given)


def test_the_password_of_the_database_is_the_same_on_both_sides_and_stands_nowhere():
    services = compose()["services"]
    ours, theirs = services["pixelwise"]["environment"]["DB_PASSWORD"], services["postgres"]["environment"]
    assert ours == theirs["POSTGRES_PASSWORD"]
    assert ours.startswith("${DB_PASSWORD:?")
    assert re.search(
        r"^postgresql://(\w+):\$\$\{DB_PASSWORD\}@postgres/(\w+)$", services["pixelwise"]["environment"]["DATABASE_URL"]
    )
    assert (theirs["POSTGRES_USER"], theirs["POSTGRES_DB"]) == ("pixelwise", "pixelwise")


def test_the_service_is_closed_and_has_time_to_end():
    service = compose()["services"]["pixelwise"]
    assert service["read_only"] is True
    assert (service["tmpfs"], service["volumes"], service["cap_drop"]) == (
        "/tmp",
        [image_environ()["DATA_DIR"]],
        ["ALL"],
    )
    assert int(service["stop_grace_period"].removesuffix("s")) > STOP_SECONDS
    assert service["image"] == f"pixelwise:{__version__}"
    assert "ports" not in service  # whoever is outside comes through nginx


def test_the_tables_are_there_before_the_service_starts():
    services = compose()["services"]
    assert services["migrate"]["command"] == ["db", "upgrade"]
    assert services["pixelwise"]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}


def test_nginx_runs_the_shipped_site_before_the_service():
    nginx = compose()["services"]["nginx"]
    (found,) = re.findall(r"sed 's\|(.*?)\|(.*?)\|'", nginx["command"][-1])
    assert (DEPLOY / "pixelwise.nginx").read_text().count(found[0]) == 1
    assert found[1] == f"server pixelwise:{image_environ()['PORT']};"
    (mounted,) = nginx["volumes"]
    assert (DEPLOY / mounted.partition(":")[0]).exists()


def test_only_nginx_is_on_the_network_that_is_believed():
    file = compose()
    (front,) = file["networks"]["front"]["ipam"]["config"]
    (believed,) = read_settings({**image_environ(), **environment(GIVEN)}).trusted_proxies
    assert believed == ipaddress.ip_network(front["subnet"])
    assert {name for name, one in file["services"].items() if "front" in one["networks"]} == {"pixelwise", "nginx"}
