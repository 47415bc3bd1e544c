"""Parts of a mask joined by lines."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from scipy.spatial.distance import cdist

from mmsteal.label_formats.connected_parts import connect_parts
from mmsteal.label_formats.pixel_polygons import fill_polygon, trace_mask


def test_joined_parts_differ_by_a_bridge_of_one_pixel():
    mask = np.zeros((30, 40), bool)
    mask[5:15, 5:15] = mask[5:15, 20:30] = True
    covered = np.zeros_like(mask)
    joined = connect_parts(mask, covered)
    assert (mask & ~joined).sum() == 0
    assert (joined & ~mask).sum() == 5
    (polygon,) = trace_mask(joined)
    np.testing.assert_array_equal(fill_polygon(polygon, mask.shape).full(mask.shape), joined)


def test_bridges_run_where_nobody_sees_them():
    mask = np.zeros((30, 40), bool)
    mask[5:15, 5:15] = mask[5:15, 20:30] = mask[25:28, 5:8] = True
    covered = np.zeros_like(mask)
    covered[12:14, 12:25] = covered[10:28, 7] = True
    joined = connect_parts(mask, covered)
    assert ndimage.label(joined, np.ones((3, 3)))[1] == 1
    assert not (joined & ~mask & ~covered).any()


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
