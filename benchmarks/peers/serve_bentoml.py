"""BentoML with adaptive batching, as its documentation has it: `batchable=True`, arrays in and out, one worker.

ARTEFACT=digit_classifier_v1.pkl python serve_bentoml.py PORT; POST /classify {"images": [784 values]} -> [[scores]]
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import bentoml
import joblib
import numpy as np


@bentoml.service(workers=1, metrics={"enabled": False}, logging={"access": {"enabled": False}})
class Digits:
    def __init__(self) -> None:
        self.pipeline = joblib.load(os.environ["ARTEFACT"])

    @bentoml.api(batchable=True)
    def classify(self, images: np.ndarray) -> np.ndarray:
        return self.pipeline.predict_proba((images > 128).astype(float))


if __name__ == "__main__":
    os.environ["BENTOML_DO_NOT_TRACK"] = "True"
    bentoml_command = str(Path(sys.executable).with_name("bentoml"))
    serve = ["serve", f"{Path(__file__).stem}:Digits", "--host", "127.0.0.1", "--port", sys.argv[1]]
    os.chdir(Path(__file__).parent)
    os.execv(bentoml_command, [bentoml_command, *serve, "--quiet"])
