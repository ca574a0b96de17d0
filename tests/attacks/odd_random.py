"""Odd generators of random numbers: numpy's constructors run when a file is read, and are picky."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.attacks.assemble import MISSING, Call, Global, replaced
from tests.attacks.honest import random_state
from tests.attacks.odd import Odd, linear, network

PICKLE = "numpy.random._pickle"
RANDOM_STATE = Global(PICKLE, "__randomstate_ctor")
BIT_GENERATOR = Global(PICKLE, "__bit_generator_ctor")
MT19937 = Global("numpy.random._mt19937", "MT19937")
UNPICKLE_SEED = Global("numpy.random.bit_generator", "__pyx_unpickle_SeedSequence")
SEED_SEQUENCE = Global("numpy.random.bit_generator", "SeedSequence")
CHECKSUM = 65708578
SEED = (37222253729652456802084626894265584890, 0, np.arange(4, dtype="u4"), 4, ())


def files() -> Iterator[Odd]:
    for name, value in {**_whole(), **_constructors(), **_states(), **_seeds()}.items():
        yield Odd(f"random state {name}", network(_random_state=value))
    yield Odd("random_state a RandomState of numpy 2", linear(random_state=random_state()))
    yield Odd("random_state a RandomState of numpy 1", linear(random_state=random_state(numpy=1)))
    yield Odd("random_state a broken RandomState", linear(random_state=Call(RANDOM_STATE, ("lbfgs",))))


def _whole() -> dict[str, Any]:
    return {
        "of numpy 1": random_state(numpy=1),
        "of numpy 2": random_state(),
        "with a seed sequence": random_state(seed_sequence=True),
        "a number": 0,
        "None": None,
        "a text": "MT19937",
        "left out": MISSING,
        "a bit generator": Call(BIT_GENERATOR, ("MT19937",)),
        "a seed sequence": _seed(),
        "a class": MT19937,
        "a function": RANDOM_STATE,
    }


def _constructors() -> dict[str, Any]:
    state = random_state().state
    generator = Call(BIT_GENERATOR, (MT19937,), (_twister(), None))
    calls = {
        "of nothing": (RANDOM_STATE, ()),
        "of MT19937 by name": (RANDOM_STATE, ("MT19937",)),
        "of lbfgs": (RANDOM_STATE, ("lbfgs",)),
        "of PCG64": (RANDOM_STATE, ("PCG64",)),
        "of a number": (RANDOM_STATE, (0,)),
        "of None": (RANDOM_STATE, (None,)),
        "of a class": (RANDOM_STATE, (MT19937,)),
        "of three arguments": (RANDOM_STATE, ("MT19937", BIT_GENERATOR, None)),
        "of another constructor": (RANDOM_STATE, ("MT19937", RANDOM_STATE)),
        "of a constructor that is no function": (RANDOM_STATE, ("MT19937", "MT19937")),
        "of a dtype as constructor": (RANDOM_STATE, ("f8", Global("numpy", "dtype"))),
        "of a generator and a constructor": (RANDOM_STATE, (generator, BIT_GENERATOR)),
        "of an unnamed generator": (RANDOM_STATE, (Call(BIT_GENERATOR, (), (_twister(), None)),)),
        "of a generator by name": (RANDOM_STATE, (Call(BIT_GENERATOR, ("MT19937",), (_twister(), None)),)),
        "of a generator PCG64": (RANDOM_STATE, (Call(BIT_GENERATOR, ("PCG64",)),)),
        "of a generator 7": (RANDOM_STATE, (Call(BIT_GENERATOR, (7,)),)),
        "of a generator of a wrong class": (RANDOM_STATE, (Call(BIT_GENERATOR, (SEED_SEQUENCE,)),)),
        "of a generator ndarray": (RANDOM_STATE, (Call(BIT_GENERATOR, (Global("numpy", "ndarray"),)),)),
        "of a generator of two arguments": (RANDOM_STATE, (Call(BIT_GENERATOR, (MT19937, 1)),)),
        "of itself": (RANDOM_STATE, (random_state(),)),
        "of a seed sequence": (RANDOM_STATE, (_seed(),)),
    }
    return {name: Call(function, args, state) for name, (function, args) in calls.items()}


def _states() -> dict[str, Any]:
    honest = random_state().state
    key = honest["state"]["key"]
    inner: dict[str, Any] = {
        "without key": {"pos": 3},
        "without pos": {"key": key},
        "with pos -1": {"key": key, "pos": -1},
        "with pos 2^40": {"key": key, "pos": 1 << 40},
        "with pos 625": {"key": key, "pos": 625},
        "with pos a text": {"key": key, "pos": "3"},
        "with pos None": {"key": key, "pos": None},
        "with a key of 623": {"key": key[:-1], "pos": 3},
        "with a key of 625": {"key": np.arange(625, dtype="u4"), "pos": 3},
        "with a key of float64": {"key": key.astype(float), "pos": 3},
        "with a key of int64": {"key": key.astype("i8"), "pos": 3},
        "with a key of negatives": {"key": -key.astype("i8"), "pos": 3},
        "with a key of text": {"key": "key", "pos": 3},
        "with a key of two dimensions": {"key": key.reshape(2, 312), "pos": 3},
        "with more": {"key": key, "pos": 3, "x": 1},
    }
    states: dict[str, Any] = {
        **{f"state {name}": replaced(honest, {"state": state}) for name, state in inner.items()},
        "without state": MISSING,
        "with state None": None,
        "with an empty state": {},
        "with a tuple as state": ("MT19937", key, 3, 0, 0.0),
        "with a list as state": ["MT19937", key, 3],
        "without gauss": replaced(honest, {"gauss": MISSING}),
        "with gauss a text": replaced(honest, {"gauss": "0"}),
        "with gauss None": replaced(honest, {"gauss": None}),
        "with has_gauss 2": replaced(honest, {"has_gauss": 2}),
        "with has_gauss a text": replaced(honest, {"has_gauss": "no"}),
        "with has_gauss 2^40": replaced(honest, {"has_gauss": 1 << 40}),
        "named PCG64": replaced(honest, {"bit_generator": "PCG64"}),
        "named None": replaced(honest, {"bit_generator": None}),
        "without name": replaced(honest, {"bit_generator": MISSING}),
        "with another key": replaced(honest, {"x": 1}),
    }
    generator = random_state().args[0]
    made = {name: Call(RANDOM_STATE, (generator,), state) for name, state in states.items()}
    for name, state in {
        "of one": (_twister(),), "of three": (_twister(), None, None), "a dict": _twister(), "None": None,
        "with a number as seed": (_twister(), 1), "with a text as seed": (_twister(), "seed"),
        "named SFC64": ({**_twister(), "bit_generator": "SFC64"}, None), "empty": (), "of None": (None, None),
        "with a key of 3": ({"bit_generator": "MT19937", "state": {"key": np.arange(3, dtype="u4"), "pos": 3}}, None),
    }.items():  # fmt: skip
        made[f"generator state {name}"] = Call(RANDOM_STATE, (Call(BIT_GENERATOR, (MT19937,), state),), honest)
    return made


def _seeds() -> dict[str, Any]:
    def with_seed(seed: Any) -> Call:
        return Call(RANDOM_STATE, (Call(BIT_GENERATOR, (MT19937,), (_twister(), seed)),), random_state().state)

    seeds = {
        "checksum 0": _seed(checksum=0),
        "checksum + 1": _seed(checksum=CHECKSUM + 1),
        "checksum a text": _seed(checksum=str(CHECKSUM)),
        "checksum None": _seed(checksum=None),
        "of another class": _seed(of=MT19937),
        "of ndarray": _seed(of=Global("numpy", "ndarray")),
        "of a text": _seed(of="SeedSequence"),
        "with a third argument": _seed(third=SEED),
        "with a third argument of text": _seed(third="seed"),
        "without state": _seed(state=MISSING),
        "with state None": _seed(state=None),
        "with an empty state": _seed(state=()),
        "with a short state": _seed(state=SEED[:3]),
        "with a long state": _seed(state=(*SEED, {"x": 1})),
        "with a dict as state": _seed(state={"entropy": 1}),
        "with entropy a text": _seed(state=("x", *SEED[1:])),
        "with entropy None": _seed(state=(None, *SEED[1:])),
        "with children -1": _seed(state=(SEED[0], -1, *SEED[2:])),
        "with children a text": _seed(state=(SEED[0], "0", *SEED[2:])),
        "with children 2^40": _seed(state=(SEED[0], 1 << 40, *SEED[2:])),
        "with a pool of float64": _seed(state=(*SEED[:2], np.arange(4.0), *SEED[3:])),
        "with a pool of 3": _seed(state=(*SEED[:2], np.arange(3, dtype="u4"), *SEED[3:])),
        "with a pool None": _seed(state=(*SEED[:2], None, *SEED[3:])),
        "with a pool size of 1000": _seed(state=(*SEED[:3], 1000, ())),
        "with a pool size of text": _seed(state=(*SEED[:3], "4", ())),
        "with a spawn key": _seed(state=(*SEED[:4], (0, 1))),
        "with a spawn key of text": _seed(state=(*SEED[:4], "key")),
    }
    return {f"seed {name}": with_seed(seed) for name, seed in seeds.items()}


def _seed(*, of: Any = SEED_SEQUENCE, checksum: Any = CHECKSUM, third: Any = None, state: Any = SEED) -> Call:
    return Call(UNPICKLE_SEED, (of, checksum, third), state)


def _twister() -> dict[str, Any]:
    return {"bit_generator": "MT19937", "state": {"key": np.arange(624, dtype="u4"), "pos": 320}}
