"""deploy/kubernetes and deploy/kserve agree with the settings, the routes and the image.

`tests/clients/test_schemas.py` holds them against the published schemas.
"""

from __future__ import annotations

import re

import pytest

from app import __version__
from app.environment.database_password import DB_PASSWORD
from app.environment.refusals import BadSettings
from app.flags.flag_file import parse_flags
from app.server.worker_process import STOP_SECONDS
from app.settings import read_settings
from app.web.application import ROUTES
from tests.deploy.manifests import (
    CONTAINERFILE,
    KEY,
    KNOWN,
    KUBERNETES,
    containers,
    image_environ,
    manifests,
    pods,
    read,
)
from tests.installation import ROOT

SETTINGS = manifests()["ConfigMap/pixelwise-settings"]["data"]
PORT = 8000


def paths() -> set[str]:
    return {operation.path for routes in ROUTES for operation in routes.OPERATIONS}


def test_every_name_of_the_environment_is_a_setting():
    given = {name for _, one in containers() for name in (entry["name"] for entry in one.get("env", ()))}
    given |= set(SETTINGS) | set(manifests()["Secret/pixelwise"]["stringData"])
    assert given - KNOWN == set()


def test_the_settings_are_accepted_with_a_key_and_a_password_and_not_without():
    environ = {**image_environ(), **SETTINGS}
    secret = {"SECRET_API_KEY": KEY, DB_PASSWORD: "p@ss/word"}
    settings = read_settings({**environ, **secret})
    assert settings.database_url == "postgresql://pixelwise:p%40ss%2Fword@postgres/pixelwise"
    assert settings.warnings == ()
    for name, wrong in (("SECRET_API_KEY", "thepasswordyoudontwantotherstoknow"), (DB_PASSWORD, "")):
        with pytest.raises(BadSettings, match=name):
            read_settings({**environ, **secret, name: wrong})


def test_the_placeholders_of_the_example_are_refused():
    with pytest.raises(BadSettings) as refused:
        read_settings({**image_environ(), **SETTINGS, **manifests()["Secret/pixelwise"]["stringData"]})
    assert "SECRET_API_KEY can be guessed" in str(refused.value)
    assert "DB_PASSWORD is empty" in str(refused.value)


def test_the_example_of_the_secret_is_not_applied():
    (kustomization,) = read(KUBERNETES / "kustomization.yaml")
    assert {path.name for path in KUBERNETES.glob("*.yaml")} - set(kustomization["resources"]) == {
        "kustomization.yaml",
        "secret.example.yaml",
    }


def test_the_flags_are_ones_that_the_service_reads_and_their_name_never_changes():
    assert parse_flags((KUBERNETES / "flags.json").read_bytes(), name="flags.json")
    (kustomization,) = read(KUBERNETES / "kustomization.yaml")
    (generated,) = kustomization["configMapGenerator"]
    assert (generated["name"], generated["options"]) == ("pixelwise-flags", {"disableNameSuffixHash": True})
    (mounted,) = [one for one in pods()["Deployment/pixelwise"]["volumes"] if "configMap" in one]
    assert mounted["configMap"]["name"] == generated["name"]
    folder = next(
        mount["mountPath"]
        for mount in pods()["Deployment/pixelwise"]["containers"][0]["volumeMounts"]
        if mount["name"] == mounted["name"]
    )
    assert SETTINGS["FLAGS_FILE"] == f"{folder}/flags.json"  # the folder is mounted: a file alone would never change


def test_probes_ask_routes_that_there_are_on_the_port_that_the_image_listens_on():
    served = paths()
    assert {"/health", "/ready", "/v2/health/ready"} <= served  # so that the next line can fail
    probes = [(place, one[kind]) for place, one in containers() for kind in one if kind.endswith("Probe")]
    assert len(probes) == 5
    for place, probe in probes:
        assert probe["httpGet"]["path"] in served, place
        assert probe["httpGet"]["port"] in ("http", PORT), place
    ports = [port["containerPort"] for _, one in containers() for port in one.get("ports", ())]
    assert set(ports) == {PORT}
    assert image_environ()["PORT"] == str(PORT)
    assert f"EXPOSE {PORT}\n" in CONTAINERFILE.read_text()


def test_the_database_decides_on_ready_and_never_on_alive():
    (service,) = pods()["Deployment/pixelwise"]["containers"]
    asked = {kind: service[kind]["httpGet"]["path"] for kind in service if kind.endswith("Probe")}
    assert asked == {"startupProbe": "/health", "livenessProbe": "/health", "readinessProbe": "/ready"}


