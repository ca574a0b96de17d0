"""What a pull of v1.0 costs from each source: processor time of a process that pulls it, with git's, beside git's.

    .venv/bin/python benchmarks/sources.py [--rounds 9]

The servers are the tests' stand-ins, in a process of their own whose time does not count. Each pull is a process, as
`pixelwise pull` is one; a process that only imports what a pull needs is subtracted. All take turns in every round.
Target: at most twice git's time, git being the same release from a plain repository over the same transport.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from multiprocessing import Pipe, get_context
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.release.remote import PKL, Remote  # noqa: E402 - the path to tests/ comes first
from tests.release.sources import registry  # noqa: E402
from tests.release.sources.forge import Forge, make_certificate, serving  # noqa: E402
from tests.release.sources.hub_server import HubHandler  # noqa: E402
from tests.release.sources.test_dvc import DvcRemote  # noqa: E402

MOST = 2.0
PULL = """
import sys
from pathlib import Path
from app.release.pull import pull
if len(sys.argv) > 1:
    root = Path(sys.argv[2])
    pull(repository=sys.argv[1], version="v1.0", models=root / "models", lock_file=root / "model.lock", root=root,
         frozen=False, accept=lambda folder: None, say=lambda line: None)
"""
BESIDE = {"git-LFS over https": "git over https", "Hugging Face": "git over https", "MLflow": "git over https"}
"""The plain repository that a source is held against, where that is not the one in a folder."""


def release_files() -> dict[str, bytes]:
    """The files of the v1.0 that is built here."""
    repository = ROOT / "pixelwise-model" / "releases.git"
    names = subprocess.check_output(["git", "ls-tree", "--name-only", "v1.0"], cwd=repository, text=True).split()
    return {name: subprocess.check_output(["git", "show", f"v1.0:{name}"], cwd=repository) for name in names}


def serve(folder: Path, ready: Connection) -> None:
    """Runs all stand-ins until it is told to stop; sends the address of each source."""
    files = release_files()
    plain, with_lfs = Remote(folder / "forge" / "plain"), Remote(folder / "forge" / "pointed")
    forge, hub = Forge(folder / "forge"), Forge(folder / "hub")
    pointed = {**files, PKL: forge.keep(files[PKL])}
    for remote, own in ((plain, files), (with_lfs, pointed)):
        remote.release(files=own)
    hub.keep(files[PKL])
    Remote(folder / "hub" / "owner" / "name").release(files={**pointed, "README.md": files["MODELCARD.md"]})
    dvc = DvcRemote(Remote(folder / "dvc.git"))
    dvc.put(files)
    models = registry.Registry()
    models.register("v1.0", files)
    with ExitStack() as stack:
        stack.enter_context(serving(forge, certificate=make_certificate(folder / "certificate.pem")))
        stack.enter_context(serving(hub, HubHandler))
        stack.enter_context(registry.serving(models))
        addresses = {
            "git in a folder": str(plain.folder),
            "DVC in a folder": str(dvc.remote.folder),
            "git over https": f"{forge.url}/plain",
            "git-LFS over https": f"{forge.url}/pointed",
            "Hugging Face": "hf://owner/name",
            "MLflow": models.address(),
        }
        ready.send((addresses, hub.url))
        ready.recv()


@contextmanager
def stand_ins(folder: Path) -> Iterator[tuple[dict[str, str], str]]:
    """The addresses of all sources, and that of the Hub."""
    here, there = Pipe()
    process = get_context("fork").Process(target=serve, args=(folder, there))
    process.start()
    try:
        yield here.recv()
    finally:
        here.send(None)
        process.join()


def seconds_of(arguments: list[str], environment: Mapping[str, str]) -> float:
    """The processor time of a process and of all that it started, in seconds."""
    process = subprocess.Popen([sys.executable, "-c", PULL, *arguments], cwd=ROOT, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, arguments
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as name, stand_ins(Path(name)) as (addresses, hub):
        environment = {**os.environ, "GIT_SSL_CAINFO": f"{name}/certificate.pem", "HF_ENDPOINT": hub}
        times: dict[str, list[float]] = {source: [] for source in addresses}
        for number in range(rounds):
            sys.stderr.write(f"sources: round {number + 1} of {rounds}\n")
            start = seconds_of([], environment)
            for source, address in addresses.items():
                root = Path(name) / "house"
                root.mkdir()
                times[source].append(seconds_of([address, str(root)], environment) - start)
                shutil.rmtree(root)
    print(f"| source | processor time, ms | times that of git (at most {MOST:.0f}) |\n|---|--:|--:|")
    for source, found in times.items():
        beside = times[BESIDE.get(source, "git in a folder")]
        ratios = sorted(one / other for one, other in zip(found, beside, strict=True))
        print(f"| {source} | {1000 * median(found):.0f} | {median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}) |")


if __name__ == "__main__":
    main()
