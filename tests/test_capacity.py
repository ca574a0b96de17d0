"""docs/scale.md's tables are computed from benchmarks/costs.json, whose costs are those of other pages."""

from __future__ import annotations

import json
import re

import pytest

from benchmarks import capacity
from tests.deploy.manifests import manifests
from tests.installation import ROOT

COSTS = capacity.read_costs()


def test_the_page_has_what_the_costs_give():
    page = (ROOT / "docs/scale.md").read_text()
    assert capacity.written(page, capacity.tables(COSTS)) == page
    dearer = {**COSTS, "row_bytes": 2 * COSTS["row_bytes"]}
    assert capacity.written(page, capacity.tables(dearer)) != page


def test_each_cost_says_where_it_was_found():
    for name, cost in json.loads(capacity.COSTS.read_text()).items():
        assert set(cost) == {"value", "unit", "what", "found"}, name
        assert cost["found"], name


def test_costs_of_other_pages_are_the_ones_that_stand_there():
    peers = (ROOT / "docs/peers.md").read_text()
    (request,) = re.findall(r"^\| PixelWise \| [\d,]+ \| [\d.]+ \| [\d.]+ \| ([\d.]+) \|$", peers, re.MULTILINE)
    assert float(request) == COSTS["request_ms"]
    (worker,) = re.findall(r"A worker takes about (\d+) MiB", (ROOT / "docs/service.md").read_text())
    assert float(worker) == COSTS["replica_mib"]
    (scaled,) = manifests()["HorizontalPodAutoscaler/pixelwise"]["spec"]["metrics"]
    assert scaled["resource"]["target"]["averageUtilization"] == 100 * COSTS["used"]


def test_a_load_is_reckoned_as_one_would_by_hand():
    costs = {**dict.fromkeys(COSTS, 1.0), "request_ms": 0.5, "used": 0.5, "row_bytes": 1000, "rows_per_commit": 10}
    need = capacity.drawings(1000, costs)
    assert need.service_cores == pytest.approx((0.5 + 0.001) / 0.5)
    assert need.commits == 100
    assert need.gigabytes_a_year == pytest.approx(365 * 86.4)
    assert dict(capacity.archive(3.6e9, costs))["core hours, 28x28 in Parquet"] == "3.0"


def test_a_page_without_its_marks_is_refused():
    with pytest.raises(ValueError, match=r"scale\.md has no lines"):
        capacity.written("# A page\n", "")