@pytest.mark.parametrize("name", ["Deployment/pixelwise", "kserve"])
def test_a_pod_is_given_longer_to_end_than_the_service_needs(name: str):
    pod = pods()[name]
    waits = pod["containers"][0].get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", ["sleep", "0"])
    assert waits[0] == "sleep"
    assert pod["terminationGracePeriodSeconds"] > STOP_SECONDS + int(waits[1])


@pytest.mark.parametrize(
    ("place", "container"),
    [one for one in containers() if "image" in one[1]],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_container_is_closed_and_has_the_folders_that_it_writes_to(place: str, container: dict):
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert set(container["resources"]) == {"requests", "limits"}
    assert {"/data", "/tmp"} <= {mount["mountPath"] for mount in container["volumeMounts"]}


@pytest.mark.parametrize("name", sorted(set(pods()) - {"patch"}))
def test_a_pod_is_nobody_as_the_image_has_it(name: str):
    pod = pods()[name]
    context = pod["securityContext"]
    assert f"USER {context['runAsUser']}:{context['runAsGroup']}\n" in CONTAINERFILE.read_text()
    assert context["runAsNonRoot"] and context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    volumes = {volume["name"] for volume in pod["volumes"]}
    assert {mount["name"] for one in pod["containers"] for mount in one["volumeMounts"]} <= volumes


def test_everything_that_names_pods_means_those_of_the_deployment():
    found = manifests()
    labels = found["Deployment/pixelwise"]["spec"]["template"]["metadata"]["labels"]
    named = {
        "deployment": found["Deployment/pixelwise"]["spec"]["selector"]["matchLabels"],
        "service": found["Service/pixelwise"]["spec"]["selector"],
        "budget": found["PodDisruptionBudget/pixelwise"]["spec"]["selector"]["matchLabels"],
        "policy": found["NetworkPolicy/pixelwise"]["spec"]["podSelector"]["matchLabels"],
    }
    assert named == dict.fromkeys(named, labels)
    scaled = found["HorizontalPodAutoscaler/pixelwise"]["spec"]["scaleTargetRef"]
    assert scaled == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "pixelwise"}
    assert "selector" not in found["Service/nobody"]["spec"]


def test_metrics_are_not_for_the_outside():
    (rule,) = manifests()["Ingress/pixelwise"]["spec"]["rules"]
    ways = {way["path"]: way["backend"]["service"]["name"] for way in rule["http"]["paths"]}
    assert ways == {"/": "pixelwise", "/metrics": "nobody", "/api/metrics": "nobody"}
    assert "/metrics" in paths()
    assert rule["host"] == SETTINGS["ALLOWED_HOSTS"]


def test_the_ingress_lets_through_what_nginx_does():
    annotations = manifests()["Ingress/pixelwise"]["metadata"]["annotations"]
    site = (ROOT / "deploy/pixelwise.nginx").read_text()
    assert f"client_max_body_size {annotations['nginx.ingress.kubernetes.io/proxy-body-size']};" in site
    assert f"limit_conn pixelwise {annotations['nginx.ingress.kubernetes.io/limit-connections']};" in site


def test_the_network_policy_lets_the_service_reach_what_its_settings_name():
    ports = {
        (port["port"], next(iter(to.get("podSelector", {}).get("matchLabels", {}).values()), ""))
        for rule in manifests()["NetworkPolicy/pixelwise"]["spec"]["egress"]
        for to in rule["to"]
        for port in rule["ports"]
    }
    assert ports == {(53, ""), (5432, "postgres"), (6379, "redis")}
    assert SETTINGS["DATABASE_URL"].endswith("@postgres/pixelwise")
    assert SETTINGS["LIMITS_URL"] == "redis://redis:6379/0"


def test_images_are_of_this_version():
    (kustomization,) = read(KUBERNETES / "kustomization.yaml")
    tags = {image["newTag"] for image in kustomization["images"]}
    tags |= {one["image"].partition(":")[2] for place, one in containers() if not re.match("Deployment|patch", place)}
    assert tags == {__version__}


def test_the_job_scores_each_part_once():
    job = manifests()["Job/score"]["spec"]
    assert job["completionMode"] == "Indexed"
    arguments = job["template"]["spec"]["containers"][0]["args"]
    assert arguments[arguments.index("--part") + 1] == f"$(JOB_COMPLETION_INDEX)/{job['completions']}"
