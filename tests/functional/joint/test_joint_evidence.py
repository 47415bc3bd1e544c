"""Scenes, pairs and evidence against loops over pixels."""

import cv2
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage

from mmsteal.functional.joint.color_density import ColorLattice
from mmsteal.functional.joint.edge_surprise import edge_surprise
from mmsteal.functional.joint.geodesic import nearest_labels
from mmsteal.functional.joint.joint_evidence import (
    MOST_COLOR,
    gather_evidence,
    set_colors,
    set_watershed,
)
from mmsteal.functional.joint.joint_scene import read_scene
from mmsteal.functional.joint.joint_weights import CIRCUMSTANCES, POSITIVE, VOICES, WEIGHTS
from mmsteal.functional.joint.mean_field import NOBODY, decided
from mmsteal.functional.joint.outline_offsets import outline_offsets
from mmsteal.functional.joint.pixel_pairs import pixel_pairs


def objects(size=48):
    """A square and a disk that touch it, before nothing."""
    y, x = np.mgrid[:size, :size]
    found = np.full((size, size), -1, np.int32)
    found[8:36, 6:24] = 0
    found[(np.hypot(y - 20, x - 33) < 11) & (found < 0)] = 1
    return found


def scene_of(background=True, error_px=4.0, fixed=(False, False), frozen=None):
    given = objects()
    frozen = np.zeros(given.shape, bool) if frozen is None else frozen
    return read_scene(given, frozen, np.array(fixed), error_px, background=background)


def photo(seed=0):
    noise = np.random.default_rng(seed).integers(0, 256, (48, 48, 3)).astype(np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 2)


def test_depth_is_about_the_distance_to_another_label():
    scene = scene_of()
    for label in range(3):
        mask = scene.labels == label
        exact = ndimage.distance_transform_edt(mask)[mask] - 0.5
        near = exact < scene.reach_px - 2
        # Ways through eight neighbors are up to 9 % longer than straight ones.
        assert (scene.depth[mask][near] >= exact[near] - 1e-4).all()
        assert (scene.depth[mask][near] <= 1.09 * (exact[near] + 0.5) - 0.5 + 1e-4).all()


def test_no_more_than_the_outer_half_of_an_object_is_open():
    for error_px in (2.0, 8.0, 40.0):
        scene = scene_of(error_px=error_px)
        for label in (0, 1):
            mine = scene.labels == label
            assert (mine & ~scene.open).any()
            assert scene.depth[mine & scene.open].max() <= error_px


def test_what_is_open():
    frozen = np.zeros((48, 48), bool)
    frozen[:, :10] = True
    scene = scene_of(fixed=(True, False), frozen=frozen)
    assert not scene.open[scene.labels == 0].any()
    assert not scene.open[frozen].any()
    assert scene.open[scene.labels == 1].any()
    assert (scene.labels[frozen] == -1).all()
    assert_array_equal(scene.decided[scene.open], -1)
    # What nobody labelled is open further out than background is.
    assert scene_of(background=False).open.sum() > scene_of().open.sum()


def test_the_side_that_outlines_do_not_lie_on_is_closed():
    scene = scene_of()
    inside = scene.labels < 2
    small, large, still = (scene.narrowed(o, 2000.0) for o in (0.5, -0.5, 0.05))
    assert not small.open[inside].any()
    assert_array_equal(small.open[~inside], scene.open[~inside])
    assert not large.open[~inside].any()
    assert_array_equal(large.open[inside], scene.open[inside])
    assert_array_equal(still.open[inside], scene.open[inside])
    # Of a short outline nothing is closed so early.
    assert scene.narrowed(0.2, 100.0).open[inside].any()
    assert scene.narrowed(0.2, 100.0).open.sum() > scene.narrowed(0.2, 1e5).open.sum()


@pytest.mark.parametrize('grey', [False, True])
def test_pairs_follow_the_formula(grey):
    image = photo()[..., 0] if grey else photo()
    scene = scene_of()
    neighbors, weights = pixel_pairs(image, scene.labels, scene.open, 2.0)
    colors = image[..., None] if grey else cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
    colors = colors.astype(float)
    steps = [((colors[:, 1:] - colors[:, :-1]) ** 2).sum(axis=2).ravel(),
             ((colors[1:] - colors[:-1]) ** 2).sum(axis=2).ravel()]  # fmt: skip
    mean = np.concatenate(steps).mean()
    index = np.full(scene.open.shape, -1)
    index[scene.open] = np.arange(scene.open.sum())
    order = [(0, -1), (0, 1), (-1, 0), (1, 0), (-1, -1), (-1, 1), (1, -1), (1, 1)]
    for y, x in np.argwhere(scene.open)[::17]:
        for k, (dy, dx) in enumerate(order):
            to = (y + dy, x + dx)
            if not (0 <= to[0] < 48 and 0 <= to[1] < 48):
                assert neighbors[index[y, x], k] == NOBODY
                continue
            expected = index[to] if scene.open[to] else decided(int(scene.labels[to]))
            assert neighbors[index[y, x], k] == expected
            apart = ((colors[y, x] - colors[to]) ** 2).sum()
            weight = 2 * np.exp(-apart / (2 * mean)) / np.hypot(dy, dx)
            assert_allclose(weights[index[y, x], k], weight, rtol=1e-5)


