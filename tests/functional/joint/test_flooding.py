"""Flooding against scikit-image's watershed."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from skimage.segmentation import watershed

from mmsteal.functional.joint.flooding import flooded


@pytest.mark.parametrize('seed', range(5))
def test_is_the_watershed_of_another_library(seed):
    rng = np.random.default_rng(seed)
    # No more strengths than levels, and no two alike: there are no ties.
    edge = rng.permutation(900).reshape(30, 30).astype(np.float32)
    seeds = np.where(rng.random((30, 30)) < 0.02, rng.integers(0, 5, (30, 30)), -1)
    seeds[15, 15] = 7
    passable = rng.random((30, 30)) < 0.9
    found = flooded(seeds.astype(np.int32), edge / 899 * 1023 / 8, passable)
    expected = watershed(edge, seeds + 1, mask=passable | (seeds >= 0)) - 1
    expected[~(passable | (seeds >= 0))] = -1
    assert_array_equal(found, expected)


def test_no_seeds_and_flat_edges():
    nothing = np.full((4, 5), -1, np.int32)
    flat, everywhere = np.zeros((4, 5), np.float32), np.ones((4, 5), bool)
    assert_array_equal(flooded(nothing, flat, everywhere), nothing)
    nothing[0, 0] = 2
    assert (flooded(nothing, flat, everywhere) == 2).all()
