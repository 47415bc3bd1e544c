"""Coarse labels to fine ones."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage as ndi

from mmsteal.functional import (
    REFINE_OPTIONS,
    align_masks,
    change_options,
    label_objects,
    mask_edges,
    refine_label_map,
    refine_objects,
    settle_overlaps,
)

NUM_MAPS = 3


def with_options(**changes):
    return change_options(REFINE_OPTIONS, changes)


def random_scene(rng, height=40, width=48, num_objects=5):
    """True objects, the same coarse, edge maps and the map of each object (-1: fixed)."""
    field = ndi.gaussian_filter(rng.random((num_objects + 1, height, width)), (0, 4, 4))
    true = field.argmax(axis=0).astype(np.int32) - 1
    coarse = np.full_like(true, -1)
    for m in range(num_objects):
        coarse[ndi.binary_erosion(true == m, iterations=int(rng.integers(0, 4)))] = m
    classes = rng.integers(-1, NUM_MAPS, num_objects).tolist()
    prob = rng.random((NUM_MAPS, height, width)) * 0.05
    for m, k in enumerate(classes):
        if k >= 0:
            edge = mask_edges((true == m).astype(np.uint8), radius=1)
            prob[k] = np.maximum(prob[k], ndi.gaussian_filter(edge * 0.9, 0.7))
    return coarse, prob.astype(np.float32), classes


@st.composite
def scenes(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    coarse, prob, classes = random_scene(rng)
    frozen = (
        ndi.gaussian_filter(rng.random(coarse.shape), 3) > 0.55 if draw(st.booleans()) else None
    )
    return coarse, prob, classes, frozen


def by_definition(given_map, prob, options, classes, frozen):
    """Whole masks of all objects, aligned at once, settled, and the rules of who holds what."""
    moving = [m for m, k in enumerate(classes) if k >= 0 and (given_map == m).any()]
    masks = np.stack([given_map == m for m in moving])
    frozen = np.zeros(given_map.shape, bool) if frozen is None else frozen
    held = frozen | np.isin(given_map, [m for m, k in enumerate(classes) if k < 0])
    aligned, _ = align_masks(
        masks, prob, options, classes=[classes[m] for m in moving], ignore=frozen
    )
    aligned &= masks | ~held
    owner = settle_overlaps(aligned, masks, prob[[classes[m] for m in moving]])
    owner = np.append(np.array(moving, np.int32), np.int32(-1))[owner]
    owner[held] = given_map[held]
    gone = [m for m in moving if not (owner == m).any()]
    lost = np.isin(given_map, gone)
    owner[lost] = given_map[lost]
    return owner


@settings(max_examples=25)
@given(scenes())
def test_full_size_is_what_the_definition_says(scene):
    coarse, prob, classes, frozen = scene
    if all(k < 0 or not (coarse == m).any() for m, k in enumerate(classes)):
        return
    options = with_options(num_iters=12, max_displacement_px=8)
    refined, _ = refine_objects(coarse, prob, options, classes=classes, frozen=frozen)
    np.testing.assert_array_equal(refined, by_definition(coarse, prob, options, classes, frozen))


@settings(max_examples=25)
@given(scenes(), st.sampled_from([0.5, 1.0, 1.5]))
def test_what_must_not_change(scene, scale):
    """Frozen pixels, fixed objects and their ground, at any size; nothing vanishes unreported."""
    coarse, prob, classes, frozen = scene
    small = ndi.zoom(prob, (1, scale, scale), order=1).clip(0, 1)
    before = coarse.copy()
    refined, reports = refine_objects(coarse, small, classes=classes, frozen=frozen, error_px=4)
    np.testing.assert_array_equal(coarse, before)
    if frozen is not None:
        np.testing.assert_array_equal(refined[frozen], coarse[frozen])
    for m, k in enumerate(classes):
        mask = coarse == m
        assert reports[m].area_given == mask.sum()
        assert reports[m].area_refined == (refined == m).sum()
        both = (mask & (refined == m)).sum()
        if mask.any():
            assert (refined == m).any()
            union = (mask | (refined == m)).sum()
            assert reports[m].iou_with_given == pytest.approx(both / union)
        if k < 0:
            assert (reports[m].status, reports[m].reason) == ('kept', 'no edge map')
            np.testing.assert_array_equal(refined == m, mask)


@pytest.mark.parametrize('scale', [0.5, 0.4, 1.0, 2.0])
def test_nothing_changes_without_evidence(scale, rng):
    """Unmoved objects keep every pixel of full size, whatever the size of the evolution."""
    coarse, _, _ = random_scene(rng, 60, 80, 6)
    nothing = np.zeros((1, round(60 * scale), round(80 * scale)), np.float32)
    refined, reports = refine_objects(coarse, nothing, classes=[0] * 6, error_px=6)
    np.testing.assert_array_equal(refined, coarse)
    assert {report.status for report in reports} == {'kept'}


@pytest.mark.parametrize('seed', range(8))
def test_order_of_objects_does_not_matter(seed):
    rng = np.random.default_rng(seed)
    coarse, prob, classes = random_scene(rng)
    order = rng.permutation(len(classes))
    new_index = np.append(np.argsort(order), -1).astype(np.int32)
    options = with_options(num_iters=12, max_displacement_px=8)
    refined, reports = refine_objects(coarse, prob, options, classes=classes)
    again, reordered = refine_objects(
        new_index[coarse], prob, options, classes=[classes[m] for m in order]
    )
    np.testing.assert_array_equal(again, new_index[refined])
    assert [str(reordered[new_index[m]]) for m in range(len(classes))] == [str(r) for r in reports]


def disk(size, center, radius):
    y, x = np.mgrid[: size[0], : size[1]]
    return np.hypot(y - center[0], x - center[1]) <= radius


def edges_of(mask):
    """A blurred edge map (1, H, W)."""
    edge = ndi.gaussian_filter(mask_edges(mask.astype(np.uint8), radius=1) * 0.95, 0.7)
    return edge[None].astype(np.float32)


def iou(first, second):
    return (first & second).sum() / (first | second).sum()


@pytest.mark.parametrize('scale', [1, 2])
def test_coarse_disk_becomes_the_true_one(scale):
    """With edge maps at half the size too."""
    true = disk((80, 80), (40, 40), 25)
    labels = np.where(disk((80, 80), (38, 41), 17), 7, 0).astype(np.uint8)
    prob = edges_of(true)[:, ::scale, ::scale]
    refined = refine_label_map(labels, prob, background=0, error_px=12)
    assert refined.label_map.dtype == np.uint8
    assert iou(labels == 7, true) < 0.55
    assert iou(refined.label_map == 7, true) > 0.93
    assert (refined.objects[0].status, refined.objects[0].reason) == ('moved', '')
    # lengths are told in pixels of the labels
    assert 4 < refined.objects[0].mean_displacement_px < 12


def test_a_report_holds_what_happened_to_the_mask_in_pixels_of_the_edge_maps():
    true = disk((80, 80), (40, 40), 25)
    labels = np.where(disk((80, 80), (38, 41), 17), 7, 0).astype(np.uint8)
    labels[:6, :6] = 3
    half = edges_of(true)[:, ::2, ::2]
    refined = refine_label_map(labels, half, classes={7: 0}, background=0, error_px=12)
    fixed, moved = refined.objects
    mask = labels[1::2, 1::2] == 7
    _, (alone,) = align_masks(mask[None], half, REFINE_OPTIONS.for_error(12, 0.5))
    assert moved.alignment == alone
    assert moved.scale == 0.5
    assert moved.mean_displacement_px == 2 * alone.mean_displacement_px
    assert moved.max_displacement_px == 2 * alone.max_displacement_px
    assert (moved.loss_given, moved.loss) == (alone.loss_given, alone.loss_proposed)
    # One that did not take part has the report of an empty mask.
    assert fixed.alignment.reason == 'empty'
    assert fixed.max_displacement_px == 0
    assert math.isnan(fixed.loss)


def test_unmoved_neighbor_keeps_its_pixels_at_half_size(rng):
    """One object moves; a ragged one without evidence stays to the pixel."""
    true = disk((80, 160), (40, 40), 25)
    ragged = disk((80, 160), (40, 125), 22) ^ (rng.random((80, 160)) < 0.02)
    labels = np.zeros((80, 160), np.uint8)
    labels[ragged & (np.arange(160) > 95)] = 2
    labels[disk((80, 160), (40, 40), 17)] = 1
    maps = np.concatenate([edges_of(true), np.zeros((1, 80, 160), np.float32)])
    small = maps.reshape(2, 40, 2, 80, 2).max(axis=(2, 4))
    refined = refine_label_map(labels, small, background=0, error_px=12)
    assert [entry.status for entry in refined.objects] == ['moved', 'kept']
    np.testing.assert_array_equal(refined.label_map == 2, labels == 2)


def test_tiny_objects_survive_half_size():
    """A pixel that half the size does not see stays, though another object grows over it."""
    true = disk((80, 80), (40, 40), 25)
    labels = np.where(disk((80, 80), (40, 40), 17), 1, 0).astype(np.uint8)
    labels[20, 40] = 2  # even row and column: between the samples
    labels[21, 41] = 0
    half = edges_of(true)[:, ::2, ::2]
    refined = refine_label_map(labels, half, background=0, error_px=12)
    assert refined.label_map[18, 38] == 1  # it grew over that place
    assert refined.label_map[20, 40] == 2
    assert (refined.label_map == 2).sum() == 1


def test_an_object_that_others_take_is_given_back(monkeypatch):
    """It left its own pixels for those of its neighbor, who keeps them."""
    objects = np.full((12, 20), -1, np.int32)
    objects[2:10, 2:10] = 0
    objects[2:10, 10:13] = 1

    def over_the_line(masks, *_, **options):
        aligned = masks.clone()
        aligned[0, 2:10, 10:13] = True
        aligned[1] = False
        aligned[1, 4:8, 4:8] = True
        _, reports = align_masks(masks, torch.zeros(1, 12, 20), classes=[0, 0])
        return aligned, reports

    monkeypatch.setattr('mmsteal.functional.refinement.object_evolution.align_masks', over_the_line)
    refined, reports = refine_objects(objects, np.zeros((1, 12, 20)), classes=[0, 0])
    np.testing.assert_array_equal(refined, objects)
    assert (reports[1].status, reports[1].reason) == ('rejected', 'swallowed')


def test_fixed_objects_hold_their_ground():
    true = disk((60, 60), (30, 30), 20)
    labels = np.where(disk((60, 60), (30, 30), 12), 1, 0).astype(np.uint8)
    labels[:, 44:48] = 2
    labels[10:12] = 255
    refined = refine_label_map(labels, edges_of(true), classes={1: 0}, background=0, error_px=10)
    np.testing.assert_array_equal(refined.label_map == 2, labels == 2)
    np.testing.assert_array_equal(refined.label_map == 255, labels == 255)
    assert (refined.label_map == 1).sum() > (labels == 1).sum()
    assert refined.values == [1, 2]
    assert [entry.reason for entry in refined.objects] == ['', 'no edge map']


def test_fixed_objects_hold_their_ground_at_any_size():
    """To the pixel, also where an object beside them is drawn from half the size."""
    for seed in range(20):
        coarse, prob, classes = random_scene(np.random.default_rng(seed))
        half = prob.reshape(NUM_MAPS, 20, 2, 24, 2).mean(axis=(2, 4))
        refined, _ = refine_objects(coarse, half, classes=classes, error_px=4)
        fixed = [m for m, k in enumerate(classes) if k < 0]
        for m in fixed:
            np.testing.assert_array_equal(refined == m, coarse == m)


def test_instances_keep_their_ids():
    """Two touching disks of one label: one object without ids, two with them."""
    true = [disk((60, 120), (30, 35), 22), disk((60, 120), (30, 85), 22)]
    coarse = [disk((60, 120), (30, 35), 15), disk((60, 120), (30, 85), 15)]
    labels = np.where(coarse[0] | coarse[1], 4, 0).astype(np.uint8)
    ids = np.select(coarse, [1001, 1002], 0).astype(np.uint16)
    prob = np.maximum(edges_of(true[0]), edges_of(true[1]))
    refined = refine_label_map(labels, prob, instance_map=ids, background=0, error_px=10)
    assert (refined.values, refined.instances) == ([4, 4], [1001, 1002])
    assert refined.instance_map.dtype == np.uint16
    for number, mask in zip((1001, 1002), true, strict=True):
        assert iou(refined.instance_map == number, mask) > 0.9
    np.testing.assert_array_equal(refined.instance_map > 0, refined.label_map == 4)
    assert len(refine_label_map(labels, prob, background=0, error_px=10).objects) == 1
    parts = refine_label_map(labels, prob, components=True, background=0, error_px=10)
    assert len(parts.objects) == 2
    np.testing.assert_array_equal(parts.label_map, refined.label_map)
    assert parts.instance_map is None


@pytest.mark.parametrize(
    ('options', 'expected'),
    [(dict(background=0), 0), (dict(), 255), (dict(unclaimed=9), 9), (dict(background=3), 3)],
)
def test_what_is_given_up_gets_the_label_asked_for(options, expected):
    true = disk((60, 60), (30, 30), 12)
    labels = np.where(disk((60, 60), (30, 30), 20), 1, options.get('background', 0))
    labels = labels.astype(np.uint8)
    shrink = with_options(balloon=-1)
    refined = refine_label_map(
        labels, edges_of(true), shrink, classes={1: 0}, error_px=10, **options
    )
    given_up = (labels == 1) & (refined.label_map != 1)
    assert given_up.sum() > 300
    assert set(np.unique(refined.label_map[given_up])) == {expected}


def test_tensors_and_arrays_agree(rng):
    coarse, prob, classes = random_scene(rng)
    from_array, _ = refine_objects(coarse, prob, classes=classes, error_px=4)
    from_tensor, _ = refine_objects(coarse, torch.from_numpy(prob), classes=classes, error_px=4)
    np.testing.assert_array_equal(from_array, from_tensor)


@pytest.mark.gpu
def test_devices_agree(rng):
    coarse, prob, classes = random_scene(rng)
    expected, _ = refine_objects(coarse, prob, classes=classes, error_px=4)
    found, _ = refine_objects(coarse, torch.from_numpy(prob).cuda(), classes=classes, error_px=4)
    assert (found != expected).mean() < 0.01  # speeds round differently there


def test_error_px_sets_reach_and_cap(rng):
    coarse, prob, classes = random_scene(rng)
    by_error, _ = refine_objects(coarse, prob, classes=classes, error_px=3)
    by_hand, _ = refine_objects(
        coarse, prob, with_options(num_iters=8, max_displacement_px=6), classes=classes
    )
    np.testing.assert_array_equal(by_error, by_hand)
    no_way, reports = refine_objects(
        coarse, prob, with_options(max_displacement_px=0), classes=classes, error_px=3
    )
    np.testing.assert_array_equal(no_way, coarse)
    assert 'displacement' in {report.reason for report in reports}


def test_empty_maps_and_objects_without_pixels():
    prob = np.zeros((1, 8, 8), np.float32)
    refined, reports = refine_objects(np.full((8, 8), -1, np.int32), prob, classes=[0, -1])
    assert (refined == -1).all()
    assert [report.reason for report in reports] == ['empty', 'no edge map']
    assert math.isnan(reports[0].loss_given)
    found = refine_label_map(np.zeros((8, 8), np.uint8), prob, background=0)
    assert found.objects == []
    assert label_objects(np.zeros((8, 8), np.uint8), without=(0,)).values == []


def test_labels_in_order_have_the_edge_maps_in_order():
    """0, 1, 255 (ignored), and background 2 between them."""
    true = disk((60, 60), (30, 30), 20)
    labels = np.where(disk((60, 60), (30, 30), 13), 3, 2).astype(np.uint8)
    nothing = np.zeros((1, 60, 60), np.float32)
    maps = np.concatenate([nothing, nothing, edges_of(true)])  # of labels 0, 1 and 3
    refined = refine_label_map(labels, maps, background=2, error_px=10)
    assert iou(refined.label_map == 3, true) > 0.9
    with pytest.raises(ValueError, match='label 3'):
        refine_label_map(labels, maps[:2], background=2)


LABELS = np.ones((8, 8), np.uint8)
OBJECTS = np.zeros((8, 8), np.int32)
PROB = np.zeros((1, 8, 8), np.float32)


@pytest.mark.parametrize(
    ('error', 'message', 'arguments', 'options'),
    [
        (TypeError, '`label_map`', (LABELS * 1.0, PROB), {}),
        (ValueError, r'edge_prob\[None\]', (LABELS, PROB[0]), {}),
        (ValueError, r'\[0, 1\]', (LABELS, PROB + 2), {}),
        (ValueError, 'aspect ratio', (LABELS, PROB[:, :4]), {}),
        (ValueError, '`unclaimed`', (LABELS, PROB), {'ignore_index': None}),
        (ValueError, '`unclaimed`', (LABELS, PROB), {'unclaimed': 300}),
        (ValueError, '`background`', (LABELS, PROB), {'background': -1, 'unclaimed': 0}),
        (ValueError, '`instance_map`', (LABELS, PROB), {'instance_map': OBJECTS[:4]}),
        (ValueError, '`error_px`', (LABELS, PROB), {'error_px': 0}),
        (ValueError, 'indices from 0 to 0', (LABELS, PROB), {'classes': {1: 4}}),
        (TypeError, 'ballon', (LABELS, PROB), {'ballon': 1}),
        (TypeError, 'ignore', (LABELS, PROB), {'ignore': np.zeros((8, 8), bool)}),
    ],
)
def test_exception(error, message, arguments, options):
    with pytest.raises(error, match=message):
        refine_label_map(*arguments, **options)


@pytest.mark.parametrize(
    ('message', 'object_map', 'options'),
    [
        ('values from 0 to 0', OBJECTS, dict(classes=[])),
        ('values from -2', OBJECTS - 2, dict(classes=[0])),
        ('`frozen`', OBJECTS, dict(classes=[0], frozen=np.zeros((4, 4), bool))),
        ('`frozen`', OBJECTS, dict(classes=[0], frozen=OBJECTS)),
    ],
)
def test_objects_exception(message, object_map, options):
    with pytest.raises(ValueError, match=message):
        refine_objects(object_map, PROB, **options)


@pytest.mark.parametrize('factor', [3, 5.5, 10])
def test_edge_maps_finer_than_the_labels(factor, rng):
    coarse, _, _ = random_scene(rng, 30, 40, 4)
    size = round(30 * factor), round(40 * factor)
    for _ in range(10):
        prob = rng.random((1, *size), dtype=np.float32)
        options = with_options(min_gain=0)
        refined, _ = refine_objects(coarse, prob, options, classes=[0] * 4, error_px=3)
        assert refined.shape == coarse.shape


def test_unmoved_objects_keep_every_pixel_beside_moved_ones():
    for seed in range(20):
        coarse, prob, _ = random_scene(np.random.default_rng(seed))
        half = prob.reshape(NUM_MAPS, 20, 2, 24, 2).mean(axis=(2, 4))
        number = int(coarse.max()) + 1
        first = [0, *[-1] * (number - 1)]
        options = with_options(min_gain=0)
        refined, reports = refine_objects(coarse, half, options, classes=first, error_px=4)
        for m in range(1, number):
            assert reports[m].status == 'kept'
            np.testing.assert_array_equal(refined == m, coarse == m)


def test_ids_of_ignored_pixels_stay():
    labels = np.array([[1, 1, 255, 0]], np.uint8).repeat(4, axis=0)
    ids = np.array([[3, 3, 99, 0]], np.uint16).repeat(4, axis=0)
    refined = refine_label_map(labels, np.zeros((1, 4, 4)), instance_map=ids, background=0)
    np.testing.assert_array_equal(refined.instance_map, ids)


def test_objects_too_small_for_the_edge_maps_say_so():
    labels = np.zeros((40, 40), np.uint8)
    labels[0, 0] = 1
    refined = refine_label_map(labels, np.zeros((1, 10, 10)), background=0)
    assert [entry.reason for entry in refined.objects] == ['too small']


@pytest.mark.parametrize(
    ('message', 'prob', 'options'),
    [
        (r'shape \(K, h, w\)', np.zeros((1, 1, 4, 4)), {}),
        ('error_px', np.zeros((1, 4, 4)), {'error_px': '8'}),
        ('to have pixels', np.zeros((1, 4, 4)), {'empty': True}),
    ],
)
def test_what_cannot_be_refined(message, prob, options):
    labels = np.ones((0, 4) if options.pop('empty', False) else (4, 4), np.uint8)
    with pytest.raises(ValueError, match=message):
        refine_label_map(labels, prob, background=0, **options)
