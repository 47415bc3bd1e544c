"""Coarse annotations: the stated bound, the image border, objects that vanish, label maps."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import ndimage as ndi

from mmsteal.functional.labels.coarse_labels import (
    simulate_coarse_label_map,
    simulate_coarse_mask,
    simulate_coarse_objects,
)


def boundary(mask):
    """Pixels of the mask beside a pixel that is not in it (by scipy, unlike the code tested)."""
    cross = ndi.generate_binary_structure(2, 1)
    return mask & ~ndi.binary_erosion(mask, cross, border_value=1)


def boundary_distances(mask, coarse):
    """Distance of each boundary pixel of `coarse` to the boundary of `mask`."""
    return ndi.distance_transform_edt(~boundary(mask))[boundary(coarse)]


def random_mask(seed, height, width, smoothness, level):
    noise = ndi.gaussian_filter(np.random.default_rng(seed).random((height, width)), smoothness)
    return noise > np.quantile(noise, level)


masks = st.builds(
    random_mask,
    st.integers(0, 2**32 - 1),
    st.integers(1, 70),
    st.integers(1, 70),
    st.floats(0.3, 8),
    st.floats(0.05, 0.95),
)


@given(masks, st.sampled_from([0.5, 0.9, 1, 2, 3.5, 4, 8, 16, 40]))
@example(np.ones((9, 12), bool), 4)
@example(np.eye(20, dtype=bool), 4)
def test_error_is_bounded(mask, error_px):
    coarse, num_clicks = simulate_coarse_mask(mask, error_px)
    assert coarse.shape == mask.shape
    assert coarse.dtype == bool
    _, num_components = ndi.label(mask, np.ones((3, 3)))
    assert num_clicks >= num_components
    assert coarse.any() == mask.any()
    if boundary(coarse).any():
        assert boundary_distances(mask, coarse).max() <= error_px
    if mask.any() and not mask.all():
        # What was lost was shallow; what was won lies in a hole, or is rounding.
        assert (ndi.distance_transform_edt(mask) - 1)[mask & ~coarse].max(initial=0) <= error_px
        won = coarse & ~ndi.binary_fill_holes(mask)
        assert ndi.distance_transform_edt(~mask)[won].max(initial=0) <= 1


@given(masks, st.sampled_from([1, 2, 3.5, 4, 8, 16, 40]), st.sampled_from(['outside', 'both']))
@example(np.eye(20, dtype=bool), 4, 'both')
@example(np.ones((9, 12), bool), 4, 'outside')
def test_error_is_bounded_outside_and_both_ways(mask, error_px, direction):
    coarse, num_clicks = simulate_coarse_mask(mask, error_px, direction=direction, seed=3)
    assert coarse.shape == mask.shape
    assert coarse.dtype == bool
    assert coarse.any() == mask.any() == (num_clicks > 0)
    parts, number = ndi.label(mask, np.ones((3, 3)))
    if mask.any() and not mask.all():
        # An outline around an object fills its holes.
        filled = mask | (
            ndi.binary_fill_holes(mask) if direction == 'outside' else np.zeros_like(mask)
        )
        won = ndi.distance_transform_edt(~mask)[coarse & ~filled].max(initial=0)
        lost = (ndi.distance_transform_edt(mask) - 1)[mask & ~coarse].max(initial=0)
        assert won <= max(error_px, 1)
        assert lost <= (error_px if direction == 'both' else 1)
    if direction == 'both':
        assert all(coarse[parts == part].any() for part in range(1, number + 1))


def test_outside_is_larger_and_both_ways_is_both(rng):
    mask = np.hypot(*(np.mgrid[:120, :140] - np.array([60, 70])[:, None, None])) < 40
    areas = {}
    for direction in ('inside', 'outside', 'both'):
        coarse, num_clicks = simulate_coarse_mask(mask, 8, direction=direction)
        areas[direction] = (coarse & ~mask).sum(), (mask & ~coarse).sum()
        assert 3 <= num_clicks < 60
    assert areas['inside'][0] == areas['outside'][1] == 0
    assert areas['inside'][1] > 300 < areas['outside'][0]
    assert min(areas['both']) > 50
    # Smooth along the outline: few runs of either sign
    coarse, _ = simulate_coarse_mask(mask, 8, direction='both')
    assert ndi.label(coarse)[1] == 1
    again, _ = simulate_coarse_mask(mask, 8, direction='both')
    np.testing.assert_array_equal(coarse, again)
    other, _ = simulate_coarse_mask(mask, 8, direction='both', seed=1)
    assert (other != coarse).any()


@pytest.mark.parametrize('direction', ['outside', 'both'])
def test_objects_and_label_maps_in_other_directions(direction):
    labels = np.zeros((80, 90), np.uint8)
    labels[20:40, 10:50] = 3
    labels[45:70, 30:80] = 5
    objects = np.array([-1, 0, 0, 0, 0, 1])[labels - (labels == 3) * 2]
    coarse, clicks = simulate_coarse_objects(objects, 8, direction=direction, seed=5)
    assert min(clicks) >= 3
    drawn = simulate_coarse_label_map(labels, 8, background=0, direction=direction, seed=5)
    np.testing.assert_array_equal(drawn, np.array([3, 5, 0], np.uint8)[coarse])
    for index in range(2):
        won = (coarse == index) & (objects != index)
        assert 0 < ndi.distance_transform_edt(objects != index)[won].max() <= 8
    again, _ = simulate_coarse_objects(objects, 8, direction=direction, seed=5)
    np.testing.assert_array_equal(coarse, again)


def test_unknown_direction():
    with pytest.raises(ValueError, match=r'inside, outside, both, but got .up'):
        simulate_coarse_mask(np.ones((3, 3), bool), 2, direction='up')
    with pytest.raises(ValueError, match='`direction`'):
        simulate_coarse_objects(np.zeros((3, 3), np.int32), 2, direction='up')


@given(masks)
def test_no_error_is_identity(mask):
    coarse, num_clicks = simulate_coarse_mask(mask, 0)
    np.testing.assert_array_equal(coarse, mask)
    assert (num_clicks > 0) == mask.any()
    assert coarse is not mask


def test_square_shrinks_by_half_of_the_error():
    mask = np.zeros((60, 60), bool)
    mask[10:50, 10:50] = True
    for error_px in (2, 4, 8):
        coarse, num_clicks = simulate_coarse_mask(mask, error_px)
        margin = 10 + error_px // 2
        expected = np.zeros_like(mask)
        expected[margin:-margin, margin:-margin] = True
        np.testing.assert_array_equal(coarse, expected)
        assert num_clicks == 4


def test_fewer_clicks_and_more_error_with_larger_error_px():
    y, x = np.mgrid[:200, :200] - 100
    angle = np.arctan2(y, x)
    flower = np.hypot(y, x) < 70 + 15 * np.sin(7 * angle)
    results = [simulate_coarse_mask(flower, error_px) for error_px in (2, 4, 8, 16)]
    means = [boundary_distances(flower, coarse).mean() for coarse, _ in results]
    clicks = [num_clicks for _, num_clicks in results]
    assert clicks == sorted(clicks, reverse=True)
    assert clicks[0] > clicks[-1]
    for error_px, mean in zip((2, 4, 8, 16), means, strict=True):
        assert 0.3 * error_px < mean < 0.7 * error_px


def test_holes_are_filled():
    mask = np.zeros((80, 80), bool)
    mask[10:70, 10:70] = True
    filled, _ = simulate_coarse_mask(mask, 4)
    mask[35:45, 35:45] = False
    coarse, num_clicks = simulate_coarse_mask(mask, 4)
    np.testing.assert_array_equal(coarse, filled)
    assert num_clicks == 4


def test_image_border_is_no_boundary():
    whole = np.ones((30, 40), np.uint8)
    np.testing.assert_array_equal(simulate_coarse_mask(whole, 8)[0], whole.astype(bool))

    half = np.zeros((30, 40), bool)
    half[:, :20] = True
    expected = np.zeros_like(half)
    expected[:, :16] = True
    np.testing.assert_array_equal(simulate_coarse_mask(half, 8)[0], expected)


@pytest.mark.parametrize('turns', range(4))
def test_long_object_on_the_border_has_no_sliver(turns):
    # A flat dome whose simplified outline would leave the border slightly if it ended there.
    y, x = np.mgrid[:60, :300]
    mask = np.rot90((x - 150) ** 2 / 120**2 + (59 - y) ** 2 / 40**2 < 1, turns)
    coarse, _ = simulate_coarse_mask(mask, 12)
    edge, coarse_edge = np.rot90(mask, -turns)[-1], np.rot90(coarse, -turns)[-1]
    np.testing.assert_array_equal(coarse_edge, ndi.binary_fill_holes(coarse_edge))
    assert 0 <= edge.sum() - coarse_edge.sum() <= 2 * 12


@pytest.mark.parametrize('position', [(0, 0), (0, 14), (9, 14), (5, 7)])
def test_one_pixel_object_becomes_a_cross(position):
    mask = np.zeros((10, 15), bool)
    mask[position] = True
    coarse, num_clicks = simulate_coarse_mask(mask, 4)
    expected = ndi.binary_dilation(mask, ndi.generate_binary_structure(2, 1))
    np.testing.assert_array_equal(coarse, expected)
    assert num_clicks == 4
    # An error under a pixel leaves no room for a cross.
    np.testing.assert_array_equal(simulate_coarse_mask(mask, 0.5)[0], mask)


def test_thin_object_survives_inside_itself():
    mask = np.zeros((40, 60), bool)
    mask[18:25, 5:50] = True  # 7 px thick, erosion by 8 removes it
    coarse, num_clicks = simulate_coarse_mask(mask, 16)
    assert num_clicks == 4
    assert coarse.any()
    assert not (coarse & ~mask).any()


def test_pixels_that_touch_by_a_corner_are_one_object():
    diagonal = np.pad(np.eye(20, dtype=bool), 3)
    coarse, num_clicks = simulate_coarse_mask(diagonal, 4)
    assert num_clicks == 4
    assert coarse.sum() == 5


def test_components_are_outlined_one_by_one():
    mask = random_mask(3, 80, 90, 3, 0.7)
    labels, count = ndi.label(mask, np.ones((3, 3)))
    union, clicks = np.zeros_like(mask), 0
    for index in range(1, count + 1):
        coarse, num_clicks = simulate_coarse_mask(labels == index, 5)
        union |= coarse
        clicks += num_clicks
    whole, total = simulate_coarse_mask(mask, 5)
    np.testing.assert_array_equal(whole, union)
    assert total == clicks


def test_empty_mask():
    coarse, num_clicks = simulate_coarse_mask(np.zeros((5, 6), bool), 4)
    assert not coarse.any()
    assert num_clicks == 0


def test_input_is_kept_and_any_integer_type_serves():
    mask = random_mask(1, 50, 50, 4, 0.5)
    given_mask = mask.astype(np.int64) * 7
    kept = given_mask.copy()
    coarse, _ = simulate_coarse_mask(np.asfortranarray(given_mask), 3)
    np.testing.assert_array_equal(given_mask, kept)
    np.testing.assert_array_equal(coarse, simulate_coarse_mask(mask, 3)[0])


@pytest.mark.parametrize(
    ('mask', 'error_px', 'kind', 'message'),
    [
        (np.zeros((4, 4), np.float32), 4, TypeError, '`mask`.*float32.*threshold'),
        ([[1, 0]], 4, TypeError, '`mask`.*list'),
        (np.zeros((2, 4, 4), bool), 4, ValueError, '`mask`.*once per mask'),
        (np.zeros((0, 4), bool), 4, ValueError, '`mask`.*at least 1'),
        (np.zeros((4, 4), bool), -1, ValueError, '`error_px`.*-1'),
        (np.zeros((4, 4), bool), float('nan'), ValueError, '`error_px`.*nan'),
        (np.zeros((4, 4), bool), float('inf'), ValueError, '`error_px`.*inf'),
        (np.zeros((4, 4), bool), '4', ValueError, "`error_px`.*'4'"),
    ],
)
def test_exception_mask(mask, error_px, kind, message):
    with pytest.raises(kind, match=message):
        simulate_coarse_mask(mask, error_px)


# Label maps


def two_squares():
    label_map = np.zeros((60, 100), np.uint8)
    label_map[10:50, 10:50] = 1
    label_map[10:50, 50:90] = 2
    label_map[:3] = 255
    return label_map


def test_label_map_gaps_become_background():
    label_map = two_squares()
    coarse = simulate_coarse_label_map(label_map, 4, background=0)
    expected = np.zeros_like(label_map)
    expected[12:48, 12:48] = 1
    expected[12:48, 52:88] = 2
    expected[:3] = 255
    np.testing.assert_array_equal(coarse, expected)
    assert coarse.dtype == label_map.dtype


def test_label_map_gaps_become_ignore_without_background():
    label_map = np.zeros((60, 100), np.uint8)
    label_map[:, 50:] = 1
    coarse = simulate_coarse_label_map(label_map, 8)
    expected = label_map.copy()
    expected[:, 46:54] = 255
    np.testing.assert_array_equal(coarse, expected)


def test_label_map_instances_are_outlined_apart():
    label_map = np.zeros((60, 100), np.uint8)
    label_map[10:50, 10:90] = 1
    instance_map = np.zeros((60, 100), np.uint16)
    instance_map[10:50, 10:50] = 1
    instance_map[10:50, 50:90] = 500
    merged = simulate_coarse_label_map(label_map, 4, background=0)
    apart = simulate_coarse_label_map(label_map, 4, instance_map=instance_map, background=0)
    assert (merged[12:48, 12:88] == 1).all()
    assert (apart[:, 48:52] == 0).all()
    np.testing.assert_array_equal(apart[:, :48], merged[:, :48])


def test_label_map_object_inside_an_outline_stays_visible():
    # The ring covers fewer pixels than the disk in it, yet its filled outline covers more.
    y, x = np.mgrid[:120, :120] - 60
    distance = np.hypot(y, x)
    label_map = np.zeros((120, 120), np.uint8)
    label_map[distance < 50] = 2
    label_map[distance < 43] = 1
    assert (label_map == 2).sum() < (label_map == 1).sum()
    coarse = simulate_coarse_label_map(label_map, 3, background=0)
    assert coarse[60, 60] == 1
    assert coarse[60, 60 + 47] == 2
    assert (coarse == 1).sum() > 0.85 * (label_map == 1).sum()


def test_label_map_no_error_is_a_copy():
    label_map = two_squares()
    coarse = simulate_coarse_label_map(label_map, 0)
    np.testing.assert_array_equal(coarse, label_map)
    assert coarse is not label_map


@pytest.mark.parametrize('background', [None, 0])
def test_label_map_all_ignore_stays(background):
    label_map = np.full((8, 9), 255, np.uint8)
    coarse = simulate_coarse_label_map(label_map, 4, background=background)
    np.testing.assert_array_equal(coarse, label_map)


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 3, 6]), st.booleans())
def test_label_map_properties(seed, error_px, with_background):
    rng = np.random.default_rng(seed)
    noise = ndi.gaussian_filter(rng.random((5, 40, 50)), (0, 4, 4))
    label_map = noise.argmax(0).astype(np.int16)
    label_map[rng.random((40, 50)) < 0.01] = 255
    background = 0 if with_background else None
    coarse = simulate_coarse_label_map(label_map, error_px, background=background)
    rest = 0 if with_background else 255
    assert set(np.unique(coarse)) <= set(np.unique(label_map)) | {rest}
    assert (coarse[label_map == 255] == 255).all()
    assert with_background or (coarse == 255).sum() >= (label_map == 255).sum()


@pytest.mark.parametrize(
    ('label_map', 'options', 'kind', 'message'),
    [
        (np.zeros((4, 4), np.float32), {}, TypeError, '`label_map`.*float32'),
        (np.zeros((4, 4, 3), np.uint8), {}, ValueError, r'`label_map`.*\(4, 4, 3\)'),
        (
            np.zeros((4, 4), np.uint8),
            {'instance_map': np.zeros((4, 5), np.uint8)},
            ValueError,
            r'`instance_map`.*\(4, 5\)',
        ),
        (
            np.zeros((4, 4), np.uint8),
            {'instance_map': np.zeros((4, 4))},
            TypeError,
            '`instance_map`.*float64',
        ),
        (np.zeros((4, 4), np.uint8), {'ignore_index': 999}, ValueError, '`ignore_index`.*999'),
        (np.zeros((4, 4), np.uint8), {'error_px': -2}, ValueError, '`error_px`.*-2'),
    ],
)
def test_exception_label_map(label_map, options, kind, message):
    with pytest.raises(kind, match=message):
        simulate_coarse_label_map(label_map, **{'error_px': 4, **options})


@pytest.mark.shared_data
def test_camvid_labels_keep_the_bound(shared_data):
    import cv2

    files = sorted((shared_data / 'camvid' / 'valannot').glob('*.png'))[:3]
    assert files
    for file in files:
        label_map = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
        for label in np.unique(label_map):
            mask = label_map == label
            coarse, _ = simulate_coarse_mask(mask, 8)
            if boundary(coarse).any():
                assert boundary_distances(mask, coarse).max() <= 8


@pytest.mark.parametrize('dtype', [np.int8, np.uint8, np.int32, np.int64])
def test_objects_of_any_integer_type(dtype):
    top = min(np.iinfo(dtype).max, 300)
    objects = np.zeros((20, 20), dtype)
    objects[5:15, 5:15] = top
    coarse, clicks = simulate_coarse_objects(objects, 2)
    assert coarse.dtype == np.int32
    assert len(clicks) == top + 1
    assert (coarse[7:13, 7:13] == top).all()
    assert clicks[top] == 4


def test_objects_and_label_maps_agree(rng):
    objects = np.kron(rng.integers(-1, 5, (4, 5)), np.ones((9, 9), int))
    coarse, clicks = simulate_coarse_objects(objects, 4)
    labels = simulate_coarse_label_map(objects + 1, 4, background=0)
    np.testing.assert_array_equal(coarse + 1, labels)
    for m, number in enumerate(clicks):
        assert number == (simulate_coarse_mask(objects == m, 4)[1] if (objects == m).any() else 0)


def test_no_pixels_no_objects():
    coarse, clicks = simulate_coarse_objects(np.zeros((0, 4), int), 4)
    assert coarse.shape == (0, 4)
    assert clicks == []
