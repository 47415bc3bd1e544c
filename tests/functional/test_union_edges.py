import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from mmsteal.functional.union_edges import union_edges

MAPS = arrays(
    np.uint8,
    array_shapes(min_dims=3, max_dims=4, max_side=4),
    elements=st.sampled_from([0, 1, 255]),
)


@given(MAPS)
def test_equals_a_loop_over_pixels(maps):
    expected = np.zeros((*maps.shape[:-3], 1, *maps.shape[-2:]), np.uint8)
    for *batch, row, column in np.ndindex(*maps.shape[:-3], *maps.shape[-2:]):
        values = [maps[(*batch, k, row, column)] for k in range(maps.shape[-3])]
        value = 1 if 1 in values else 255 if 255 in values else 0
        expected[(*batch, 0, row, column)] = value
    found = union_edges(maps)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, expected)
    tensor = union_edges(torch.from_numpy(maps))
    assert tensor.dtype == torch.uint8
    np.testing.assert_array_equal(tensor.numpy(), expected)


def test_one_class_stays_as_it_is():
    maps = np.array([[[0, 1, 255]]], np.uint8)
    np.testing.assert_array_equal(union_edges(maps), maps)


def test_other_ignore_index():
    assert union_edges(np.array([[[0, 9]], [[1, 0]]]), ignore_index=9).tolist() == [[[1, 9]]]


def test_exceptions():
    with pytest.raises(TypeError, match='list'):
        union_edges([[[1]]])
    with pytest.raises(ValueError, match=r'\(K?.*edge_maps\[None\]'):
        union_edges(np.zeros((4, 4), np.uint8))
