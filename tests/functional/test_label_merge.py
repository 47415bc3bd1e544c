"""From masks back to a label map."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage as ndi

from mmsteal.functional.label_merge import merge_masks, settle_overlaps


@st.composite
def overlapping_masks(draw):
    """A label map, its masks, and masks that grew and shrank by chance."""
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
    label_map[rng.random(label_map.shape) < 0.05] = 255
    prob = rng.random(before.shape) if draw(st.booleans()) else None
    return label_map, before, after, prob


@settings(max_examples=150)
@given(overlapping_masks())
def test_owner_is_a_claimant_and_the_first_owner_stays(scene):
    _, before, after, prob = scene
    owner = settle_overlaps(after, before, prob)
    claims = after.sum(axis=0)
    np.testing.assert_array_equal(owner >= 0, claims > 0)
    for m, mask in enumerate(after):
        assert mask[owner == m].all()
        stays = mask & before[m]
        assert (owner[stays] == m).all()


@settings(max_examples=150)
@given(overlapping_masks(), st.sampled_from([0, 255]))
def test_merged_map_follows_the_rules(scene, unclaimed):
    label_map, before, after, prob = scene
    values = np.arange(len(before)) + 1
    original = label_map.copy()
    merged, owner = merge_masks(
        after, before, values, label_map, edge_prob=prob, unclaimed=unclaimed
    )
    np.testing.assert_array_equal(label_map, original)
    assert merged.dtype == label_map.dtype
    settled = settle_overlaps(after, before, prob)
    for y, x in np.ndindex(label_map.shape):
        if label_map[y, x] == 255:
            expected, expected_owner = 255, -1
        else:
            expected_owner = settled[y, x]
            if expected_owner >= 0:
                expected = values[expected_owner]
            else:
                expected = unclaimed if before[:, y, x].any() else label_map[y, x]
        assert merged[y, x] == expected
        assert owner[y, x] == expected_owner


def test_unchanged_masks_give_the_label_map_back(rng):
    label_map = rng.integers(0, 5, (20, 30)).astype(np.uint16)
    label_map[3:5] = 255
    values = [1, 2, 4]
    masks = np.stack([label_map == v for v in values])
    merged, owner = merge_masks(masks, masks, values, label_map)
    np.testing.assert_array_equal(merged, label_map)
    np.testing.assert_array_equal(np.asarray([*values, -1])[owner] >= 0, owner >= 0)


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


def test_ignored_pixels_can_be_asked_for():
    label_map = np.array([[1, 1, 255, 255]], np.uint8)
    before = (label_map == 1)[None]
    after = np.array([[[1, 1, 1, 0]]], bool)
    kept, _ = merge_masks(after, before, [1], label_map)
    filled, owner = merge_masks(after, before, [1], label_map, ignore_index=None)
    assert kept.tolist() == [[1, 1, 255, 255]]
    assert filled.tolist() == [[1, 1, 1, 255]]
    assert owner.tolist() == [[0, 0, 0, -1]]


def test_no_masks():
    label_map = np.arange(6, dtype=np.uint8).reshape(2, 3)
    none = np.zeros((0, 2, 3), bool)
    merged, owner = merge_masks(none, none, np.zeros(0, int), label_map)
    np.testing.assert_array_equal(merged, label_map)
    assert (owner == -1).all()


MASKS = np.ones((2, 3, 4), bool)
LABELS = np.zeros((3, 4), np.uint8)


@pytest.mark.parametrize(
    ('error', 'message', 'arguments', 'options'),
    [
        (TypeError, '`masks`', (MASKS.astype(float), MASKS, [1, 2], LABELS), {}),
        (TypeError, '`label_map`', (MASKS, MASKS, [1, 2], LABELS.astype(float)), {}),
        (ValueError, '`masks`', (MASKS[0], MASKS[0], [1, 2], LABELS), {}),
        (ValueError, '`given`', (MASKS, MASKS[:1], [1, 2], LABELS), {}),
        (ValueError, '`values`', (MASKS, MASKS, [1], LABELS), {}),
        (ValueError, '`values`', (MASKS, MASKS, [1, 300], LABELS), {}),
        (ValueError, '`values`', (MASKS, MASKS, [1, 2.5], LABELS), {}),
        (ValueError, '`label_map`', (MASKS, MASKS, [1, 2], LABELS[:2]), {}),
        (ValueError, '`unclaimed`', (MASKS, MASKS, [1, 2], LABELS), {'unclaimed': -1}),
        (TypeError, '`edge_prob`', (MASKS, MASKS, [1, 2], LABELS), {'edge_prob': MASKS}),
        (ValueError, '`edge_prob`', (MASKS, MASKS, [1, 2], LABELS), {'edge_prob': np.ones(3)}),
        (
            ValueError,
            '`edge_prob`',
            (MASKS, MASKS, [1, 2], LABELS),
            {'edge_prob': np.full((3, 4), np.nan)},
        ),
    ],
)
def test_exception(error, message, arguments, options):
    with pytest.raises(error, match=message):
        merge_masks(*arguments, **options)
