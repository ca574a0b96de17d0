"""Drawings that are no digit, and the kinds that nothing learns from."""

from __future__ import annotations

import numpy as np
import pytest

from drawn.figures import figure
from drawn.outliers import HELD_OUT_KINDS, LEARNT_KINDS, MONTAGES, outliers
from tests.drawn.test_rewrite import digits


def test_no_kind_is_learnt_from_and_held_out_too():
    assert not set(LEARNT_KINDS) & set(HELD_OUT_KINDS)
    assert len(HELD_OUT_KINDS) >= 8


@pytest.mark.parametrize("kinds", [LEARNT_KINDS, HELD_OUT_KINDS], ids=["learnt", "held out"])
def test_each_kind_comes_in_its_turn_and_leaves_ink(kinds: tuple[str, ...]):
    seen, names = outliers(kinds, 4 * len(kinds), *digits(50), np.random.default_rng(1))
    assert names.tolist() == list(kinds) * 4
    assert seen.shape == (len(names), 28, 28)
    assert (seen > 128).any(axis=(1, 2)).all()


def test_the_same_state_of_chance_gives_the_same_outliers():
    first, again, other = (
        outliers(LEARNT_KINDS, 60, *digits(50), np.random.default_rng(seed))[0] for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any(axis=(1, 2)).mean() > 0.95


@pytest.mark.parametrize("kind", [kind for kind in (*LEARNT_KINDS, *HELD_OUT_KINDS) if kind not in MONTAGES])
def test_two_figures_of_a_kind_are_not_the_same(kind: str):
    chance = np.random.default_rng(2)
    one, other = (np.concatenate(figure(kind, chance)) for _ in range(2))
    assert np.isfinite(one).all()
    assert one.shape != other.shape or not np.allclose(one, other)
