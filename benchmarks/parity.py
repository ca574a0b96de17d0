"""The reader and the engine against seven scikit-learn releases: `make parity`; writes docs/parity.md.

    .venv/bin/python benchmarks/parity.py [1.3.2 1.9.1 ...]

For each release an environment of its own (kept in benchmarks/results/ for the next time) writes artefacts and scores;
this process, which has no scikit-learn, must give the same labels and scores, or refuse by name. A first run installs
seven environments: some minutes.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402 - the path to app/ comes first
from numpy.typing import NDArray  # noqa: E402

from app.model.contract import INK_ABOVE, SCORE_TOLERANCE  # noqa: E402
from app.model.engine import Engine  # noqa: E402
from app.model.mnist import read_mnist_test  # noqa: E402
from app.model.refusals import ArtefactRefused  # noqa: E402
from app.model.sklearn_pickle.artefact import Artefact, read_artefact  # noqa: E402

EXACT = 1e-12
"""Greatest distance of scores computed in float64 from the layers read here from those of a float64 model."""
TESTED = 500


PAGE = """\
# Parity with scikit-learn

For whoever brings an artefact of their own.
Written by `make parity`; not edited by hand. Each scikit-learn release, with libraries of its time, fits small
pipelines on MNIST digits and writes them with pickle protocols 3, 4 and 5 (`benchmarks/parity_artefacts.py` lists
them). PixelWise reads every file as data. On {tested} test digits all labels must be those of `predict`, and the
engine's scores lie within {tolerance:.0e} of those of `predict_proba`; the scores of a float64 model, computed in
float64 from the layers as they were read, within {exact:.0e}.

| scikit-learn | numpy, joblib | kind | files read | files refused | worst difference | in float64 |
|---|---|---|--:|--:|--:|--:|
{rows}

`scaled`: a bare classifier, or one behind StandardScaler, MinMaxScaler or PCA, fitted on ink, on grey values
divided by 255, and on bytes; the scale is given as a card would state it.
`refused`: honest pipelines of other kinds (trees, neighbours, support vectors, other steps, one-versus-rest), and some
whose scale is not given; each refusal names what it found.
`newton-cholesky` fits one-versus-rest in old releases, which is no softmax: refused there.
scikit-learn 1.6 to 1.8 cannot fit a network with `early_stopping` on labels that are text: those cases are missing.
"""


class Release(NamedTuple):
    """A scikit-learn release with libraries of its time."""

    sklearn: str
    numpy: str
    scipy: str
    joblib: str


RELEASES = (
    Release("1.3.2", numpy="1.26.4", scipy="1.11.4", joblib="1.3.2"),
    Release("1.4.2", numpy="1.26.4", scipy="1.12.0", joblib="1.4.2"),
    Release("1.5.2", numpy="2.0.2", scipy="1.13.1", joblib="1.4.2"),
    Release("1.6.1", numpy="2.1.3", scipy="1.14.1", joblib="1.4.2"),
    Release("1.7.2", numpy="2.2.6", scipy="1.15.3", joblib="1.5.2"),
    Release("1.8.0", numpy="2.3.5", scipy="1.16.3", joblib="1.5.3"),
    Release("1.9.1", numpy="2.4.6", scipy="1.17.1", joblib="1.6.0"),
)


@dataclass
class Outcome:
    """Outcome for the artefacts of one kind: the numbers of files read and refused, and the distance of the scores."""

    read: int = 0
    refused: int = 0
    engine: float = 0.0
    exact: float = 0.0
    failures: list[str] = field(default_factory=list)


def main(wanted: list[str]) -> int:
    releases = [release for release in RELEASES if not wanted or release.sklearn in wanted]
    images, _ = read_mnist_test(ROOT / "pixelwise-model" / "data")
    outcomes = {}
    for release in releases:
        folder = artefacts(release)
        outcomes[release] = judge(folder, images[:TESTED])
        for kind, outcome in outcomes[release].items():
            print(f"scikit-learn {release.sklearn}, {kind}: {summary(outcome)}")
    failures = [
        f"scikit-learn {release.sklearn}, {failure}"
        for release, kinds in outcomes.items()
        for outcome in kinds.values()
        for failure in outcome.failures
    ]
    print(*failures, sep="\n", end="\n" if failures else "")
    if not wanted and not failures:
        (ROOT / "docs" / "parity.md").write_text(page(outcomes), encoding="utf-8")
    return 1 if failures else 0


def artefacts(release: Release) -> Path:
    """The folder with this release's artefacts; its environment is made if missing."""
    results = ROOT / "benchmarks" / "results"
    environment = results / "parity-venvs" / release.sklearn
    pins = [f"{name}=={version}" for name, version in zip(("scikit-learn", *release._fields[1:]), release, strict=True)]
    stamp = environment / "installed.txt"
    python = environment / "bin" / "python"
    if not stamp.exists() or stamp.read_text() != "\n".join(pins):
        print(f"installing {', '.join(pins)}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", environment], check=True)
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]
        if subprocess.run([*pip, *pins]).returncode != 0:
            sys.exit(
                f"parity: {', '.join(pins)} could not be installed. Is the package registry reachable? "
                f"All seven releases exist for Python 3.11 and 3.12 only; this is {sys.version.split()[0]}."
            )
        stamp.write_text("\n".join(pins))
    folder = results / "parity" / release.sklearn
    folder.mkdir(parents=True, exist_ok=True)
    script = ROOT / "benchmarks" / "parity_artefacts.py"
    subprocess.run([python, "-W", "ignore", script, ROOT / "pixelwise-model" / "data", folder], check=True)
    return folder


