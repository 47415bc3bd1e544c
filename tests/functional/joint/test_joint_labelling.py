"""Joint labelling: symmetric, bounded, and right where the image is clear."""

from dataclasses import astuple

import cv2
import numpy as np
import pytest
import scipy.io
from numpy.testing import assert_allclose, assert_array_equal

from mmsteal.functional.edge_maps.gradient_edges import gradient_edges
from mmsteal.functional.joint.joint_labelling import joint_labelling
from mmsteal.functional.joint.joint_solver import JointOptions


def scene(seed=0, size=72, grey=False):
    """Two disks on a ground, each with its own noisy color; their exact map of objects."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size]
    exact = np.full((size, size), -1, np.int32)
    exact[np.hypot(y - 0.35 * size, x - 0.33 * size) < 0.22 * size] = 0
    exact[np.hypot(y - 0.6 * size, x - 0.64 * size) < 0.24 * size] = 1
    colors = np.array([[200, 60, 50], [60, 170, 70], [70, 80, 160]])  # the last of none: -1
    image = colors[exact] + rng.normal(0, 12, (size, size, 3))
    image = image.clip(0, 255).astype(np.uint8)
    return (image[..., 1] if grey else image), exact


def shrunk(exact, by):
    """Objects that lost all that is nearer than `by` to something else."""
    coarse = exact.copy()
    for _ in range(by):
        edge = np.zeros(coarse.shape, bool)
        for axis in (0, 1):
            for step in (-1, 1):
                edge |= np.roll(coarse, step, axis) != coarse
        coarse[edge] = -1
    return coarse


def iou(found, exact, index):
    a, b = found == index, exact == index
    return (a & b).sum() / (a | b).sum()


@pytest.mark.parametrize('grey', [False, True])
def test_finds_the_outlines_of_labels_that_are_too_small(grey):
    image, exact = scene(grey=grey)
    found = joint_labelling(shrunk(exact, 3), image, background=True, error_px=6)
    for index in (0, 1):
        assert iou(found.object_map, exact, index) > (0.95 if grey else 0.97)
        report = found.objects[index]
        assert report.status == 'moved'
        assert report.offset_px > 1
        assert report.expected_gain > 0


def test_finds_the_outlines_of_labels_that_are_too_large():
    image, exact = scene()
    large = exact.copy()
    for index in (0, 1):
        rest = np.where(exact == index, -1, 0).astype(np.int32)
        large[(shrunk(rest, 3) < 0) & (exact < 0)] = index
    found = joint_labelling(large, image, background=True, error_px=6)
    for index in (0, 1):
        assert iou(found.object_map, exact, index) > 0.97 > iou(large, exact, index)
        assert found.objects[index].offset_px < -1


def grown(exact, by):
    """Objects that took all background that is nearer than `by`."""
    found = exact.copy()
    for index in (0, 1):
        rest = np.where(exact == index, -1, 0).astype(np.int32)
        found[(shrunk(rest, by) < 0) & (exact < 0)] = index
    return found


@pytest.mark.parametrize('by', [2, 4])
def test_offset_says_which_way_outlines_err(by):
    image, exact = scene()
    drawn = {'small': shrunk(exact, by), 'large': grown(exact, by), 'exact': exact}
    offsets = {
        name: joint_labelling(given, image, background=True, error_px=2.0 * by).offset
        for name, given in drawn.items()
    }
    assert offsets['small'] > 0.3
    assert offsets['large'] < -0.3
    assert abs(offsets['exact']) < 0.25


def test_sure_edges_are_obeyed_where_an_object_is_thin():
    """Four pixels wide, of the color of what is beside it, and known at its foot alone."""
    exact = np.zeros((60, 80), np.int32)
    exact[:, 40:] = 1
    exact[9:, 37:41] = 2
    edge = np.zeros((60, 80), np.float32)
    edge[:, 36:38] = edge[:, 40:42] = edge[8:10, 38:40] = 1
    edge[10:, 38:40] = 0.6
    coarse = exact.copy()
    coarse[:, 34:44] = -1
    coarse[40:, 38:40] = 2
    image = np.full((60, 80, 3), 90, np.uint8)
    found = joint_labelling(coarse, image, edge[None], error_px=8)
    assert iou(found.object_map, exact, 2) > 0.9


def test_fills_what_nobody_labelled():
    image, exact = scene()
    exact = np.where(exact < 0, 2, exact)
    coarse = shrunk(exact, 3)
    found = joint_labelling(coarse, image, error_px=6)
    assert (found.object_map == exact).mean() > 0.98


def test_exact_labels_stay():
    image, exact = scene()
    found = joint_labelling(exact, image, background=True, error_px=6)
    assert min(iou(found.object_map, exact, index) for index in (0, 1)) > 0.97


@pytest.mark.parametrize('flip', [(slice(None, None, -1),), (slice(None), slice(None, None, -1))])
def test_flips_with_the_image(flip):
    image, exact = scene(3)
    coarse = shrunk(exact, 3)
    there = joint_labelling(coarse, image, background=True, error_px=6).object_map
    back = joint_labelling(coarse[flip].copy(), image[flip].copy(), background=True, error_px=6)
    assert (back.object_map[flip] != there).mean() < 0.002  # ties between ways


def test_names_of_objects_do_not_matter():
    image, exact = scene()
    coarse = shrunk(np.where(exact < 0, 2, exact), 3)
    names = np.array([4, 0, 2, -1])
    first = joint_labelling(coarse, image, error_px=6)
    second = joint_labelling(names[coarse], image, error_px=6)
    assert_array_equal(names[first.object_map], second.object_map)
    assert astuple(first.objects[0])[:2] == astuple(second.objects[4])[:2]
    numbers = [astuple(found)[2:] for found in (first.objects[0], second.objects[4])]
    assert_allclose(*numbers)
    assert second.objects[1].reason == 'empty'


def test_runs_the_same_each_time():
    image, exact = scene()
    first, second = (
        joint_labelling(shrunk(exact, 3), image, background=True, error_px=6) for _ in range(2)
    )
    assert_array_equal(first.object_map, second.object_map)
    assert first.objects == second.objects


def test_frozen_pixels_and_fixed_objects_stay():
    image, exact = scene()
    coarse = shrunk(exact, 3)
    frozen = np.zeros(exact.shape, bool)
    frozen[:30] = True
    found = joint_labelling(
        coarse, image, background=True, frozen=frozen, fixed=np.array([False, True]), error_px=6
    )
    assert_array_equal(found.object_map[frozen], coarse[frozen])
    assert_array_equal(found.object_map[coarse == 1], 1)


def test_nothing_changes_further_away_than_the_error_allows():
    image, exact = scene()
    coarse = shrunk(exact, 3)
    found = joint_labelling(coarse, image, background=True, error_px=2)
    wide = exact.copy()
    for index in (0, 1):
        around = np.where(coarse == index, -1, 0).astype(np.int32)
        wide = np.where(shrunk(around, 4) < 0, 0, -1)
        assert (wide[found.object_map == index] == 0).all()


def test_error_is_estimated_where_it_is_not_given():
    image, exact = scene()
    found = joint_labelling(shrunk(exact, 3), image, background=True)
    assert 2 <= found.error_px <= 24
    assert found.object_map.shape == exact.shape


def test_edge_maps_of_several_classes_and_another_size():
    image, exact = scene()
    edge = np.zeros((2, 36, 36), np.float32)
    small = exact[::2, ::2]
    for index in (0, 1):
        edge[index, 1:] = (small == index)[1:] != (small == index)[:-1]
    found = joint_labelling(shrunk(exact, 3), image, edge, background=True, error_px=6)
    assert min(iou(found.object_map, exact, index) for index in (0, 1)) > 0.9


@pytest.mark.parametrize('background', [False, True])
@pytest.mark.parametrize('num', [0, 1, 200])
def test_any_number_of_labels_on_an_image_of_one_color(num, background):
    rng = np.random.default_rng(0)
    coarse = np.full((80, 80), -1, np.int32)
    if num:
        coarse = rng.integers(-1, num, (16, 16)).repeat(5, 0).repeat(5, 1).astype(np.int32)
    image = np.full((80, 80, 3), 90, np.uint8)
    found = joint_labelling(coarse, image, num_objects=num, background=background, error_px=4)
    assert len(found.objects) == num
    assert found.object_map.min() >= -1
    assert found.object_map.max() < max(num, 1)


def test_a_label_that_fills_the_image_and_a_speck():
    image, _ = scene()
    full = np.zeros(image.shape[:2], np.int32)
    assert_array_equal(joint_labelling(full, image, error_px=8).object_map, full)
    speck = np.full(image.shape[:2], -1, np.int32)
    speck[30, 30] = 0
    found = joint_labelling(speck, image, background=True, error_px=8)
    assert found.object_map[30, 30] == 0


@pytest.mark.parametrize(
    ('change', 'error', 'message'),
    [
        (dict(object_map=np.zeros((8, 8))), TypeError, 'integers'),
        (dict(object_map=np.zeros((8, 8, 1), int)), ValueError, r'\(H, W\)'),
        (dict(object_map=np.full((8, 8), -2)), ValueError, 'at least -1'),
        (dict(image=np.zeros((8, 8, 3))), TypeError, 'uint8'),
        (dict(image=np.zeros((8, 8, 4), np.uint8)), ValueError, 'for a grey one'),
        (dict(image=np.zeros((8, 9, 3), np.uint8)), ValueError, 'resize one of them'),
        (dict(edge_prob=np.zeros((8, 8))), ValueError, r'edge_prob\[None\]'),
        (dict(edge_prob=np.zeros((1, 8, 8), int)), TypeError, 'floats'),
        (dict(edge_prob=np.full((1, 8, 8), 2.0)), ValueError, 'from 0 to 1'),
        (dict(edge_prob=np.zeros((1, 8, 24))), ValueError, 'aspect ratio'),
        (dict(frozen=np.zeros((8, 8), int)), ValueError, 'bool of shape'),
        (dict(fixed=np.zeros(3, bool)), ValueError, 'one value an'),
        (dict(error_px=0), ValueError, 'above 0'),
        (dict(error_px=float('nan')), ValueError, 'above 0'),
    ],
)
def test_bad_input(change, error, message):
    good = dict(object_map=np.zeros((8, 8), int), image=np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(error, match=message):
        joint_labelling(**{**good, **change})


@pytest.mark.parametrize(
    'change', [dict(smoothness=-1), dict(num_rounds=0), dict(num_candidates=1)]
)
def test_bad_options(change):
    with pytest.raises(ValueError, match=f'`{next(iter(change))}` to be at least'):
        JointOptions(**change)


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_an_offset_of_the_set_is_a_number(value):
    with pytest.raises(ValueError, match='`set_offset` to be finite'):
        JointOptions(set_offset=value)


@pytest.mark.parametrize('value', [-0.1, 1.1, float('nan')])
def test_a_share_of_the_gradient_is_a_fraction(value):
    with pytest.raises(ValueError, match='`gradient_share` to be from 0 to 1'):
        JointOptions(gradient_share=value)


@pytest.mark.parametrize('share', [0.0, 0.4, 1.0])
def test_edges_follow_the_gradient_by_their_share(share):
    """A map that says nothing of its own is the gradient, from no share to all of it."""
    image, exact = scene()
    coarse, gradient = shrunk(exact, 3), gradient_edges(image)
    blind = np.full((1, *exact.shape), 0.5, np.float32)
    mixed = (0.5 * (1 - share + share * gradient))[None]

    def found(edges, **change):
        refined = joint_labelling(
            coarse, image, edges, background=True, error_px=6, options=JointOptions(**change)
        )
        return refined.object_map

    assert_array_equal(found(blind, gradient_share=share), found(mixed))


@pytest.mark.shared_data
@pytest.mark.parametrize('error_px', [8.0, 16.0, 32.0])
def test_a_sheep_in_its_hull_does_not_collapse(shared_data, error_px):
    """A white animal with dark legs, drawn as its convex hull, before others of its kind.

    The image cannot tell all of it apart from the ground: what is lost stays bounded.
    """
    folder = shared_data / 'msrc_v2'
    image = cv2.imread(str(folder / 'Images/9_9_s.png'))[..., ::-1].copy()
    found = scipy.io.loadmat(folder / 'newsegmentations_mats/9_9_s_GT.mat')
    sheep = 1 + np.flatnonzero(found['newlabels'].ravel() == 6)
    _, parts, stats, _ = cv2.connectedComponentsWithStats(
        np.isin(found['newseg'], sheep).view(np.uint8)
    )
    exact = parts == 1 + stats[1:, cv2.CC_STAT_AREA].argmax()
    hull = np.zeros(exact.shape, np.uint8)
    cv2.fillPoly(hull, [cv2.convexHull(np.argwhere(exact)[:, ::-1].astype(np.int32))], (1,))
    drawn = hull.astype(np.int32) - 1
    refined = joint_labelling(drawn, image, background=True, error_px=error_px)
    before, after = (iou(m, exact.astype(int) - 1, 0) for m in (drawn, refined.object_map))
    assert after > before - 0.12
