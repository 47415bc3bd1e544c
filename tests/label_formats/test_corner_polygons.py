"""Polygons whose vertices lie between pixels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from mmsteal.label_formats.corner_polygons import fill_corners, outline_corners, trace_corners
from tests.label_formats.helpers import iou, random_mask


@given(st.integers(0, 10000))
def test_traced_corners_fill_to_the_mask(seed):
    coco = pytest.importorskip('pycocotools.mask')
    mask = random_mask(seed)
    rings = [ring.ravel().astype(float).tolist() for ring in trace_corners(mask)]
    assert len(rings) == ndimage.label(mask)[1]
    if rings:
        decoded = coco.decode(coco.merge(coco.frPyObjects(rings, *map(int, mask.shape))))
        np.testing.assert_array_equal(decoded.astype(bool), mask)


def naive_fill(polygon, shape):
    """Even-odd at the middle of each pixel, an edge at a time."""
    mask = np.zeros(shape, bool)
    for y in range(shape[0]):
        for x in range(shape[1]):
            for (x0, y0), (x1, y1) in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
                if (y0 > y + 0.5) != (y1 > y + 0.5):
                    crossing = x0 + (y + 0.5 - y0) * (x1 - x0) / (y1 - y0)
                    mask[y, x] ^= x + 0.5 >= crossing
    return mask


def test_fill_is_even_odd_at_the_middles():
    rng = np.random.default_rng(0)
    for _ in range(20):
        polygon = rng.uniform(-4, 24, (rng.integers(3, 9), 2)).tolist()
        np.testing.assert_array_equal(
            fill_corners(polygon, (18, 20)).full((18, 20)), naive_fill(polygon, (18, 20))
        )
    assert fill_corners([(30, 30), (40, 30), (40, 40)], (18, 20)).mask.size == 0
    assert fill_corners([(1, 1), (1, 1), (1, 1)], (18, 20)).mask.size == 0


def test_fill_undoes_tracing():
    rng = np.random.default_rng(0)
    for _ in range(40):
        mask = rng.random(rng.integers(1, 16, 2)) < rng.random()
        found = np.zeros_like(mask)
        for ring in trace_corners(mask):
            found |= fill_corners(ring, mask.shape).full(mask.shape)
        np.testing.assert_array_equal(found, mask)


def test_outlines_within_tolerance():
    y, x = np.mgrid[:80, :100]
    disk = np.hypot(y - 40, x - 50) < 30
    (exact,), (simple,) = outline_corners(disk), outline_corners(disk, tolerance_px=0.75)
    assert len(simple) * 2 < len(exact)
    assert iou(fill_corners(simple, disk.shape).full(disk.shape), disk) > 0.99
    square = np.zeros((20, 20), bool)
    square[3:9, 4:17] = True
    assert len(outline_corners(square, tolerance_px=0.75)[0]) == 4


def test_nothing():
    assert trace_corners(np.zeros((4, 4), bool)) == outline_corners(np.zeros((4, 4), bool)) == []
