"""The part of an image that holds a mask."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mmsteal.functional.labels.bounding_box import bounding_box


@given(st.integers(0, 2**32 - 1), st.integers(0, 3), st.floats(0.0, 0.3))
def test_holds_every_pixel_within_reach_and_no_more(seed, reach, density):
    rng = np.random.default_rng(seed)
    mask = rng.random((7, 9)) < density
    inside = np.zeros_like(mask)
    inside[bounding_box(mask, reach)] = True
    expected = np.zeros_like(mask)
    points = np.argwhere(mask)
    if len(points):
        for y, x in np.ndindex(mask.shape):
            expected[y, x] = (
                points[:, 0].min() - reach <= y <= points[:, 0].max() + reach
                and points[:, 1].min() - reach <= x <= points[:, 1].max() + reach
            )
    np.testing.assert_array_equal(inside, expected)
