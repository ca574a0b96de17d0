"""A copy of the product in benchmarks/results/product/, with all three releases pulled: the copy is measured as it
runs, and the `.env` and `models/` of this installation neither change nor matter."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from processes import whole_process

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
PRODUCT = RESULTS / "product"
DIGITS = ROOT / "pixelwise-model" / "data"
VERSIONS = ("v1.0", "v1.1", "v2.0")
PULL = "import app.cli.program; app.cli.program.main()"
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def copy_product() -> None:
    """Copies `app/` and `model.lock` afresh; models and compiled code are made there."""
    shutil.rmtree(PRODUCT, ignore_errors=True)
    shutil.copytree(ROOT / "app", PRODUCT / "app", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "model.lock", PRODUCT)


def environ(version: str, *, threads: int | None = None) -> dict[str, str]:
    """The environment of a process that serves this version; nothing of this installation's settings is left in it.

    Args:
        threads: of the linear algebra; None leaves the libraries their default, one for each core.
    """
    dropped = {*THREADS, "PYTHONDONTWRITEBYTECODE", "PYTHONPATH"}
    kept = {key: value for key, value in os.environ.items() if key not in dropped}
    settings = {
        "MODEL_REPO": str(ROOT / "pixelwise-model" / "releases.git"),
        "MODEL_VERSION": version,
        "MODEL_PATH": "",
        "REQUIRE_LOCK": "false",
        "MNIST_DIR": str(DIGITS),
        "PYTHONPATH": str(PRODUCT),
    }
    return {**kept, **settings, **(dict.fromkeys(THREADS, str(threads)) if threads else {})}


def pull(version: str, *, times: int) -> Iterator[float]:
    """Seconds of `pixelwise pull`, each into an empty models folder; the last one stays."""
    for _ in range(times):
        shutil.rmtree(PRODUCT / "models" / version, ignore_errors=True)
        yield whole_process([sys.executable, "-c", PULL, "pull"], environ=environ(version), folder=PRODUCT).seconds
