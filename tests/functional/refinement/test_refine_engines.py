"""Each engine is its function; bad input is told."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage as ndi

from mmsteal.functional import (
    REFINE_OPTIONS,
    AlignOptions,
    GeodesicOptions,
    JointOptions,
    engine_options,
    geodesic_labelling,
    gradient_edges,
    outline_distances,
    refine_label_map,
    refine_objects,
    simulate_coarse_objects,
)
from mmsteal.functional.edge_maps.edges import mask_edges
from mmsteal.functional.joint.joint_labelling import joint_labelling
from mmsteal.functional.refinement.refine_engines import ENGINES, engine_of

COLORS = np.array([[200, 60, 50], [60, 180, 70], [40, 80, 200]], np.float64)


def photograph(rng, size=(80, 100), number=2):
    """Exact objects on a background, and a noisy picture of them."""
    y, x = np.mgrid[: size[0], : size[1]]
    exact = np.full(size, -1, np.int32)
    exact[np.hypot(y - size[0] / 2, x - size[1] / 4) < size[0] / 4] = 0
    if number > 1:
        exact[size[0] // 5 : -size[0] // 5, -size[1] // 3 : -size[1] // 8] = 1
    clean = np.append(COLORS[:2], COLORS[2:], axis=0)[np.where(exact < 0, 2, exact)]
    noisy = ndi.gaussian_filter(clean, (0.7, 0.7, 0)) + rng.normal(0, 12, (*size, 3))
    return exact, np.clip(noisy, 0, 255).astype(np.uint8)


def iou(a, b):
    return (a & b).sum() / (a | b).sum()


def test_the_type_of_the_options_chooses_the_engine():
    assert engine_options() == JointOptions()
    assert engine_options(has_image=False) is REFINE_OPTIONS
    assert engine_options('level_set') is REFINE_OPTIONS
    assert engine_options('geodesic', has_image=False) == GeodesicOptions()
    for options in (JointOptions(smoothness=1), AlignOptions(), GeodesicOptions(step_cost=1)):
        assert engine_options(options=options) is options
        assert engine_options(engine_of(options), options) is options
    with pytest.raises(ValueError, match=r"JointOptions.* 'joint', but got AlignOptions"):
        engine_options('joint', AlignOptions())
    with pytest.raises(ValueError, match=r'one of joint, level_set, geodesic, but got .jiont'):
        engine_options('jiont')
    with pytest.raises(TypeError, match='JointOptions, AlignOptions, GeodesicOptions'):
        engine_options(options={'min_gain': 1})


def test_joint_is_the_default_with_an_image(rng):
    exact, image = photograph(rng)
    coarse, _ = simulate_coarse_objects(exact, 6)
    expected = joint_labelling(coarse, image, background=True, error_px=6)
    for arguments in ({}, {'engine': 'joint'}, {'options': JointOptions()}):
        refined, objects = refine_objects(
            coarse, image=image, background=True, error_px=6, **arguments
        )
        np.testing.assert_array_equal(refined, expected.object_map)
        for mine, theirs in zip(objects, expected.objects, strict=True):
            assert (mine.status, mine.reason) == (theirs.status, theirs.reason)
            assert mine.iou_with_given == pytest.approx(theirs.iou_with_given)
            assert mine.estimated_iou == theirs.estimated_iou
            assert mine.expected_gain == theirs.expected_gain
            assert mine.offset_px == theirs.offset_px
            assert mine.alignment is None
            assert math.isnan(mine.loss_given)
    for m in range(2):
        assert iou(refined == m, exact == m) > iou(coarse == m, exact == m) + 0.05
        outlines = [mask_edges(mask == m, radius=1) != 0 for mask in (coarse, refined)]
        distances = outline_distances(*outlines)
        assert objects[m].mean_displacement_px == pytest.approx(distances.mean())
        assert objects[m].max_displacement_px == pytest.approx(distances.max())


def test_label_maps_with_an_image(rng):
    exact, image = photograph(rng)
    coarse, _ = simulate_coarse_objects(exact, 6)
    labels = np.array([4, 9, 0], np.uint8)[coarse]
    refined = refine_label_map(labels, image=image, background=0, error_px=6)
    expected = joint_labelling(coarse, image, background=True, error_px=6)
    np.testing.assert_array_equal(refined.label_map, np.array([4, 9, 0])[expected.object_map])
    assert (refined.engine, refined.error_px, refined.values) == ('joint', 6, [4, 9])
    # Of several edge maps the strongest counts
    maps = rng.random((3, *coarse.shape), dtype=np.float32)
    refined = refine_label_map(labels, maps, image=image, background=0, classes={4: 1, 9: 2})
    expected = joint_labelling(coarse, image, maps, background=True)
    np.testing.assert_array_equal(refined.label_map, np.array([4, 9, 0])[expected.object_map])
    assert refined.error_px == expected.error_px


def test_unlabelled_pixels_are_filled_and_ignored_ones_stay(rng):
    exact, image = photograph(rng)
    exact = exact + 1  # the background is an object
    coarse, _ = simulate_coarse_objects(exact, 6)
    labels = np.where(coarse < 0, 200, coarse).astype(np.uint8)
    labels[:3] = 255
    refined = refine_label_map(labels, image=image, unlabelled=200, error_px=6)
    assert (refined.label_map[:3] == 255).all()
    assert (refined.label_map[3:] != 200).mean() > 0.999
    assert (refined.label_map[3:] == exact[3:]).mean() > 0.97
    with pytest.raises(ValueError, match='either `background` or `unlabelled`'):
        refine_label_map(labels, image=image, unlabelled=200, background=0)


def test_level_sets_follow_the_gradient_without_edge_maps(rng):
    exact, image = photograph(rng)
    coarse, _ = simulate_coarse_objects(exact, 6)
    expected = refine_objects(coarse, gradient_edges(image)[None], classes=[0, 0], error_px=6)
    refined, objects = refine_objects(coarse, image=image, engine='level_set', error_px=6)
    np.testing.assert_array_equal(refined, expected[0])
    assert [entry.alignment for entry in objects] == [entry.alignment for entry in expected[1]]
    assert objects[0].alignment is not None
    assert all(math.isnan(entry.estimated_iou) for entry in objects)


def test_geodesic_is_its_function(rng):
    exact, image = photograph(rng)
    coarse, _ = simulate_coarse_objects(exact, 6)
    edge = gradient_edges(image)
    expected = geodesic_labelling(coarse, edge, 6, background=True)
    for arguments in (dict(image=image), dict(edge_prob=edge[None])):
        refined, objects = refine_objects(
            coarse, engine='geodesic', background=True, error_px=6, **arguments
        )
        np.testing.assert_array_equal(refined, expected)
        assert {entry.status for entry in objects} == {'moved'}
    for m in range(2):
        assert iou(refined == m, exact == m) > iou(coarse == m, exact == m) + 0.05
    other = GeodesicOptions(step_cost=100)
    straight, _ = refine_objects(coarse, None, other, image=image, background=True, error_px=6)
    assert (straight != expected).any()
    estimated, _ = refine_objects(coarse, image=image, engine='geodesic', background=True)
    assert estimated.shape == coarse.shape
    with pytest.raises(ValueError, match='`error_px`, or `image` to estimate'):
        refine_objects(coarse, edge[None], engine='geodesic')
    with pytest.raises(ValueError, match='`step_cost`'):
        GeodesicOptions(step_cost=-1)


@pytest.mark.parametrize('engine', ENGINES)
def test_objects_without_an_edge_map_and_frozen_pixels_stay(engine, rng):
    exact, image = photograph(rng)
    coarse, _ = simulate_coarse_objects(exact, 6)
    frozen = np.zeros(coarse.shape, bool)
    frozen[:, :30] = True
    refined, objects = refine_objects(
        coarse, image=image, engine=engine, classes=[0, -1], frozen=frozen, background=True,
        error_px=6,
    )  # fmt: skip
    np.testing.assert_array_equal(refined == 1, coarse == 1)
    np.testing.assert_array_equal(refined[frozen], coarse[frozen])
    assert (objects[1].status, objects[1].reason) == ('kept', 'no edge map')
    assert objects[1].mean_displacement_px == 0


@pytest.mark.parametrize('engine', ENGINES)
def test_at_the_size_of_smaller_edge_maps(engine, rng):
    exact, image = photograph(rng, (160, 200))
    coarse, _ = simulate_coarse_objects(exact, 12)
    edge = gradient_edges(np.ascontiguousarray(image[::2, ::2]))[None]
    refined, objects = refine_objects(
        coarse, edge, image=image, engine=engine, background=True, error_px=12
    )
    for m in range(2):
        assert iou(refined == m, exact == m) > iou(coarse == m, exact == m) + 0.03
        assert objects[m].scale == 0.5
        assert objects[m].area_refined == (refined == m).sum()
        assert 1 < objects[m].mean_displacement_px < 12


@pytest.mark.parametrize('engine', ENGINES)
@pytest.mark.parametrize('background', [True, False])
class TestOddImages:
    """Whatever comes, a map of the same objects comes out, none of them gone."""

    def refine(self, coarse, image, engine, background, **options):
        refined, objects = refine_objects(
            coarse, image=image, engine=engine, background=background, error_px=8, **options
        )
        assert refined.shape == coarse.shape
        assert set(np.unique(refined)) - {-1} == set(np.unique(coarse)) - {-1}
        assert all(entry.status in ('moved', 'kept', 'rejected') for entry in objects)
        again, _ = refine_objects(
            coarse, image=image, engine=engine, background=background, error_px=8, **options
        )
        np.testing.assert_array_equal(refined, again)
        return refined, objects

    def test_grey(self, engine, background, rng):
        exact, image = photograph(rng)
        coarse, _ = simulate_coarse_objects(exact, 6)
        refined, _ = self.refine(coarse, image[..., 0], engine, background)
        if engine == 'joint' and background:
            assert iou(refined == 0, exact == 0) > iou(coarse == 0, exact == 0)

    def test_one_color(self, engine, background, rng):
        exact, image = photograph(rng)
        coarse, _ = simulate_coarse_objects(exact, 6)
        self.refine(coarse, np.full_like(image, 90), engine, background)

    def test_a_single_label(self, engine, background, rng):
        exact, image = photograph(rng, number=1)
        coarse, _ = simulate_coarse_objects(exact, 6)
        self.refine(coarse, image, engine, background)

    def test_many_labels(self, engine, background, rng):
        image = rng.integers(0, 256, (100, 160, 3), dtype=np.uint8)
        y, x = np.mgrid[:100, :160]
        coarse = np.where((y % 10 < 7) & (x % 8 < 6), y // 10 * 20 + x // 8, -1).astype(np.int32)
        _, objects = self.refine(coarse, image, engine, background)
        assert len(objects) == 200

    def test_labels_that_fill_the_image(self, engine, background, rng):
        exact, image = photograph(rng)
        refined, _ = self.refine(exact + 1, image, engine, background)
        if engine != 'level_set':  # gaps between those that moved apart are theirs
            assert (refined >= 0).all()

    def test_one_label_that_fills_the_image(self, engine, background, rng):
        _, image = photograph(rng)
        coarse = np.zeros(image.shape[:2], np.int32)
        refined, objects = self.refine(coarse, image, engine, background)
        np.testing.assert_array_equal(refined, coarse)
        assert objects[0].status == 'kept'

    def test_unlabelled_nearly_everywhere(self, engine, background, rng):
        _, image = photograph(rng)
        coarse = np.full(image.shape[:2], -1, np.int32)
        coarse[40, 50] = 0
        coarse[10:12, 80:83] = 1
        self.refine(coarse, image, engine, background)

    def test_no_label(self, engine, background, rng):
        _, image = photograph(rng)
        coarse = np.full(image.shape[:2], -1, np.int32)
        refined, objects = self.refine(coarse, image, engine, background)
        assert (refined == -1).all()
        assert objects == []
        _, objects = refine_objects(coarse, image=image, engine=engine, classes=[0], error_px=8)
        assert [entry.reason for entry in objects] == ['empty']


IMAGE = np.zeros((8, 8, 3), np.uint8)
LABELS = np.ones((8, 8), np.uint8)


@pytest.mark.parametrize(
    ('error', 'message', 'options'),
    [
        (ValueError, r"`image` for the engine 'joint'.*engine='level_set'", dict(engine='joint')),
        (ValueError, '`edge_prob` or `image`', {}),
        (ValueError, r'size of the labels, \(8, 8\).*\(4, 8\); resize', dict(image=IMAGE[:4])),
        (ValueError, r'\(H, W, 3\), or \(H, W\)', dict(image=IMAGE[..., :2])),
        (TypeError, 'array of uint8, but got float64', dict(image=IMAGE / 255)),
        (TypeError, 'array of uint8', dict(image='photo.jpg')),
        (ValueError, '`error_px`', dict(image=IMAGE, error_px=-1)),
        (ValueError, '`error_px`', dict(image=IMAGE, error_px=math.inf)),
        (ValueError, "'geodesic'", dict(image=IMAGE, options=REFINE_OPTIONS, engine='geodesic')),
        (ValueError, 'indices from 0 to 0', dict(image=IMAGE, classes={1: 1})),
        (TypeError, 'backgruond', dict(image=IMAGE, backgruond=0)),
    ],
)
def test_exception(error, message, options):
    with pytest.raises(error, match=message):
        refine_label_map(LABELS, **options)


def test_level_sets_need_classes_of_several_maps():
    maps = np.zeros((2, 8, 8), np.float32)
    with pytest.raises(ValueError, match='`classes`, which of the 2 edge maps'):
        refine_objects(np.zeros((8, 8), np.int32), maps)
    changed = replace(JointOptions(), smoothness=0.5)
    assert refine_objects(np.zeros((8, 8), np.int32), maps, changed, image=IMAGE)[1]
