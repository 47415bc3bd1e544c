"""How far labels are from the exact ones."""

import math

import numpy as np
import pytest
from scipy import ndimage as ndi

from mmsteal.evaluation import label_error


def test_squares_in_closed_form():
    """A square of 11 px against the one 3 px inside of it on every side."""
    exact, inner = np.zeros((2, 21, 21), np.int32)
    exact[5:16, 5:16] = 7
    inner[8:13, 8:13] = 7
    # outline of the outer one: 40 px; those beyond the inner one's sides are nearest to a corner
    beyond = [math.hypot(3, d) for d in (1, 2, 3)]
    outer = 4 * (5 * 3 + 2 * sum(beyond) - beyond[2])
    expected = (outer + 16 * 3) / (40 + 16)
    found = label_error([(exact, inner)])
    assert found.px == pytest.approx(expected, rel=1e-6)
    assert found.iou == 25 / 121
    assert (found.lost, found.num_objects) == (0, 1)


def test_against_a_naive_mean_over_objects_and_images(rng):
    pairs = []
    for _ in range(3):
        exact = ndi.zoom(rng.integers(0, 4, (4, 5)), 6, order=0)
        pairs.append((exact, np.roll(exact, 1, axis=1)))
    distances, ious = [], []
    for exact, given in pairs:
        for number in range(1, 4):
            if not (exact == number).any():
                continue
            sides = []
            for mask in (exact == number, given == number):
                cross = ndi.generate_binary_structure(2, 1)
                inside = ndi.binary_erosion(mask, cross, border_value=1)
                sides.append(np.argwhere(mask & ~inside))
            a, b = sides
            table = np.hypot(*(a[:, None] - b[None]).transpose(2, 0, 1))
            distances.append(np.concatenate([table.min(axis=1), table.min(axis=0)]).mean())
            both = (exact == number) & (given == number)
            ious.append(both.sum() / ((exact == number) | (given == number)).sum())
    found = label_error(pairs)
    assert found.px == pytest.approx(np.mean(distances), rel=1e-5)
    assert found.iou == pytest.approx(np.mean(ious))
    assert found.num_objects == len(ious)


def test_lost_objects_and_pixels_that_do_not_count():
    exact = np.array([[1, 1, 0, 2, -1, -1]])
    given = np.array([[1, 1, 0, 0, 1, 2]])
    found = label_error([(exact, given)])
    assert found.lost == 1
    assert found.iou == 0.5


def test_no_objects():
    found = label_error([(np.zeros((3, 3), int), np.ones((3, 3), int))])
    assert math.isnan(found.px)
    assert math.isnan(found.iou)
    assert found.num_objects == 0


def test_exception():
    with pytest.raises(ValueError, match='one shape'):
        label_error([(np.zeros((3, 3), int), np.zeros((3, 4), int))])
