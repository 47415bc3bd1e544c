"""Label maps and edge maps at other sizes."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mmsteal.functional.labels.resize import resample, resize_edge_prob

side = st.integers(1, 40)


@given(side, side, side, side)
def test_resample_takes_the_pixel_under_each_center(height, width, h, w):
    labels = np.arange(height * width).reshape(height, width)
    rows = [math.floor(Fraction(2 * i + 1, 2) * height / h) for i in range(h)]
    columns = [math.floor(Fraction(2 * i + 1, 2) * width / w) for i in range(w)]
    np.testing.assert_array_equal(resample(labels, (h, w)), labels[np.ix_(rows, columns)])


@given(side, side, st.integers(1, 4))
def test_resample_takes_the_pixels_that_pil_takes(h, w, factor):
    labels = np.arange(h * w * factor**2, dtype=np.int32).reshape(h * factor, w * factor)
    expected = np.asarray(Image.fromarray(labels).resize((w, h), Image.NEAREST))
    np.testing.assert_array_equal(resample(labels, (h, w)), expected)


def test_resample_keeps_type_and_leading_axes(rng):
    maps = rng.random((2, 3, 6, 8)) < 0.5
    half = resample(maps, (3, 4))
    assert half.dtype == bool
    assert half.shape == (2, 3, 3, 4)
    np.testing.assert_array_equal(half, maps[..., 1::2, 1::2])
    assert resample(maps, (6, 8)) is maps


@pytest.mark.parametrize('dtype', [np.uint8, np.float32, np.float64, bool])
def test_resize_edge_prob(dtype, rng):
    levels = (rng.random((2, 20, 30)) < 0.5).astype(np.float32)
    maps = (levels * (255 if dtype == np.uint8 else 1)).astype(dtype)
    same = resize_edge_prob(maps, (20, 30), None)
    np.testing.assert_array_equal(same, levels)
    assert same.dtype == np.float32
    np.testing.assert_array_equal(resize_edge_prob(maps, (20, 30), 1.0), levels)
    half = resize_edge_prob(maps, (20, 30), 0.5)
    mean = levels.reshape(2, 10, 2, 15, 2).mean(axis=(2, 4))
    np.testing.assert_allclose(half, mean, atol=0.5 / 255)
    # the size of the labels counts, not that of the maps
    assert resize_edge_prob(maps, (40, 60), 0.25).shape == (2, 10, 15)
    assert resize_edge_prob(maps, (40, 60), 1.0).shape == (2, 40, 60)


def test_resize_edge_prob_exception():
    with pytest.raises(ValueError, match='`scale`'):
        resize_edge_prob(np.zeros((1, 4, 4)), (4, 4), 0)
    with pytest.raises(ValueError, match=r'\(K, h, w\)'):
        resize_edge_prob(np.zeros((4, 4)), (4, 4), 1)
