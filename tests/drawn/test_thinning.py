"""Lines thinned to one pixel."""

from __future__ import annotations

import numpy as np
from scipy import ndimage  # type: ignore[import-untyped]  # scipy has no types

from drawn.thinning import thinned

EIGHT = np.ones((3, 3))


def test_a_bar_becomes_its_middle():
    ink = np.zeros((1, 9, 20), np.bool_)
    ink[0, 2:7, 2:18] = True
    line = thinned(ink)[0]
    assert set(np.flatnonzero(line.any(axis=1))) <= {3, 4, 5}
    assert line[4, 5:15].all()
    assert (line.sum(axis=0) <= 1).all()


def test_a_ring_stays_a_ring_and_pieces_stay_apart():
    rows, columns = np.mgrid[0:40, 0:40]
    away = np.hypot(rows - 15, columns - 15)
    ink = ((away > 6) & (away < 10)) | ((rows > 32) & (columns > 5) & (columns < 30))
    line = thinned(ink[np.newaxis])[0]
    assert ndimage.label(line, EIGHT)[1] == 2
    assert ndimage.label(~line)[1] == 2  # the paper within, and around
    assert line.sum() < ink.sum() / 3


def test_what_is_thin_stays_and_what_is_blank_stays_blank():
    ink = np.zeros((2, 8, 8), np.bool_)
    ink[0, 4, 1:7] = True
    np.testing.assert_array_equal(thinned(ink), ink)


def test_each_drawing_is_thinned_as_if_it_were_alone():
    ink = ndimage.gaussian_filter(np.random.default_rng(0).random((5, 30, 30)), (0, 2, 2)) > 0.5
    np.testing.assert_array_equal(thinned(ink), np.concatenate([thinned(one[np.newaxis]) for one in ink]))
