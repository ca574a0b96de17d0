"""deploy/ against what others publish: Kubernetes' JSON schemas (kubernetes-validate) and the Compose specification."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.manifests import DEPLOY, KEY, interpolated, manifests, pods

VERSIONS = ("1.30", "1.37")
"""The oldest that the manifests are for, and the newest that the package has."""
OF_KUBERNETES = """
import json, sys, kubernetes_validate as schemas
for name, version, manifest in json.load(sys.stdin):
    try:
        schemas.validate(manifest, version, strict=True)
    except schemas.ValidationError as error:
        print(name, version, list(error.path), error.message)
"""
OF_COMPOSE = """
import sys, compose_spec
try:
    compose_spec.PyOptions(apply_merge=True).from_yaml(sys.stdin.read()).validate()
except ValueError as error:
    print(error)
"""
GIVEN = dict.fromkeys(("SECRET_API_KEY", "DB_PASSWORD", "ALLOWED_HOSTS"), KEY)


@pytest.fixture(scope="module")
def faults(client_environment: Callable[[str], Path]) -> Callable[[str, str], list[str]]:
    """What a program of that environment says of a text, line by line."""

    def say(code: str, text: str) -> list[str]:
        command = [client_environment("manifests") / "python", "-c", code]
        return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout.splitlines()

    return say


def everything() -> dict[str, dict[str, Any]]:
    """The manifests; of the component and of KServe, whose own types the schemas do not have, the pods."""
    found = manifests()
    for name in ("patch", "kserve"):
        fields = {"minReplicas", "maxReplicas", "scaleMetric", "scaleTarget"}
        pod = {key: value for key, value in pods()[name].items() if key not in fields}
        if name == "patch":  # it says of this container only what it adds
            pod["containers"] = [{**one, "image": "pixelwise"} for one in pod["containers"]]
        found[name] = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": pod}
    return found


def test_kubernetes_takes_every_manifest(faults: Callable[[str, str], list[str]]):
    told = [(name, version, one) for name, one in everything().items() for version in VERSIONS]
    assert len(told) > 20
    assert faults(OF_KUBERNETES, json.dumps(told)) == []


def test_a_field_that_kubernetes_does_not_know_is_found(faults: Callable[[str, str], list[str]]):
    wrong = manifests()["Deployment/pixelwise"]
    wrong["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}
    (said,) = faults(OF_KUBERNETES, json.dumps([["wrong", VERSIONS[0], wrong]]))
    assert "readynessProbe" in said


def test_the_compose_file_follows_its_specification(faults: Callable[[str, str], list[str]]):
    text = interpolated((DEPLOY / "compose.yaml").read_text(), GIVEN)
    assert faults(OF_COMPOSE, text) == []
    for right, wrong in (("read_only:", "read_onli:"), ("networks: [back]", "networks: [backk]")):
        assert faults(OF_COMPOSE, text.replace(right, wrong, 1)), wrong
