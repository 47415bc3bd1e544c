"""Geodesic distances of labels against Dijkstra's algorithm of SciPy on the same graph."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from mmsteal.functional.joint import geodesic
from mmsteal.functional.joint.geodesic import NearestLabels, geodesic_growth, nearest_labels


def graph(cost, passable):
    """Edges of the pixel grid, from each pixel to its neighbors that may be entered."""
    height, width = cost.shape
    units = np.rint(cost * geodesic.UNITS).astype(int)
    start, end, length = [], [], []
    for y in range(height):
        for x in range(width):
            for dy, dx in np.ndindex(3, 3):
                to = (y + dy - 1, x + dx - 1)
                inside = 0 <= to[0] < height and 0 <= to[1] < width
                if (dy, dx) == (1, 1) or not inside or not passable[to]:
                    continue
                both = units[y, x] + units[to]
                diagonal = dy != 1 and dx != 1
                step = int(both * np.sqrt(0.5) + 0.5) if diagonal else (both + 1) // 2
                start.append(y * width + x)
                end.append(to[0] * width + to[1])
                length.append(max(step, 1))
    return csr_matrix((length, (start, end)), shape=(cost.size, cost.size))


def reference(seeds, cost, num, passable):
    """Distances of the nearest labels, one search a label."""
    edges = graph(cost, passable)
    far = []
    for label in range(seeds.max() + 1):
        where = np.flatnonzero(seeds.ravel() == label)
        far.append(
            dijkstra(edges, indices=where, min_only=True)
            if len(where)
            else np.full(seeds.size, np.inf)
        )
    nearest = np.sort(np.stack(far, axis=1), axis=1)[:, :num] / geodesic.UNITS
    nearest = np.pad(nearest, ((0, 0), (0, num - nearest.shape[1])), constant_values=np.inf)
    return nearest.reshape(*seeds.shape, num).astype(np.float32)


def random_case(rng, num_labels=5, share=0.15):
    height, width = rng.integers(1, 13, 2)
    labels = rng.integers(0, num_labels, (height, width))
    seeds = np.where(rng.random((height, width)) < share, labels, -1)
    seeds.flat[0] = 0
    return seeds, rng.uniform(0, 5, (height, width))


@pytest.mark.parametrize('num', [1, 2, 4])
@pytest.mark.parametrize('seed', range(8))
def test_equals_dijkstra(num, seed):
    seeds, cost = random_case(np.random.default_rng(seed))
    open_ = seeds < 0
    found = nearest_labels(seeds, cost, num=num)
    expected = reference(seeds, cost, num, open_)
    # A search by SciPy passes no seed of another label; its own start is at 0.
    assert_array_equal(found.distances[open_], expected[open_])


@pytest.mark.parametrize('seed', range(8))
def test_equals_dijkstra_where_seeds_may_be_passed(seed):
    seeds, cost = random_case(np.random.default_rng(seed), share=0.9)
    passable = np.random.default_rng(seed).random(seeds.shape) < 0.8
    found = nearest_labels(seeds, cost, num=3, passable=passable)
    expected = reference(seeds, cost, 3, passable)
    assert_array_equal(found.distances[passable], expected[passable])


def test_labels_belong_to_their_distances():
    seeds, cost = random_case(np.random.default_rng(3))
    found = nearest_labels(seeds, cost, num=3)
    for label in range(5):
        alone = nearest_labels(
            np.where(seeds == label, label, -1), cost, num=1, passable=seeds < 0
        ).distances[..., 0]
        for place in range(3):
            mine = (found.labels[..., place] == label) & (seeds < 0)
            assert_array_equal(found.distances[..., place][mine], alone[mine])


def test_growth_stops_at_the_limit_and_at_closed_pixels():
    seeds = np.full((1, 9), -1)
    seeds[0, 4] = 7
    passable = np.ones((1, 9), bool)
    passable[0, 6] = False
    grown = geodesic_growth(seeds, np.ones((1, 9)), passable=passable, limit=3)
    assert grown.tolist() == [[-1, 7, 7, 7, 7, 7, -1, -1, -1]]


def test_number_of_labels_does_not_matter_where_few_are_near():
    seeds = np.full((1, 400), -1)
    seeds[0, ::2] = np.arange(200)
    found = nearest_labels(seeds, np.ones((1, 400)), num=2)
    assert_array_equal(np.sort(found.labels[0, 1:399:2]), [[k, k + 1] for k in range(199)])


def test_no_seed_and_no_pixel():
    nothing = nearest_labels(np.full((2, 3), -1), np.ones((2, 3)), num=2)
    assert (nothing.labels == -1).all()
    assert np.isinf(nothing.distances).all()
    assert geodesic_growth(np.zeros((0, 3), int), np.zeros((0, 3))).shape == (0, 3)


@pytest.mark.parametrize(
    ('change', 'error', 'message'),
    [
        (dict(seeds=np.zeros((2, 2))), TypeError, 'integers'),
        (dict(cost=np.zeros((2, 2), int)), TypeError, 'floats'),
        (dict(cost=np.zeros((2, 3))), ValueError, 'one shape'),
        (dict(cost=np.full((2, 2), -1.0)), ValueError, '0 to 1000'),
        (dict(cost=np.full((2, 2), np.nan)), ValueError, '0 to 1000'),
        (dict(num=0), ValueError, 'at least 1'),
        (dict(limit=-1), ValueError, 'at least 0'),
        (dict(passable=np.ones((2, 2), int)), ValueError, 'bool of shape'),
    ],
)
def test_bad_input(change, error, message):
    good = dict(seeds=np.zeros((2, 2), int), cost=np.ones((2, 2)), num=1)
    with pytest.raises(error, match=message):
        nearest_labels(**{**good, **change})


def test_one_more_label_takes_the_last_place():
    labels = np.array([[[3, 8], [3, -1], [-1, -1], [3, 8], [3, 8]]], np.int32)
    distances = np.where(labels < 0, np.inf, 1).astype(np.float32)
    more = NearestLabels(labels, distances).including(np.array([[5, 5, 5, 8, -1]], np.int32))
    assert_array_equal(more.labels, [[[3, 5], [3, 5], [-1, -1], [3, 8], [3, 8]]])
    assert_array_equal(np.isinf(more.distances[0, :, 1]), [True, True, True, False, False])
    assert_array_equal(labels[0, 0], [3, 8])  # the given ones stay
