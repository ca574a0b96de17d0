"""What is in deploy/ for containers and clusters, read for the tests."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from app.environment.database_password import DB_PASSWORD
from app.settings import DEFAULTS
from tests.installation import ROOT

DEPLOY = ROOT / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
CONTAINERFILE = DEPLOY / "Containerfile"
KNOWN = {*DEFAULTS, DB_PASSWORD}
"""The names that the environment may have."""
KEY = "an-unguessable-0123456789"

Manifest = dict[str, Any]


def read(path: Path) -> list[Manifest]:
    """The documents of a YAML file."""
    return list(yaml.safe_load_all(path.read_text()))


def manifests() -> dict[str, Manifest]:
    """ "Kind/name" -> manifest, of all that is in deploy/kubernetes, without what only kustomize reads."""
    found = [one for path in sorted(KUBERNETES.glob("**/*.yaml")) for one in read(path) if "patch" not in path.name]
    return {f"{one['kind']}/{one['metadata']['name']}": one for one in found if "kustomize" not in one["apiVersion"]}


def pods() -> dict[str, Manifest]:
    """ "Kind/name" -> the specification of its pods; those of the component and of KServe too."""
    (patch,) = read(KUBERNETES / "pulled-release/patch.yaml")
    (kserve,) = read(DEPLOY / "kserve/inference-service.yaml")
    found = {
        name: one["spec"]["template"]["spec"] for name, one in manifests().items() if "template" in one.get("spec", {})
    }
    return {**found, "patch": patch["spec"]["template"]["spec"], "kserve": kserve["spec"]["predictor"]}


def containers() -> Iterator[tuple[str, Manifest]]:
    """Each container with its place."""
    for name, pod in pods().items():
        for one in (*pod.get("initContainers", ()), *pod["containers"]):
            yield f"{name}/{one['name']}", one


def image_environ() -> dict[str, str]:
    """The environment that the stage `product` of the Containerfile gives."""
    stage = CONTAINERFILE.read_text().partition(" AS product\n")[2].partition("\nFROM ")[0].replace("\\\n", " ")
    lines = re.findall(r"^ENV (.*)$", stage, re.MULTILINE)
    return dict(pair.split("=", 1) for line in lines for pair in shlex.split(line))


def compose() -> Manifest:
    """deploy/compose.yaml, as it stands there."""
    return read(DEPLOY / "compose.yaml")[0]


def interpolated(value: str, environ: Mapping[str, str]) -> str:
    """A value of the compose file with `${NAME:?…}` and `${NAME:-…}` put in, as compose does it.

    Raises:
        KeyError: compose would stop here.
    """

    def put(found: re.Match[str]) -> str:
        if found[0] == "$$":
            return "$"
        name, default = found[1], found[2]
        if environ.get(name):
            return environ[name]
        if default is None:
            raise KeyError(name)
        return default

    return re.sub(r"\$\$|\$\{(\w+)(?::\?[^}]*|:-([^}]*))\}", put, value)