def judge(folder: Path, images: NDArray[np.uint8]) -> dict[str, Outcome]:
    """Outcomes by kind."""
    outcomes: defaultdict[str, Outcome] = defaultdict(Outcome)
    for number, case in enumerate(json.loads((folder / "cases.json").read_text())):
        outcome = outcomes[case["kind"]]
        for file in case["files"]:
            for failure in judge_file(folder / file, number, case, images, outcome):
                outcome.failures.append(f"{case['kind']} ({case['what']}, {case['dtype']}, {file}): {failure}")
    return dict(outcomes)


def judge_file(
    path: Path, number: int, case: dict[str, Any], images: NDArray[np.uint8], outcome: Outcome
) -> Iterator[str]:
    """Counts one artefact; yields faults in how it was read."""
    try:
        artefact = read_artefact(path, lambda: case["scale"] if case["names"] is None else None)
    except ArtefactRefused as refusal:
        outcome.refused += 1
        named = case["names"] or ("one-versus-rest" if case["kind"] == "newton-cholesky" else None)
        if named is None:
            yield f"an honest artefact is refused: {refusal}"
        elif named not in str(refusal):
            yield f"the refusal does not name {named}: {refusal}"
        return
    outcome.read += 1
    if case["names"] is not None:
        yield "read, and should be refused"
        return
    step = case["step"]
    pixels = images[:, ::step, ::step]
    truth = np.load(path.with_name(f"{number:03}-scores.npy"))
    labels = np.load(path.with_name(f"{number:03}-labels.npy"))
    scores = Engine(artefact).scores(pixels)
    difference = float(np.abs(scores - truth).max())
    outcome.engine = max(outcome.engine, difference)
    wrong = int((np.array(artefact.classes)[scores.argmax(axis=1)] != labels).sum())
    if wrong or not difference <= SCORE_TOLERANCE:
        yield f"{wrong} of {len(labels)} labels are wrong, scores differ by {difference:.1e}"
    if case["dtype"] == "float64":
        exact = float(np.abs(exact_scores(artefact, pixels) - truth).max())
        outcome.exact = max(outcome.exact, exact)
        if not exact <= EXACT:
            yield f"scores of the layers that were read differ by {exact:.1e} in float64"


def exact_scores(artefact: Artefact, images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Scores of the layers in plain float64 arithmetic: a check of the reader apart from the engine."""
    activate = {
        "relu": lambda values: np.maximum(values, 0),
        "tanh": np.tanh,
        "logistic": lambda values: 1 / (1 + np.exp(-values)),
        "identity": lambda values: values,
    }[artefact.activation]
    values = (images if artefact.is_grey else images > INK_ABOVE).astype(float).reshape(len(images), -1)
    for place, layer in enumerate(artefact.layers):
        values = values @ layer.weights + layer.bias
        if place < len(artefact.layers) - 1:
            values = activate(values)
    values = np.exp(values - values.max(axis=1, keepdims=True))
    return values / values.sum(axis=1, keepdims=True)


def summary(outcome: Outcome) -> str:
    parts = [f"{outcome.read} read (worst difference {outcome.engine:.1e}, float64 {outcome.exact:.1e})"]
    parts += [f"{outcome.refused} refused"] if outcome.refused else []
    parts += [f"{len(outcome.failures)} FAILED"] if outcome.failures else []
    return ", ".join(parts)


def page(outcomes: dict[Release, dict[str, Outcome]]) -> str:
    """docs/parity.md"""
    rows = []
    for release, kinds in outcomes.items():
        for kind, outcome in kinds.items():
            differences = [f"{outcome.engine:.1e}", f"{outcome.exact:.1e}"] if outcome.read else ["", ""]
            libraries = f"{release.numpy}, {release.joblib}"
            cells = [release.sklearn, libraries, kind, str(outcome.read), str(outcome.refused), *differences]
            rows.append(f"| {' | '.join(cells)} |")
    return PAGE.format(tested=TESTED, tolerance=SCORE_TOLERANCE, exact=EXACT, rows="\n".join(rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
