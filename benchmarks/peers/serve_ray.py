"""Ray Serve with dynamic request batching, as its documentation has it: `serve.batch` in one replica.

ARTEFACT=digit_classifier_v1.pkl FOLDER=... python serve_ray.py PORT; POST / {"pixels": 28 rows of 28} -> an answer
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

import joblib
import numpy as np
import ray
from ray import serve
from starlette.requests import Request


@serve.deployment(num_replicas=1, max_ongoing_requests=100)
class Digits:
    def __init__(self, artefact: str) -> None:
        self.pipeline = joblib.load(artefact)
        self.labels = [str(label) for label in self.pipeline.classes_]

    @serve.batch(max_batch_size=50, batch_wait_timeout_s=0.02)
    async def classify(self, drawings: list[list[list[int]]]) -> list[dict[str, Any]]:
        ink = (np.array(drawings) > 128).astype(float).reshape(len(drawings), 784)
        return [self.answer(scores) for scores in self.pipeline.predict_proba(ink).tolist()]

    def answer(self, scores: list[float]) -> dict[str, Any]:
        best = max(range(len(scores)), key=scores.__getitem__)
        by_label = dict(zip(self.labels, scores, strict=True))
        return {"prediction": self.labels[best], "confidence": scores[best], "scores": by_label}

    async def __call__(self, request: Request) -> dict[str, Any]:
        return await self.classify((await request.json())["pixels"])


if __name__ == "__main__":
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        object_store_memory=100 * 1024 * 1024,
        log_to_driver=False,
        _node_ip_address="127.0.0.1",
        _temp_dir=os.environ["FOLDER"],
    )
    serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[1])})
    serve.run(Digits.bind(os.environ["ARTEFACT"]))
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    serve.shutdown()
    ray.shutdown()
