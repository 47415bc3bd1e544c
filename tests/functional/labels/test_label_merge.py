"""Who owns a pixel that several masks claim."""

import heapq
import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage as ndi

from mmsteal.functional.labels.label_merge import Claim, settle_claims, settle_overlaps


@st.composite
def overlapping_masks(draw):
    """Masks of a label map, the same after they grew and shrank by chance, and edges or None."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    height, width = draw(st.integers(1, 24)), draw(st.integers(1, 24))
    num_masks = draw(st.integers(1, 4))
    field = ndi.gaussian_filter(rng.random((num_masks + 1, height, width)), (0, 1.5, 1.5))
    label_map = field.argmax(axis=0).astype(np.uint8)
    before = np.stack([label_map == m + 1 for m in range(num_masks)])
    after = np.stack(
        [
            ndi.binary_dilation(mask, iterations=int(rng.integers(1, 5)))
            if rng.random() < 0.8
            else ndi.binary_erosion(mask)
            for mask in before
        ]
    )
    prob = rng.random(before.shape) if draw(st.booleans()) else None
    return before, after, prob


@settings(max_examples=150)
@given(overlapping_masks())
def test_owner_is_a_claimant_and_the_first_owner_stays(scene):
    before, after, prob = scene
    owner = settle_overlaps(after, before, prob)
    claims = after.sum(axis=0)
    np.testing.assert_array_equal(owner >= 0, claims > 0)
    for m, mask in enumerate(after):
        assert mask[owner == m].all()
        stays = mask & before[m]
        assert (owner[stays] == m).all()


@settings(max_examples=100)
@given(overlapping_masks())
def test_boxes_give_what_whole_images_give(scene):
    before, after, prob = scene
    object_map = np.where(before.any(axis=0), before.argmax(axis=0), -1).astype(np.int32)
    claims = []
    for m, mask in enumerate(after):
        around = ndi.find_objects((mask | before[m]).astype(int))
        if around:
            claims.append(Claim(m, around[0], mask[around[0]]))
    owner = settle_claims(object_map, claims, prob, range(len(after)))
    np.testing.assert_array_equal(owner, settle_overlaps(after, before, prob))


@settings(max_examples=100)
@given(overlapping_masks())
def test_a_contested_pixel_goes_to_the_least_boundary_on_the_way(scene):
    """Dijkstra, pixel by pixel; MCP_Geometric prices a step by the mean of both ends."""
    before, after, prob = scene
    owner = settle_overlaps(after, before, prob)
    field = np.zeros(before.shape) if prob is None else prob
    costs = np.stack([ways(after[m], before[m], field[m] + 0.01) for m in range(len(after))])
    first = before.argmax(axis=0)
    stays = np.take_along_axis(after & before, first[None], axis=0)[0]
    contested = (after.sum(axis=0) > 1) & ~stays
    for y, x in np.argwhere(contested):
        claimants = np.flatnonzero(after[:, y, x])
        best = costs[claimants, y, x].min()
        if np.isfinite(best):
            assert costs[owner[y, x], y, x] == pytest.approx(best)
        else:
            assert owner[y, x] == claimants[0]


def ways(mask, start, price):
    """Least cost from `start` & `mask` to every pixel of `mask` outside `start`, inside `mask`."""
    cost = np.full(mask.shape, np.inf)
    heap = [(0.0, int(y), int(x)) for y, x in np.argwhere(mask & start)]
    cost[mask & start] = 0
    while heap:
        here, y, x = heapq.heappop(heap)
        if here > cost[y, x]:
            continue
        for dy, dx in itertools.product((-1, 0, 1), repeat=2):
            to = y + dy, x + dx
            if not (0 <= to[0] < mask.shape[0] and 0 <= to[1] < mask.shape[1] and mask[to]):
                continue
            there = here + math.hypot(dy, dx) * (price[y, x] + price[to]) / 2
            if there < cost[to] and not start[to]:
                cost[to] = there
                heapq.heappush(heap, (there, *to))
    return cost


def test_a_boundary_stops_the_mask_that_ran_over_it():
    """Two disks in a row; the boundary is nearer to the left one, which ran over it."""
    before = np.zeros((2, 30, 60), bool)
    before[0, 10:20, 5:15] = True
    before[1, 10:20, 50:58] = True
    after = np.zeros_like(before)
    after[0, 8:22, 3:48] = True
    after[1, 8:22, 18:60] = True
    prob = np.zeros(before.shape[1:])
    prob[:, 20] = 0.9
    by_distance = settle_overlaps(after, before)
    by_boundary = settle_overlaps(after, before, prob)
    assert (by_distance[8:22, 18:31] == 0).all()
    assert (by_distance[8:22, 36:48] == 1).all()
    assert (by_boundary[8:22, 18:20] == 0).all()
    assert (by_boundary[8:22, 21:48] == 1).all()


def test_unreachable_pixels_still_find_an_owner():
    before = np.zeros((2, 5, 20), bool)
    before[0, :, 0] = before[1, :, 19] = True
    after = np.zeros_like(before)
    after[:, 2, 10] = True
    assert settle_overlaps(after, before)[2, 10] == 0


def test_no_masks():
    none = np.zeros((0, 2, 3), bool)
    assert (settle_overlaps(none, none) == -1).all()


MASKS = np.ones((2, 3, 4), bool)


@pytest.mark.parametrize(
    ('error', 'message', 'arguments'),
    [
        (TypeError, '`masks`', (MASKS.astype(float), MASKS)),
        (TypeError, '`given`', (MASKS, MASKS.tolist())),
        (ValueError, '`masks`', (MASKS[0], MASKS[0])),
        (ValueError, '`given`', (MASKS, MASKS[:1])),
        (TypeError, '`edge_prob`', (MASKS, MASKS, MASKS)),
        (ValueError, '`edge_prob`', (MASKS, MASKS, np.ones(3))),
        (ValueError, '`edge_prob`', (MASKS, MASKS, np.full((3, 4), np.nan))),
        (ValueError, '`edge_prob`', (MASKS, MASKS, np.full((3, 4), -0.5))),
    ],
)
def test_exception(error, message, arguments):
    with pytest.raises(error, match=message):
        settle_overlaps(*arguments)
