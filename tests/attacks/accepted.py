"""Mutations of honest artefacts that a reader accepts."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from itertools import count

import numpy as np

from app.model.refusals import ArtefactRefused
from app.model.sklearn_pickle.artefact import Artefact
from tests.attacks.assemble import joblib_dump
from tests.attacks.honest import (
    honest_pipeline,
    logistic_regression,
    min_max_scaler,
    mlp,
    pca,
    random_state,
    scaled,
    standard_scaler,
)
from tests.attacks.mutations import HONEST, SMALL, SMALL_MLP, mutation

GIVE_UP = 10_000
"""Mutations in a row of which none is accepted: then the reader, or this file, is broken."""

MOST_EDITS = 8

NETWORK = {**SMALL_MLP, "dtype": "f8"}
ARTEFACTS = [
    *HONEST,
    honest_pipeline(sklearn="1.3.2", protocol=3, **SMALL),
    honest_pipeline("MLPClassifier", sklearn="1.5.2", numpy=1, **NETWORK),
    honest_pipeline("MLPClassifier", classes="123", features=3, hidden=(2,)),
    honest_pipeline("MLPClassifier", **{**NETWORK, "_random_state": random_state(seed_sequence=True)}),
    honest_pipeline("MLPClassifier", **{**NETWORK, "_random_state": random_state(numpy=1)}),
    joblib_dump(logistic_regression(classes="123", features=3)),
    scaled(standard_scaler(features=3), classifier=mlp(**NETWORK), protocol=5),
    scaled(min_max_scaler(features=3), classifier=logistic_regression(classes="123", features=3)),
    scaled(pca(features=3, axes=2), classifier=logistic_regression(classes="123", features=2)),
]
KEY = np.arange(624, dtype="u4").tobytes()
"""2,496 bytes in which any change is the same change."""


def accepted(seed: int, read: Callable[[bytes], Artefact]) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of mutations that `read` accepts, without end, and none twice.

    A byte of an honest artefact is changed; then one more of what was accepted, and so on, up to `MOST_EDITS`. Of four
    tries one is a mutation as tests/attacks/mutations.py makes them.
    """
    bases = [(f"artefact {index}", 0, data) for index, data in enumerate(ARTEFACTS)]
    seen = set(ARTEFACTS)
    refused = 0
    for number in count():
        chance = random.Random(f"accepted {seed}:{number}")
        among = len(ARTEFACTS) if chance.random() < 0.5 else len(bases)
        base, edits, before = bases[chance.randrange(among)]
        name, data = f"{base}, mutation {number} of seed {seed}", one_byte(chance, before)
        if number % 4 == 0:
            name, edits, data = f"mutation {number} of seed {seed}", MOST_EDITS, mutation(seed, number)
        if refused == GIVE_UP:
            raise AssertionError(f"none of {refused} mutations in a row is accepted, after {number}")
        refused += 1
        if data in seen:
            continue
        seen.add(data)
        try:
            read(data)
        except ArtefactRefused:
            continue
        refused = 0
        if edits + 1 < MOST_EDITS:
            bases.append((base, edits + 1, data))
        yield name if number % 4 == 0 else f"{edits + 1} edits of {name}", data


def one_byte(chance: random.Random, before: bytes) -> bytes:
    """One byte replaced, or left out, or doubled; outside of the long array."""
    data = bytearray(before)
    key = before.find(KEY[8:-8])
    places = range(len(data)) if key < 0 else [*range(key), *range(key + len(KEY) - 16, len(data))]
    at = chance.choice(places)
    match chance.randrange(8):
        case 0:
            del data[at]
        case 1:
            data[at:at] = data[at : at + 1]
        case 2 | 3:
            data[at] ^= 1 << chance.randrange(8)
        case 4 | 5:
            data[at] = chance.randrange(256)
        case _:
            data[at] = (data[at] + chance.choice((1, -1))) % 256
    return bytes(data)
