"""Mutations of honest artefacts that a reader accepts."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import numpy as np

from app.errors import ArtefactRefused
from app.inference.artefact import Artefact
from tests.attacks.honest import honest_pipeline, random_state
from tests.attacks.mutations import HONEST, SMALL, SMALL_MLP, mutation

GIVE_UP = 10_000
"""Mutations in a row of which none is accepted: then the reader, or this file, is broken."""

NETWORK = {**SMALL_MLP, "dtype": "f8"}
ARTEFACTS = [
    *HONEST,
    honest_pipeline(sklearn="1.3.2", protocol=3, **SMALL),
    honest_pipeline("MLPClassifier", sklearn="1.5.2", numpy=1, **NETWORK),
    honest_pipeline("MLPClassifier", classes="123", features=3, hidden=(2,)),
    honest_pipeline("MLPClassifier", **{**NETWORK, "_random_state": random_state(seed_sequence=True)}),
    honest_pipeline("MLPClassifier", **{**NETWORK, "_random_state": random_state(numpy=1)}),
]
KEY = np.arange(624, dtype="u4").tobytes()
"""2,496 bytes in which any change is the same change."""


def accepted(seed: int, read: Callable[[bytes], Artefact]) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of mutations that `read` accepts, without end, and none twice; most of a single byte."""
    seen = set(ARTEFACTS)
    number = refused = 0
    while refused < GIVE_UP:
        make = one_byte if number % 4 else stacked
        name, data = make(seed, number)
        number += 1
        refused += 1
        if data in seen:
            continue
        seen.add(data)
        try:
            read(data)
        except ArtefactRefused:
            continue
        refused = 0
        yield name, data
    raise AssertionError(f"none of {refused} mutations in a row is accepted: {number} were tried")


def one_byte(seed: int, number: int) -> tuple[str, bytes]:
    """One byte replaced, or left out, or doubled; outside of the long array."""
    chance = random.Random(f"one byte {seed}:{number}")
    index = chance.randrange(len(ARTEFACTS))
    data = bytearray(ARTEFACTS[index])
    key = bytes(data).find(KEY)
    places = [*range(len(data))] if key < 0 else [*range(key + 8), *range(key + len(KEY) - 8, len(data))]
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
    return f"byte {at} of artefact {index}, mutation {number} of seed {seed}", bytes(data)


def stacked(seed: int, number: int) -> tuple[str, bytes]:
    return f"mutation {number} of seed {seed}", mutation(seed, number)
