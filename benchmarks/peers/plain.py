"""The plain FastAPI service: what a participant of the course writes, on uvicorn with httptools and uvloop.

    ARTEFACT=digit_classifier_v1.pkl python benchmarks/peers/plain.py PORT

A pydantic body, `joblib.load` at the start, scikit-learn for each request, a JSON answer; no key, no database, no log
of requests. In two forms: `def`, which FastAPI runs in its pool of threads, as its documentation recommends for work
that blocks; and `async def`, which blocks the event loop, and answers more requests all the same.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import joblib
import numpy as np
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel, Field

Row = Annotated[list[Annotated[int, Field(ge=0, le=255)]], Field(min_length=28, max_length=28)]

app = FastAPI()
pipeline = joblib.load(os.environ["ARTEFACT"])
labels = [str(label) for label in pipeline.classes_]


class Drawing(BaseModel):
    pixels: Annotated[list[Row], Field(min_length=28, max_length=28)]


def answer(drawing: Drawing) -> dict[str, Any]:
    ink = (np.array(drawing.pixels) > 128).astype(float).reshape(1, 784)
    scores = pipeline.predict_proba(ink)[0].tolist()
    best = max(range(len(labels)), key=scores.__getitem__)
    return {"prediction": labels[best], "confidence": scores[best], "scores": dict(zip(labels, scores, strict=True))}


@app.post("/classify")
def classify(drawing: Drawing) -> dict[str, Any]:
    return answer(drawing)


@app.post("/classify-on-the-loop")
async def classify_on_the_loop(drawing: Drawing) -> dict[str, Any]:
    return answer(drawing)


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=False, log_level="warning")
