"""Measures serving from several workers: `make bench-scale`. Writes benchmarks/results/scale_serving.json.

    python benchmarks/scale_serving.py [--quick]

Services of one and of two workers take turns, under 50 clients. Requests come from `wrk` where it is installed (Debian
has it), else from our own generator (load.py). Its share is given: it takes that from the service, on the same machine.
The exit code is 5 when a target is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from load import Target, drawings, run_closed
from peers.processor import processor_seconds
from peers.services import KEY, ROOT, free_port

CONNECTIONS = 50
TEAMS = (1, 2)
MOST_OF_ONE = 1.15
"""Most processor time of a request with two workers, as a share of that with one."""
READY_SECONDS, IDLE_MIB = 2.0, 100.0
START_SECONDS = 120
MISSED = 5
PIXELWISE = str(ROOT / ".venv" / "bin" / "pixelwise")
SCRIPT = """
local bodies, number = {}, 0
for line in io.lines(os.getenv("BODIES")) do bodies[#bodies + 1] = line end
wrk.method, wrk.headers["Content-Type"], wrk.headers["X-API-Key"] = "POST", "application/json", os.getenv("KEY")
request = function()
  number = number % #bodies + 1
  return wrk.format(nil, nil, nil, bodies[number])
end
"""


class Serving(NamedTuple):
    """A service that answers. `ready_seconds`: from its start until then."""

    process: int
    url: str
    ready_seconds: float


@contextmanager
def serving(workers: int, folder: Path) -> Iterator[Serving]:
    """PixelWise with so many workers and everything on, which writes to `folder`."""
    environ = {
        **os.environ,
        **{"HOST": "127.0.0.1", "PORT": str(free_port()), "SECRET_API_KEY": KEY, "WORKERS": str(workers)},
        **{"DATA_DIR": str(folder), "DATABASE_URL": "", "MODEL_VERSIONS": "", "MODEL_VERSION": "v1.0"},
        **{"LIMIT_PER_KEY": "1000000/second", "LIMITS_URL": "", "OPENBLAS_NUM_THREADS": "1"},
    }
    if not (folder / "pixelwise.db").exists():
        subprocess.run([PIXELWISE, "db", "upgrade"], check=True, env=environ, cwd=ROOT, capture_output=True)
    log = folder / "log"
    with log.open("w") as lines:
        start = time.monotonic()
        process = subprocess.Popen([PIXELWISE, "serve"], env=environ, cwd=ROOT, stderr=lines)
    try:
        yield Serving(process.pid, _address(process, log), time.monotonic() - start)
    finally:
        process.terminate()
        process.wait()


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    """The address that a service says in its log."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if found := re.search(r"answers at (http://\S+)", log.read_text()):
            return found[1]
        time.sleep(0.005)
    sys.exit(f"the service did not start:\n{log.read_text()}")


def under_load(service: Serving, bodies: list[bytes], folder: Path, seconds: float) -> dict[str, float]:
    """Requests per second, the processor time of one in microseconds, and the generator's share of a core."""
    _ask(service.url, bodies, folder, 1)
    used, start = processor_seconds(service.process), time.monotonic()
    answers, generator = _ask(service.url, bodies, folder, seconds)
    span = time.monotonic() - start
    return {
        "answers_per_second": answers / span,
        "microseconds": 1e6 * (processor_seconds(service.process) - used) / answers,
        "generator_share": generator / span,
    }


def _ask(url: str, bodies: list[bytes], folder: Path, seconds: float) -> tuple[int, float]:
    """How many requests were answered 200, and the generator's processor time in seconds."""
    if not shutil.which("wrk"):
        target = Target(f"{url}/classify", bodies, {"X-API-Key": KEY})
        result = run_closed(target, connections=CONNECTIONS, seconds=seconds, warm_up=0)
        return result.statuses.get(200, 0), result.generator_seconds
    (folder / "bodies").write_bytes(b"\n".join(bodies))
    (folder / "ask.lua").write_text(SCRIPT)
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:g}s", "-s", str(folder / "ask.lua"), f"{url}/classify"]
    environ = {**os.environ, "BODIES": str(folder / "bodies"), "KEY": KEY}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    said = subprocess.run(command, check=True, capture_output=True, text=True, env=environ).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if "Non-2xx" in said or not (found := re.search(r"(\d+) requests in", said)):
        sys.exit(f"requests were refused:\n{said}")
    return int(found[1]), sum(after[:2]) - sum(before[:2])


def memory(service: Serving) -> list[dict[str, float]]:
    """MiB of each worker: resident, and its proportional part of what is shared."""
    children = Path(f"/proc/{service.process}/task/{service.process}/children").read_text().split()
    found = []
    for pid in children:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text()
        sizes = {name: int(size) / 1024 for name, size in re.findall(r"^(Rss|Pss):\s+(\d+) kB", lines, re.MULTILINE)}
        found.append({"resident": sizes["Rss"], "proportional": sizes["Pss"]})
    return found


def measure(*, rounds: int, seconds: float) -> dict[str, Any]:
    """All figures; of each run, in turns."""
    bodies = drawings()
    runs: dict[int, list[dict[str, Any]]] = {team: [] for team in TEAMS}
    with tempfile.TemporaryDirectory(prefix="scale-") as name:
        for number in range(rounds):
            for team in TEAMS if number % 2 == 0 else TEAMS[::-1]:
                folder = Path(name) / str(team)
                folder.mkdir(exist_ok=True)
                with serving(team, folder) as service:
                    time.sleep(1)
                    idle = memory(service)
                    found = under_load(service, bodies, folder, seconds)
                runs[team].append({"ready_seconds": service.ready_seconds, "idle": idle, **found})
    return {
        "generator": "wrk" if shutil.which("wrk") else "load.py",
        "cores": os.cpu_count(),
        "load_of_the_machine": os.getloadavg()[0],
        "seconds": seconds,
        "runs": {str(team): found for team, found in runs.items()},
        "ratio": statistics.median(
            two["microseconds"] / one["microseconds"] for one, two in zip(runs[1], runs[2], strict=True)
        ),
        "ready_seconds": min(run["ready_seconds"] for run in runs[1]),
        "idle_mib": statistics.median(worker["resident"] for run in runs[1] for worker in run["idle"]),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one short round")
    options = parser.parse_args()
    found = measure(rounds=1 if options.quick else 5, seconds=2 if options.quick else 8)
    results = ROOT / "benchmarks" / "results"
    results.mkdir(exist_ok=True)
    (results / "scale_serving.json").write_text(json.dumps(found, indent=1))
    print(
        f"{found['cores']} cores, load {found['load_of_the_machine']:.1f}, {found['generator']}, {CONNECTIONS} clients"
    )
    for team, runs in found["runs"].items():
        for run in runs:
            idle = ", ".join(f"{worker['resident']:.0f} ({worker['proportional']:.0f})" for worker in run["idle"])
            print(
                f"{team} worker{'s' * (team != '1')}: {run['answers_per_second']:,.0f} answers/s, "
                f"{run['microseconds']:.0f} us of processor time each, "
                f"generator {run['generator_share']:.0%} of a core, "
                f"ready after {run['ready_seconds']:.2f} s, idle MiB resident (proportional): {idle}"
            )
    targets = (
        ("processor time of a request, two workers to one", found["ratio"], MOST_OF_ONE),
        ("seconds from the start of one worker until it is ready", found["ready_seconds"], READY_SECONDS),
        ("MiB of one idle worker", found["idle_mib"], IDLE_MIB),
    )
    for name, value, most in targets:
        print(f"{name}: {value:.2f}, at most {most:g}: {'met' if value <= most else 'missed'}")
    return MISSED if any(value > most for _, value, most in targets) else 0


if __name__ == "__main__":
    sys.exit(main())
