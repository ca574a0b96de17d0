"""LitServe with batching, as its documentation has it: decode, batch, predict, unbatch, encode, in one worker.

ARTEFACT=digit_classifier_v1.pkl python serve_litserve.py PORT; POST /predict {"pixels": 28 rows of 28} -> an answer
"""

from __future__ import annotations

import os
import sys
from typing import Any

import joblib
import litserve
import numpy as np


class Digits(litserve.LitAPI):
    def setup(self, device: str) -> None:
        self.pipeline = joblib.load(os.environ["ARTEFACT"])
        self.labels = [str(label) for label in self.pipeline.classes_]

    def decode_request(self, request) -> np.ndarray:
        return np.array(request["pixels"]).reshape(784)

    def batch(self, inputs: list[np.ndarray]) -> np.ndarray:
        return np.stack(inputs)

    def predict(self, x: np.ndarray) -> np.ndarray:
        return self.pipeline.predict_proba((x > 128).astype(float))

    def unbatch(self, output: np.ndarray) -> list[list[float]]:
        return output.tolist()

    def encode_response(self, output: list[float]) -> dict[str, Any]:
        best = max(range(len(output)), key=output.__getitem__)
        scores = dict(zip(self.labels, output, strict=True))
        return {"prediction": self.labels[best], "confidence": output[best], "scores": scores}


if __name__ == "__main__":
    # No batch_timeout: waiting requests are taken at once. Longer windows answered fewer requests here.
    server = litserve.LitServer(Digits(max_batch_size=50), accelerator="cpu", workers_per_device=1)
    server.run(
        host="127.0.0.1",
        port=int(sys.argv[1]),
        num_api_servers=1,
        generate_client_file=False,
        access_log=False,
        log_level="warning",
    )
