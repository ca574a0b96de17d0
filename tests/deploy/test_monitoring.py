"""The alerts and the dashboard of deploy/ speak of metrics, labels and values that the service gives."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.answering.batcher import BatchReport
from app.answering.metrics import Metrics
from tests.deploy.manifests import DEPLOY, read

RULES = DEPLOY / "prometheus-rules.yaml"
DASHBOARD = DEPLOY / "grafana-dashboard.json"


def exposed() -> dict[str, set[str]]:
    """Each sample's name -> its labels, after one of everything happened."""
    metrics = Metrics()
    metrics.request("/drawings", 200, 0.001)
    metrics.refused_at_once(1)
    metrics.batches_of("v1.0", "0" * 64, lambda: 0.0)(BatchReport(1, "idle", 0.0, 0.0, 0.0))
    metrics.versions(served=["v1.0"], left_out=[])
    metrics.shadow_answers("v1.0", "shed", 1)
    metrics.flags(lambda: {("model-version", "no-such-version"): 1}, lambda: None)
    metrics.database(lambda: True)
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(metrics.exposition().decode()):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def expressions() -> Iterator[tuple[str, str]]:
    """The expressions of both files, each with where it stands."""
    for group in read(RULES)[0]["groups"]:
        for rule in group["rules"]:
            yield rule.get("alert", rule.get("record")), rule["expr"]
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


RECORDED = {rule["record"] for group in read(RULES)[0]["groups"] for rule in group["rules"] if "record" in rule}


@pytest.mark.parametrize(("place", "expression"), list(expressions()))
def test_an_expression_speaks_of_what_the_service_gives(place: str, expression: str):
    given = exposed()
    names = set(re.findall(r"\bpixelwise[\w:]*", expression)) - RECORDED
    assert names <= set(given)
    assert names or RECORDED & set(re.findall(r"\bpixelwise[\w:]*", expression)), "of no metric at all"
    labels = set().union(*(given[name] for name in names))
    grouped = {label for group in re.findall(r"by \(([^)]*)\)", expression) for label in group.split(", ")}
    matched = set(re.findall(r'(\w+)(?:=~|!=|!~|=)"', expression))
    assert grouped | matched <= labels


def test_values_that_rules_wait_for_are_ones_that_the_service_says():
    source = (DEPLOY.parent / "app/answering/metrics.py").read_text()
    named = {value for _, text in expressions() for value in re.findall(r'(?:stage|outcome)="(\w+)"', text)}
    assert named == {"commit", "shed"}
    assert all(f'"{value}"' in source for value in named)


def test_a_dashboard_shows_every_metric():
    shown = " ".join(
        target["expr"] for panel in json.loads(DASHBOARD.read_text())["panels"] for target in panel["targets"]
    )
    families = {re.sub("_(total|bucket|sum|count|created|info)$", "", name) for name in exposed()}
    assert {family for family in families if not re.search(rf"\b{family}(_\w+)?\b", shown)} == set()


def test_every_alert_says_what_is_wrong_and_what_to_do():
    rules = [rule for group in read(RULES)[0]["groups"] for rule in group["rules"] if "alert" in rule]
    assert len(rules) > 5
    for rule in rules:
        assert set(rule["annotations"]) == {"summary", "remedy"}, rule["alert"]
        assert rule["labels"]["severity"] in ("critical", "warning", "info"), rule["alert"]


def test_prometheus_itself_takes_the_rules():
    if shutil.which("promtool") is None:
        pytest.skip("no promtool here (Debian: apt-get install prometheus)")
    done = subprocess.run(["promtool", "check", "rules", str(RULES)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
