"""Polygons whose vertices are pixels."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from scipy import ndimage

from mmsteal.label_formats.pixel_polygons import fill_polygon, trace_mask
from tests.label_formats.helpers import random_mask


def filled(polygons, shape):
    mask = np.zeros(shape, bool)
    for polygon in polygons:
        region = fill_polygon(polygon, shape)
        mask[region.box] |= region.mask
    return mask


@given(st.integers(0, 10000))
def test_traced_pixels_fill_to_the_mask(seed):
    mask = random_mask(seed)
    polygons = trace_mask(mask)
    np.testing.assert_array_equal(filled(polygons, mask.shape), mask)
    assert len(polygons) == ndimage.label(mask, np.ones((3, 3)))[1]
    assert all(len(polygon) >= 3 for polygon in polygons)


@given(st.integers(0, 10000))
def test_fill_is_what_pil_draws(seed):
    rng = np.random.default_rng(seed)
    polygon = rng.uniform(-10, 40, (rng.integers(3, 9), 2)).round(rng.integers(0, 3))
    canvas = Image.new('L', (32, 24))
    ImageDraw.Draw(canvas).polygon(polygon.ravel().tolist(), fill=1, outline=1)
    np.testing.assert_array_equal(filled([polygon], (24, 32)), np.asarray(canvas) != 0)


def test_hole_stays_empty():
    mask = np.ones((30, 30), bool)
    mask[5:10, 5:10] = mask[5:10, 15:20] = mask[20:25, 8:12] = False
    (polygon,) = trace_mask(mask)
    np.testing.assert_array_equal(filled([polygon], mask.shape), mask)


def test_tolerance_saves_vertices_and_keeps_the_mask():
    y, x = np.mgrid[:200, :200]
    mask = (x - 100) ** 2 + (y - 100) ** 2 < 80**2
    (exact,), (simple,) = trace_mask(mask), trace_mask(mask, tolerance_px=1.0)
    again = filled([simple], mask.shape)
    assert len(simple) < len(exact) / 2
    assert (again & mask).sum() / (again | mask).sum() > 0.99


def test_tiny_masks_are_not_simplified_away():
    mask = np.zeros((9, 9), bool)
    mask[4, 4] = mask[1:4, 1] = True
    polygons = trace_mask(mask, tolerance_px=2.0)
    np.testing.assert_array_equal(filled(polygons, mask.shape), mask)


def test_nothing():
    assert trace_mask(np.zeros((4, 4), bool)) == []
    assert fill_polygon([(50, 50), (60, 50), (60, 60)], (10, 10)).mask.size == 0
