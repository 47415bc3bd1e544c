"""Distance of outlines, against scipy and pair by pair."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage as ndi

from mmsteal.functional import mask_edges, outline_distances


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.002, 0.05, 0.9]))
def test_equals_scipy_to_the_last_bit(seed, density):
    rng = np.random.default_rng(seed)
    lines = rng.random((2, 31, 43)) < density
    lines[0, 3, 5] = lines[1, 20, 11] = True
    expected = [ndi.distance_transform_edt(~b)[a] for a, b in (lines, lines[::-1])]
    np.testing.assert_array_equal(outline_distances(*lines), np.concatenate(expected))


def test_outlines_of_masks_pair_by_pair():
    masks = np.zeros((2, 20, 24), bool)
    masks[0, 3:9, 4:11] = True
    masks[1, 5:15, 0:12] = True  # touches the border of the image
    lines = [mask_edges(mask, radius=1) != 0 for mask in masks]
    one, other = (np.argwhere(line) for line in lines)
    pairs = np.hypot(*(one[:, None] - other[None]).transpose(2, 0, 1))
    expected = np.concatenate([pairs.min(axis=1), pairs.min(axis=0)])
    np.testing.assert_allclose(outline_distances(*lines), expected, rtol=1e-12)


def test_an_outline_without_a_pixel():
    line, nothing = np.eye(9, dtype=bool), np.zeros((9, 9), bool)
    for pair in ((line, nothing), (nothing, line), (nothing, nothing)):
        assert len(outline_distances(*pair)) == 0
    assert not outline_distances(line, line).any()


def test_exception():
    with pytest.raises(ValueError, match='one shape'):
        outline_distances(np.zeros((3, 3), bool), np.zeros((3, 4), bool))
