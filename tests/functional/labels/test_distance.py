"""Euclidean distance inside a mask."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage as ndi

from mmsteal.functional.labels.coarse_labels import simulate_coarse_mask
from mmsteal.functional.labels.distance import inner_distance


@given(st.integers(0, 2**32 - 1), st.integers(0, 7))
def test_equals_scipy_to_the_last_bit(seed, offset):
    """Wherever the mask lies in memory."""
    rng = np.random.default_rng(seed)
    mask = (rng.random((23, 31 + offset)) < 0.97)[:, offset:]
    mask[11, 15] = False
    np.testing.assert_array_equal(inner_distance(mask), ndi.distance_transform_edt(mask))


def test_specks_of_symmetric_objects_lie_at_one_place():
    """A square of even size has four deepest pixels: the first of them is taken, each time."""
    for height in range(40, 60):
        mask = np.zeros((height, 64), bool)
        mask[10:24, 17:31] = True
        rows, columns = np.nonzero(simulate_coarse_mask(mask, 32)[0])
        assert (rows.mean(), columns.mean()) == (16, 23)