@pytest.mark.parametrize('background', [False, True])
def test_voices(background):
    scene = scene_of(background)
    image = photo()
    lattice = ColorLattice.of(image)
    costs = lattice.costs(scene.decided, 3)
    edge = np.ones(scene.open.shape, np.float32)
    offsets = outline_offsets(
        scene.labels, scene.beside, scene.depth, edge, lattice.index, costs, 4.0
    )
    grown = nearest_labels(scene.decided, edge, num=3, passable=scene.open)
    evidence = gather_evidence(scene, grown, offsets, 0.1, edge)
    rows = np.flatnonzero(scene.open)
    color = lattice.index.ravel()[rows]
    set_colors(evidence, color, costs)
    voice = dict(zip(VOICES, np.moveaxis(evidence.voices, 2, 0), strict=True))
    own = evidence.candidates == scene.labels.ravel()[rows][:, None]
    gap = (scene.labels.ravel()[rows] == 2) & (not background)
    there = np.broadcast_to(~gap[:, None], own.shape)
    depth = np.broadcast_to(scene.depth.ravel()[rows][:, None], own.shape)
    assert_allclose(voice['outline'][own & there], -depth[own & there] / 4, rtol=1e-5)
    assert (voice['outline'][~own & there & (evidence.candidates >= 0)] > 0).all()
    assert (voice['outline'][gap] == 0).all()
    assert (voice['gap_ratio'][~gap] == 0).all()
    valid = evidence.candidates >= 0
    none = evidence.candidates == 2
    assert_array_equal(voice['none'][none], 0 if background else 1)
    pooled = -0.1 if background else 0
    assert_allclose(voice['pooled'][valid], np.where(none, 0, pooled)[valid], rtol=1e-6)
    assert voice['way'].min() == 0
    assert (voice['shed'] == 0).all()
    flooded = evidence.candidates[:, 0].copy()
    flooded[::3] = -1
    set_watershed(evidence, flooded)
    against = (flooded[:, None] >= 0) & (evidence.candidates != flooded[:, None])
    assert_array_equal(evidence.voices[..., VOICES.index('shed')], against)
    expected = costs[np.maximum(evidence.candidates, 0), color[:, None]]
    expected = expected - np.where(valid, expected, np.inf).min(axis=1, keepdims=True)
    assert_allclose(voice['color'][valid], np.minimum(expected, MOST_COLOR)[valid], rtol=1e-4)


def test_costs_follow_the_formula():
    scene = scene_of()
    edge = np.ones(scene.open.shape, np.float32)
    lattice = ColorLattice.of(photo())
    offsets = outline_offsets(
        scene.labels,
        scene.beside,
        scene.depth,
        edge,
        lattice.index,
        lattice.costs(scene.decided, 3),
        4.0,
    )
    grown = nearest_labels(scene.decided, edge, num=3, passable=scene.open)
    evidence = gather_evidence(scene, grown, offsets, 0.1, edge)
    scores = evidence.circumstances.astype(float) @ WEIGHTS
    weight = [
        np.exp(score) if name in POSITIVE else score
        for name, score in zip(VOICES, scores, strict=True)
    ]
    expected = (evidence.voices * np.array(weight)).sum(axis=2)
    expected[evidence.candidates < 0] = np.inf
    assert_allclose(evidence.costs(), expected, rtol=1e-4, atol=1e-4)
    with pytest.raises(ValueError, match='`weights` to have shape'):
        evidence.costs(np.ones((1, 2), np.float32))
    assert len(CIRCUMSTANCES) == len(evidence.circumstances)


def test_edge_surprise_takes_the_whole_map_where_the_interior_is_small():
    edge_map = np.full((4, 5), 0.5, np.float32)
    assert_array_equal(edge_surprise(edge_map, np.zeros((4, 5), bool)), 1)
    assert_array_equal(edge_surprise(np.zeros((4, 5), np.float32), np.zeros((4, 5), bool)), 0)
