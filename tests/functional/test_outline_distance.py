"""Distance of outlines, against scipy and pair by pair."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage as ndi

from mmsteal.functional import outline_distances

CROSS = ndi.generate_binary_structure(2, 1)


def outline(mask, inner):
    """By erosion and dilation; what lies outside of the image is of no mask."""
    inside = mask & ~ndi.binary_erosion(mask, CROSS, border_value=1)
    return inside if inner else inside | (ndi.binary_dilation(mask, CROSS) & ~mask)


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.3, 0.7, 0.95]), st.booleans())
def test_equals_scipy_to_the_last_bit(seed, quantile, inner):
    rng = np.random.default_rng(seed)
    fields = ndi.gaussian_filter(rng.random((2, 31, 43)), (0, 3, 3))
    masks = [field > np.quantile(field, quantile) for field in fields]
    lines = [outline(mask, inner) for mask in masks]
    expected = [ndi.distance_transform_edt(~other)[line] for line, other in (lines, lines[::-1])]
    np.testing.assert_array_equal(outline_distances(*masks, inner=inner), np.concatenate(expected))


@pytest.mark.parametrize('inner', [True, False])
def test_pair_by_pair(inner):
    masks = np.zeros((2, 20, 24), np.uint8)
    masks[0, 3:9, 4:11] = 1
    masks[1, 5:15, 0:12] = 7  # touches the border of the image
    one, other = (np.argwhere(outline(mask != 0, inner)) for mask in masks)
    pairs = np.hypot(*(one[:, None] - other[None]).transpose(2, 0, 1))
    expected = np.concatenate([pairs.min(axis=1), pairs.min(axis=0)])
    np.testing.assert_allclose(outline_distances(*masks, inner=inner), expected, rtol=1e-12)


@pytest.mark.parametrize('fill', [0, 1])
def test_masks_without_an_outline(fill):
    square = np.zeros((9, 9), bool)
    square[3:6, 3:6] = True
    other = np.full((9, 9), bool(fill))
    for pair in ((square, other), (other, square), (other, other)):
        assert len(outline_distances(*pair)) == 0


def test_exception():
    with pytest.raises(ValueError, match='one shape'):
        outline_distances(np.zeros((3, 3), bool), np.zeros((3, 4), bool))
