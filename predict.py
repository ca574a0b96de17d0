"""The smoke test: real held-out digits through `classify_batch`, and what comes out held against the model's card.

    python predict.py

Exit codes: 0 the card's promise holds; 2 usage; 3 configuration; 4 the model is refused; 5 the promise does not hold.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from app.errors import PixelWiseError, system_refusals
from app.verify.refusals import PromiseBroken

if TYPE_CHECKING:
    import numpy as np

SHOWN = 5
USAGE = "usage: python predict.py  (it reads with the default that .env names; another: `pixelwise verify VERSION`)"


def main() -> int:
    """Runs the smoke test; returns the exit code."""
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]  # a terminal that cannot show a character
    arguments = sys.argv[1:]
    if arguments:
        asked = arguments in (["--help"], ["-h"])
        print(USAGE, file=sys.stdout if asked else sys.stderr)
        return 0 if asked else 2
    try:
        with system_refusals():
            smoke_test()
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except PixelWiseError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] == "app":
            raise
        print(f"{sys.executable} has no {missing.name}: run .venv/bin/python predict.py", file=sys.stderr)
        print(
            "(`bash setup-server.sh` makes .venv; `source .venv/bin/activate` makes it the usual python)",
            file=sys.stderr,
        )
        return 3
    return 0


def smoke_test() -> None:
    """Prints a line for each of five digits, then the accuracy over all.

    Raises:
        PixelWiseError: the model does not start, or does not keep its card's promise.
    """
    from app.classifier import MODEL  # opens and verifies the model; imported here so that main() can report a refusal
    from app.model.mnist import read_mnist_test
    from app.settings import read_settings
    from app.verify.accuracy import check_on_mnist, check_recorded, measure

    print(f"{MODEL.path.name}: {MODEL.scorer.kind}, version {MODEL.version}, classes {' '.join(MODEL.scorer.classes)}")
    if MODEL.recorded is not None:
        golden = MODEL.recorded.digits()
        show(golden.images, golden.labels)
        checks = check_recorded(MODEL.recorded, MODEL.scorer)
    else:
        images, labels = read_mnist_test(read_settings().mnist_dir)
        show(images, labels)
        print("This release has no golden set: MNIST's test file is read instead.")
        checks = [check_on_mnist(measure(MODEL.scorer, images, labels), MODEL.card)]
    for check in checks:
        promised = f"; promised: {check.promised}" if check.promised else f" ({check.why})"
        print(f"{check.name}: {check.found}{promised} -> {check.outcome}")
        if check.outcome == "differs":
            raise PromiseBroken(
                check.name,
                found=check.found,
                expected=check.promised,
                remedy="Do not serve this model here: `pixelwise verify` shows more. Pin another version.",
            )


def show(images: np.ndarray, labels: tuple[str, ...]) -> None:
    """Prints the answers for the first digits, and for a withheld one if there is one, with skew findings."""
    from app.classifier import CLASSES, MODEL, classify_batch
    from app.drawing.ring_of_zero import with_withheld
    from app.drawing.skew import find_skew, skipped_checks
    from app.model.contract import withheld_from

    known = [index for index, label in enumerate(labels) if label in CLASSES]
    withheld = [index for index, label in enumerate(labels) if label not in CLASSES]
    chosen = (known[: SHOWN - 1] + withheld[:1] + known[SHOWN - 1 :])[:SHOWN]
    contract = MODEL.card.contract if MODEL.card else None
    profile = contract.profile if contract else None
    if skipped := skipped_checks(profile):
        print(f"Not checked for want of a profile in the card: {', '.join(skipped)}")
    findings = with_withheld(find_skew(images[chosen], profile), images[chosen], withheld_from(CLASSES))
    for index, answer, found in zip(chosen, classify_batch(images[chosen]), findings, strict=True):
        line = f"Pred: {answer['prediction']} (conf {answer['confidence']:.2f}) True: {labels[index]}"
        notes = [f"withheld: this version was never taught {labels[index]}"] if labels[index] not in CLASSES else []
        notes += [f"{finding.name}: {finding.remedy}" for finding in found]
        print(line + "".join(f"  [{note}]" for note in notes))


if __name__ == "__main__":
    sys.exit(main())
