"""From nothing to the first prediction: whole processes, ours and the plain path's in turns.

Both start the same interpreter of the same environment, read the same digit from the same file, and may use compiled
byte code (a first run of each is not counted).
"""

from __future__ import annotations

import sys
from pathlib import Path

from processes import Process, whole_process
from product import DIGITS, PRODUCT, environ

READ_DIGIT = """
import sys
import numpy as np
image = np.fromfile(sys.argv[1], np.uint8, 28 * 28, offset=16).reshape(28, 28)
"""
OURS = f"""
{READ_DIGIT}
from app.classifier import classify
print(classify(image)["prediction"])
"""
# The artefact is one of our own releases, built in this tree: the plain path executes it, as the course does.
PLAIN = f"""
{READ_DIGIT}
import joblib
pipeline = joblib.load(sys.argv[2])
scores = pipeline.predict_proba((image > 128).astype(float).reshape(1, -1))
print(pipeline.classes_[scores.argmax()])
"""


def cold_starts(version: str, artefact: Path, *, runs: int) -> dict[str, list[Process]]:
    """`runs` processes of "ours" and of "plain", in turns; all must read the digit alike."""
    done: dict[str, list[Process]] = {"ours": [], "plain": []}
    for _ in range(runs + 1):
        for name, script in (("ours", OURS), ("plain", PLAIN)):
            command = [sys.executable, "-c", script, DIGITS / "t10k-images-idx3-ubyte", artefact]
            done[name].append(whole_process(command, environ=environ(version), folder=PRODUCT))
    answers = {process.printed for processes in done.values() for process in processes}
    if len(answers) != 1:
        sys.exit(f"bench: cold starts of {version} do not agree on one digit: {sorted(answers)}")
    return {name: processes[1:] for name, processes in done.items()}  # the first one compiled the byte code
