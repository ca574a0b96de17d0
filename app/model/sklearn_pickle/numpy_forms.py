"""The forms of numpy's own objects in an honest artefact. numpy obeys every field of them, even those that no
model needs, so a value in any other form is refused: a field that one reader ignores, another may obey.

Each function returns the fault, or None.

Source: numpy's `dtype.__reduce__`, `numpy/random/_pickle.py`, and `_mt19937.pyx` and `bit_generator.pyx` beside it.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from app.model.sklearn_pickle.names import (
    BIT_GENERATOR,
    DTYPE,
    MERSENNE_TWISTER,
    RANDOM_STATE,
    SEED_SEQUENCE,
    UNPICKLE_SEED_SEQUENCE,
    Global,
    Instance,
)

OBJECT = "O8"
_NUMBER = re.compile(r"(?:f[48]|[iu][1248]|b1)\Z")
_TEXT = re.compile(r"U([1-9][0-9]?)\Z")
_SEED_SEQUENCE_CHECKSUM = 65708578
"""Checksum of a SeedSequence's attributes, as computed by Cython: the same in numpy 2.0 to 2.4."""
_TWISTER_WORDS, _POOL_WORDS = 624, 4


def wrong_call(function: Global, args: tuple[Any, ...]) -> str | None:
    """The fault in the arguments of a call that makes a dtype or a random generator."""
    if function == DTYPE:
        honest = len(args) == 3 and type(args[0]) is str and args[1] is False and args[2] is True
        if not (honest and (args[0] == OBJECT or _NUMBER.match(args[0]) or _TEXT.match(args[0]))):
            return "a dtype that is no plain integer, float, boolean or text"
    elif function == BIT_GENERATOR:
        if not (len(args) == 1 and _is_name(args[0], MERSENNE_TWISTER)):
            return "a bit generator other than numpy's MT19937"
    elif function == UNPICKLE_SEED_SEQUENCE:
        if not (len(args) == 3 and _is_name(args[0], SEED_SEQUENCE) and _is_int(args[1]) and args[2] is None):
            return "a seed sequence that is not written as numpy does it"
        if args[1] != _SEED_SEQUENCE_CHECKSUM:
            return f"a seed sequence with the checksum {args[1]}"
    elif function == RANDOM_STATE:
        by_name = len(args) == 2 and _is_text(args[0], "MT19937") and _is_name(args[1], BIT_GENERATOR)
        if not by_name and not (len(args) == 1 and is_built(args[0], BIT_GENERATOR)):
            return "a random state that is not written as numpy does it"
    return None


def wrong_state(instance: Instance, state: object) -> str | None:
    """The fault in the state that one of numpy's objects is given."""
    if instance.of == DTYPE:
        return _wrong_dtype(instance.args[0], state)
    if instance.of == BIT_GENERATOR:
        honest = type(state) is tuple and len(state) == 2 and _is_twister(state[0])
        if not honest or not (state[1] is None or is_built(state[1], UNPICKLE_SEED_SEQUENCE)):  # type: ignore[index]
            return "a bit generator whose state is not written as numpy does it"
    if instance.of == UNPICKLE_SEED_SEQUENCE and not _is_seed_sequence(state):
        return "a seed sequence whose state is not written as numpy does it"
    if instance.of == RANDOM_STATE and not _is_random_state(state):
        return "a random state that is not written as numpy does it"
    return None


def is_built(value: object, *of: Global) -> bool:
    """True for an instance of one of these names that has been given its state."""
    return type(value) is Instance and value.of in of and value.state is not None


def _wrong_dtype(code: str, state: object) -> str | None:
    """The fault in a dtype: byte order, item size, alignment and flags follow from the code; numpy would accept
    others."""
    text = _TEXT.match(code)
    size = 4 * int(text[1]) if text else -1
    alignment, flags = (4, 8) if text else (-1, 63 if code == OBJECT else 0)
    order = "|" if code == OBJECT or (code[1:] == "1" and not text) else "<"
    honest = (3, order, None, None, None, size, alignment, flags)
    same = type(state) is tuple and len(state) == 8 and [*map(type, state)] == [*map(type, honest)]
    return None if same and state == honest else f"a dtype {code} whose state is not {honest}"


def _is_int(value: object, allowed: range | None = None) -> bool:
    return type(value) is int and (allowed is None or value in allowed)


def _is_name(value: object, name: Global) -> bool:
    return type(value) is Global and value == name  # subtle: comparing an array gives no truth value


def _is_text(value: object, text: str) -> bool:
    return type(value) is str and value == text


def _is_words(value: object, count: int) -> bool:
    return isinstance(value, np.ndarray) and value.dtype == np.uint32 and value.shape == (count,)


def _has_keys(value: object, *keys: str) -> bool:
    return type(value) is dict and set(value) == set(keys)


def _is_twister(value: object) -> bool:
    return _has_keys(value, "bit_generator", "state") and _is_twister_state(value)


def _is_twister_state(value: Any) -> bool:
    state = value["state"]
    return (
        _is_text(value["bit_generator"], "MT19937")
        and _has_keys(state, "key", "pos")
        and _is_words(state["key"], _TWISTER_WORDS)
        and _is_int(state["pos"], range(_TWISTER_WORDS + 1))
    )


def _is_random_state(value: Any) -> bool:
    return (
        _has_keys(value, "bit_generator", "state", "has_gauss", "gauss")
        and _is_twister_state(value)
        and _is_int(value["has_gauss"], range(2))
        and type(value["gauss"]) is float
    )


def _is_seed_sequence(value: object) -> bool:
    if type(value) is not tuple or len(value) != 5:
        return False
    entropy, spawned, pool, size, spawn_key = value
    return (
        _is_int(entropy)
        and entropy >= 0
        and _is_int(spawned, range(1 << 32))
        and _is_words(pool, _POOL_WORDS)
        and _is_int(size, range(_POOL_WORDS, _POOL_WORDS + 1))
        and type(spawn_key) is tuple
        and not spawn_key
    )
