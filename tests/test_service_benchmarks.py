"""How figures of the service become verdicts and docs/peers.md; the figures themselves are `make bench-peers`'."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
PEERS = ("bentoml", "litserve", "mlserver", "ray")
PLOT_LIMIT = 120 << 10


@pytest.fixture
def claims(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import service_claims

    return service_claims


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import service_page

    return service_page


def run(requests_per_second: float, p99: float = 10.0) -> dict[str, Any]:
    return {"requests_per_second": requests_per_second, "ok": {"p50": 5.0, "p99": p99}, "processor_ms_per_request": 0.2}


def at(load: float, p99: float, *, refused_ms: float = 0.0, statuses: dict[str, int] | None = None) -> dict[str, Any]:
    return {
        "load": load,
        "statuses": statuses or {"200": 100},
        "errors": 0,
        "ok": {"p50": 1.0, "p99": p99},
        "others": {"p50": refused_ms, "p99": refused_ms, "max": refused_ms},
        "goodput": load,
        "generator_share": 0.2,
        "service_share": 0.5,
    }


def stamped(part: dict[str, Any]) -> dict[str, Any]:
    stamp = {"taken": "2026-01-02T03:04+00:00", "load_average": [0.1, 0.2], "OPENBLAS_CORETYPE": None}
    return {**stamp, **part}


def peers(**others: list[dict[str, Any]]) -> dict[str, Any]:
    names = {"PixelWise": [run(1000), run(2000)], **others}
    plain = {name: [run(100, 100), run(100, 100)] for name in ("FastAPI, def", "FastAPI, async def")}
    runs = {**names, **{name: rounds for name, rounds in plain.items() if name not in names}}
    return stamped({"connections": 50, "seconds": 1, "checked": 100, "versions": dict.fromkeys(runs), "runs": runs})


def lone(ours: float) -> dict[str, Any]:
    runs = {
        name: [{"p50": p50, "p99": p50}]
        for name, p50 in (("PixelWise", ours), ("bare framework", 0.1), ("bare insert", 0.2))
    }
    return stamped({"rounds": 1, "requests": 1, "disk": "ext4", "runs": runs})


def overload(*runs: list[dict[str, Any]]) -> dict[str, Any]:
    found = [{"capacity": 100, "loads": loads} for loads in runs]
    return stamped({"connections": 50, "open_connections": 400, "seconds": 1, "runs": found})


def read_along(requests_per_second: float, *, stored: float = 90, shed: float = 10) -> dict[str, Any]:
    answered = {"answers_per_second": requests_per_second, "statuses": {"200": 99, "503": 1}, "errors": 0}
    return {**run(requests_per_second), **answered, "shadows": {"stored": stored, "shed": shed, "failed": 0.0}}


def versions(*rounds: tuple[float, float], flag: float = 30.0) -> dict[str, Any]:
    """Of answers in a second: alone, and with a second version."""
    alone = {"stored": 0.0, "shed": 0.0}
    runs = [
        {"alone": read_along(one, **alone), "both": read_along(two), "half": read_along(one / 2, stored=100, shed=0)}
        for one, two in rounds
    ]
    times = {"one evaluation: static": [20.0], "one evaluation: by key": [flag, flag + 1, flag - 1], "both": [999.0]}
    flags = {"rounds": 3, "calls": 5_000, "microseconds": times}
    return stamped({"connections": 50, "open_connections": 400, "seconds": 1, "runs": runs, "flags": flags})


def results(**parts: dict[str, Any]) -> dict[str, Any]:
    return {"quick": False, "machine": {"processor": "one", "cores": 2}, "parts": parts}


def verdicts(claims: ModuleType, **parts: dict[str, Any]) -> dict[str, str]:
    return {claim.title: claim.verdict for claim in claims.claims(results(**parts))}


def test_ratios_are_of_the_same_round(claims: ModuleType):
    runs = {"PixelWise": [run(1000), run(2000)], "other": [run(100), run(400)]}
    assert claims.times_more(runs, "other") == claims.Spread(7.5, 5.0, 10.0)


@pytest.mark.parametrize(("theirs", "verdict"), [(100, "met"), (120, "floor met"), (130, "not met")])
def test_a_ratio_is_held_against_target_and_floor(claims: ModuleType, theirs: float, verdict: str):
    part = peers(**{"PixelWise": [run(1000)], "FastAPI, def": [run(theirs)], "FastAPI, async def": [run(100)]})
    assert verdicts(claims, peers=part)["requests, times those of FastAPI, def"] == verdict


def test_both_plain_forms_and_every_peer_are_held_to_a_target(claims: ModuleType):
    part = peers(**{"Ray Serve": [run(300), run(300)]})
    found = {claim.title: claim.target for claim in claims.claims(results(peers=part))}
    assert found == {
        "requests, times those of Ray Serve": 6,
        "requests, times those of FastAPI, def": 10,
        "requests, times those of FastAPI, async def": 10,
        "99th percentile, as a part of that of FastAPI, def": 0.2,
        "99th percentile, as a part of that of FastAPI, async def": 0.2,
    }


@pytest.mark.parametrize(("ours", "verdict"), [(0.59, "met"), (0.61, "not met")])
def test_a_lone_request_may_cost_a_bare_request_a_bare_insert_and_little_more(
    claims: ModuleType, ours: float, verdict: str
):
    assert set(verdicts(claims, lone=lone(ours)).values()) == {verdict}


def test_overload_is_held_against_70_percent_of_the_same_round(claims: ModuleType):
    part = overload([at(0.7, 10), at(2.0, 20, refused_ms=50)], [at(0.7, 8), at(2.0, 32, refused_ms=150)])
    found = {claim.title: claim for claim in claims.claims(results(overload=part))}
    growth = found["accepted requests at 200% of capacity, 99th percentile, times that at 70%"]
    assert growth.found == claims.Spread(3.0, 2.0, 4.0)
    assert growth.verdict == "met"
    assert found["refused at 200%, slowest"].found.high == 150


@pytest.mark.parametrize("statuses", [{"200": 1, "500": 1}, {200: 1, 500: 1}])
def test_a_request_that_is_neither_answered_nor_refused_is_counted(claims: ModuleType, statuses: dict[Any, int]):
    part = overload([at(0.7, 1), at(2.0, 1, statuses=statuses)])
    assert verdicts(claims, overload=part)["requests without an answer of 200, 503 or 429"] == "not met"


@pytest.mark.parametrize(("rounds", "verdict"), [([(100, 60), (200, 80), (10, 5)], "met"), ([(100, 49)], "not met")])
def test_a_second_version_may_take_half_of_the_throughput_of_the_same_round(
    claims: ModuleType, rounds: list[tuple[float, float]], verdict: str
):
    found = claims.claims(results(versions=versions(*rounds)))[0]
    assert found.title == "answers with a second version that reads along, times those of one version"
    assert found.verdict == verdict
    if len(rounds) > 1:
        assert found.found == claims.Spread(0.5, 0.4, 0.6)


@pytest.mark.parametrize(("microseconds", "verdict"), [(60, "met"), (60.1, "not met")])
def test_the_dearest_flag_is_held_against_its_target(claims: ModuleType, microseconds: float, verdict: str):
    part = versions((100, 60), flag=microseconds)
    assert verdicts(claims, versions=part)["one flag evaluation, the dearest rule"] == verdict


def test_the_page_says_how_much_was_not_read_along_and_what_a_flag_costs(page: ModuleType):
    text = page.page(results(versions=versions((100, 60), (200, 160))))
    assert "**0.700 (0.600 to 0.800) times** the answers" in text
    assert "| requests that were answered, not refused | 99.0% | 99.0% | 99.0% |" in text
    assert "| drawings that v2.0 did not read |  | 10.0% | 0.0% |" in text
    assert "| one evaluation: by key | 30.0 (29.0 to 31.0) |" in text


def test_the_flags_benchmark_names_its_figures_as_the_claims_look_for_them(
    claims: ModuleType, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    import flags

    monkeypatch.setattr(flags, "figures", lambda **_: {f"{flags.ONE}: static": [20.0]})
    flags.main(["--quick", "--json"])
    printed = json.loads(capsys.readouterr().out)
    assert claims.dearest_flag({"flags": printed}).value == 20
    assert flags.TARGET == claims.FLAG_MICROSECONDS


def test_a_missed_target_is_said_first_and_in_bold(page: ModuleType):
    text = page.page(results(lone=lone(0.9)))
    head, _, rest = text.partition("| | found |")
    assert "0 of 1 targets met" in head
    assert "a lone request" in head
    assert "**not met**" in rest


def test_a_quick_run_and_a_saturated_generator_are_named(page: ModuleType):
    busy = {**at(2.0, 1), "generator_share": 0.95}
    text = page.page({**results(overload=overload([at(0.7, 1), busy])), "quick": True})
    assert "A quick run" in text
    assert "it was saturated" in text
    calm = page.page(results(overload=overload([at(0.7, 1), at(2.0, 1)])))
    assert "A quick run" not in calm
    assert "saturated" not in calm


def test_the_page_was_written_by_a_run_and_its_plot_is_there_and_small():
    text = (ROOT / "docs" / "peers.md").read_text(encoding="utf-8")
    assert "Written by `make bench-peers`" in text
    (plot,) = re.findall(r"!\[[^]]+\]\(([^)]+)\)", text)
    assert 0 < (ROOT / "docs" / plot).stat().st_size < PLOT_LIMIT


@pytest.mark.parametrize("peer", PEERS)
def test_each_peer_is_pinned_hashed_and_locked_with_the_others(peer: str):
    name = f"benchmarks/peers/requirements-{peer}"
    text = (ROOT / f"{name}.txt").read_text(encoding="utf-8")
    assert not re.search(r"index-url|find-links|://|^-|trusted-host| @ ", text, re.MULTILINE)
    for entry in re.split(r"\n(?=\S)", text.replace("\\\n", "").strip()):
        assert re.match(r"[a-z0-9._-]+==\S+ ", entry), entry[:80]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry[:80]
    locked = (ROOT / "Makefile").read_text(encoding="utf-8").partition("for peer in ")[2].partition(";")[0].split()
    assert peer in locked


@pytest.mark.parametrize("peer", PEERS)
def test_peers_have_the_libraries_that_the_artefact_was_made_with(peer: str):
    def pin(name: str, package: str) -> str | None:
        found = re.search(rf"^{package}==(\S+)", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE)
        return found and found[1]

    for package in ("numpy", "scikit-learn", "joblib"):
        ours = pin("pixelwise-model/requirements.txt", package)
        assert ours is not None
        assert pin(f"benchmarks/peers/requirements-{peer}.txt", package) == ours
