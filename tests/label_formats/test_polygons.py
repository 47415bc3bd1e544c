import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from scipy import ndimage
from scipy.spatial.distance import cdist

from mmsteal.label_formats.polygons import (
    connect_parts,
    crosses_itself,
    fill_polygon,
    trace_corners,
    trace_mask,
)


def random_mask(seed):
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal(rng.integers(1, 50, 2))
    return ndimage.gaussian_filter(noise, rng.choice([0, 0.7, 2])) > rng.choice([0, 0.1, -0.1])


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
def test_traced_corners_fill_to_the_mask(seed):
    coco = pytest.importorskip('pycocotools.mask')
    mask = random_mask(seed)
    rings = [ring.ravel().astype(float).tolist() for ring in trace_corners(mask)]
    assert len(rings) == ndimage.label(mask)[1]
    if rings:
        decoded = coco.decode(coco.merge(coco.frPyObjects(rings, *map(int, mask.shape))))
        np.testing.assert_array_equal(decoded.astype(bool), mask)


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


def test_joined_parts_differ_by_a_bridge_of_one_pixel():
    mask = np.zeros((30, 40), bool)
    mask[5:15, 5:15] = mask[5:15, 20:30] = True
    covered = np.zeros_like(mask)
    joined = connect_parts(mask, covered)
    assert (mask & ~joined).sum() == 0
    assert (joined & ~mask).sum() == 5
    (polygon,) = trace_mask(joined)
    np.testing.assert_array_equal(filled([polygon], mask.shape), joined)


def test_bridges_run_where_nobody_sees_them():
    mask = np.zeros((30, 40), bool)
    mask[5:15, 5:15] = mask[5:15, 20:30] = mask[25:28, 5:8] = True
    covered = np.zeros_like(mask)
    covered[12:14, 12:25] = covered[10:28, 7] = True
    joined = connect_parts(mask, covered)
    assert ndimage.label(joined, np.ones((3, 3)))[1] == 1
    assert not (joined & ~mask & ~covered).any()


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
    assert trace_mask(np.zeros((4, 4), bool)) == trace_corners(np.zeros((4, 4), bool)) == []
    assert fill_polygon([(50, 50), (60, 50), (60, 60)], (10, 10)).mask.size == 0


def test_crossing():
    assert crosses_itself([(0, 0), (10, 10), (10, 0), (0, 10)])
    assert not crosses_itself([(0, 0), (10, 0), (10, 10), (0, 10)])
    assert not crosses_itself([(0, 0), (10, 0), (10, 0), (0, 0)])


@given(st.integers(0, 10000))
def test_bridges_are_no_longer_than_the_shortest_tree(seed):
    rng = np.random.default_rng(seed)
    mask = np.zeros((30, 40), bool)
    corners = rng.integers(0, (28, 38), (6, 2))
    for row, column in corners:
        mask[row : row + rng.integers(1, 3), column : column + rng.integers(1, 3)] = True
    joined = connect_parts(mask, np.zeros_like(mask))
    assert joined[mask].all()
    assert ndimage.label(joined, np.ones((3, 3)))[1] == 1
    parts, count = ndimage.label(mask, np.ones((3, 3)))
    pixels = [np.argwhere(parts == number) for number in range(1, count + 1)]
    # Steps of a king between two parts, less the last one: Prim's tree of them.
    gaps = np.array([[cdist(a, b, 'chebyshev').min() - 1 for b in pixels] for a in pixels])
    length, reached = 0, [0]
    while len(reached) < count:
        rest = [number for number in range(count) if number not in reached]
        nearest = min(rest, key=lambda number: gaps[reached, number].min())
        length += gaps[reached, nearest].min()
        reached.append(nearest)
    assert (joined & ~mask).sum() <= length


def test_bridges_keep_off_forbidden_pixels():
    mask = np.zeros((20, 30), bool)
    mask[5:8, 2:6] = mask[5:8, 20:25] = mask[15:18, 2:4] = True
    wall = np.zeros_like(mask)
    wall[:17, 12] = True
    joined = connect_parts(mask, np.zeros_like(mask), wall)
    assert ndimage.label(joined, np.ones((3, 3)))[1] == 1
    assert not (joined & wall).any()
    wall[:, 12] = True
    joined = connect_parts(mask, np.zeros_like(mask), wall)
    assert ndimage.label(joined, np.ones((3, 3)))[1] == 2
    assert not (joined & wall).any()
