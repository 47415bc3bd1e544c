"""Alignment: the step that is taken, the guard rails, and what is reported."""

import math
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage as ndi

from mmsteal.functional.alignment import align_masks as alignment
from mmsteal.functional.alignment.align_masks import align_masks
from mmsteal.functional.alignment.align_options import AlignOptions
from mmsteal.functional.labels.coarse_labels import simulate_coarse_mask
from mmsteal.functional.level_sets.level_set import evolve_level_set
from mmsteal.functional.level_sets.speed import balloon_threshold, edge_evidence, speed_function


def iou(a, b):
    return (a & b).sum() / (a | b).sum()


def outline(mask):
    """Pixels with a 4-neighbor on the other side."""
    padded = np.pad(mask, 1, mode='edge')
    center = padded[1:-1, 1:-1]
    return (
        (padded[:-2, 1:-1] != center)
        | (padded[2:, 1:-1] != center)
        | (padded[1:-1, :-2] != center)
        | (padded[1:-1, 2:] != center)
    )


def soft_edges(mask, sigma=1.5):
    """An edge map as a good detector would give it."""
    blurred = ndi.gaussian_filter(outline(mask).astype(np.float32), sigma)
    return np.clip(blurred / blurred.max(), 0, 0.98)


def disk(shape, y, x, radius):
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return np.hypot(rows - y, columns - x) < radius


def naive_choice(masks, edge_prob, ignore, prob_floor, min_gain, checkpoints, **options):
    """Every checkpoint in full, and the likelihood as it is written down."""
    evidence = edge_evidence(edge_prob, peak_floor=0.5, other_weight=0.5)
    states = evolve_level_set(
        masks,
        speed_function(evidence),
        checkpoints[-1],
        checkpoints=checkpoints,
        threshold=balloon_threshold(0.3),
        border='replicate',
        **options,
    )
    chosen, all_losses = [], []
    for m, mask in enumerate(masks):
        cost = -np.log(np.maximum(edge_prob[m], prob_floor))
        losses = []
        for state in states.values():
            counted = cost[outline(state[m]) & ~ignore]
            losses.append(counted.mean() if counted.size else np.inf)
        best = int(np.argmin(losses))
        if not mask.any() or not losses[0] - losses[best] >= min_gain:
            best = 0
        chosen.append(np.where(ignore, mask, list(states.values())[best][m]))
        all_losses.append(losses)
    return np.stack(chosen), all_losses


@st.composite
def scenes(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (3, draw(st.integers(20, 80)), draw(st.integers(20, 150)))
    field = ndi.gaussian_filter(rng.random(shape), (0, 5, 5))
    masks = field > np.quantile(field, draw(st.sampled_from([0.6, 0.8, 0.95])))
    prob = ndi.gaussian_filter(rng.random(shape), (0, 2, 2)).astype(np.float32)
    prob = (prob - prob.min()) / (prob.max() - prob.min())
    ignore = np.zeros(shape[1:], bool)
    ignore[: draw(st.integers(0, 10))] = True
    return masks, prob, ignore


@settings(max_examples=40)
@given(
    scene=scenes(),
    smoothing=st.sampled_from([1, 2]),
    balloon=st.sampled_from([1.0, 0.0, -1.0]),
    min_gain=st.sampled_from([0.0, 0.1, 0.3]),
)
def test_takes_the_most_likely_step(scene, smoothing, balloon, min_gain):
    masks, prob, ignore = scene
    options = {'smoothing': smoothing, 'balloon': balloon}
    chosen = AlignOptions(
        num_iters=8,
        checkpoints=range(0, 9, 2),
        stop_evidence=0.3,
        min_gain=min_gain,
        restore_vanished=False,
        **options,
    )
    aligned, reports = align_masks(masks, prob, chosen, ignore=ignore)
    expected, losses = naive_choice(
        masks, prob, ignore, 0.01, min_gain, list(range(0, 9, 2)), **options
    )
    for m, report in enumerate(reports):
        if report.reason in ('empty', 'no outline'):
            continue
        assert report.loss_given == pytest.approx(losses[m][0], abs=1e-4)
        if report.status == 'moved':
            assert report.loss_proposed == pytest.approx(min(losses[m]), abs=1e-4)
            assert report.step == 2 * int(np.argmin(losses[m]))
        near_tie = sum(loss < min(losses[m]) + 1e-4 for loss in losses[m]) > 1
        near_margin = abs(losses[m][0] - min(losses[m]) - min_gain) < 1e-4
        if not near_tie and not near_margin:
            np.testing.assert_array_equal(aligned[m], expected[m])


@settings(max_examples=20)
@given(scenes(), st.booleans())
def test_device_code_agrees_with_the_compiled_one(scene, restore):
    masks, prob, ignore = scene
    masks, prob, ignore = (torch.from_numpy(a) for a in (masks, prob, ignore))
    options = AlignOptions(
        num_iters=6, stop_evidence=0.3, lam=0.2, max_displacement_px=6, restore_vanished=restore
    )
    expected, expected_reports = align_masks(masks, prob, options, ignore=ignore)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(alignment, 'evolve_on_cpu', alignment.evolve_on_device)
        aligned, reports = align_masks(masks, prob, options, ignore=ignore)
    for m, (report, expected_report) in enumerate(zip(reports, expected_reports, strict=True)):
        # log is not the same to the last bit everywhere, so steps of equal loss may swap
        if report.step == expected_report.step:
            assert torch.equal(aligned[m], expected[m])
            assert report.status == expected_report.status
        assert report.loss_proposed == pytest.approx(
            expected_report.loss_proposed, abs=1e-4, nan_ok=True
        )


@pytest.mark.parametrize('error_px', [4, 8, 16])
def test_coarse_mask_snaps_to_its_edges(error_px):
    rows, columns = np.mgrid[:160, :220]
    angle = np.arctan2(rows - 80, columns - 110)
    true = np.hypot(rows - 80, columns - 110) < 50 + 12 * np.sin(3 * angle)
    coarse, _ = simulate_coarse_mask(true, error_px)
    aligned, (report,) = align_masks(coarse[None], soft_edges(true)[None])
    assert iou(aligned[0], true) > 0.97 > iou(coarse, true)
    assert report.status == 'moved'
    assert report.loss_proposed < report.loss_given
    assert report.area_given == coarse.sum()
    assert report.area_proposed == aligned.sum()
    distance = cv2.distanceTransform((~outline(coarse)).astype(np.uint8), cv2.DIST_L2, 0)
    assert report.max_displacement_px >= distance[outline(aligned[0])].max() - 1e-3


def test_step_selection_rescues_a_gap():
    """The balloon leaks through a gap in the edge; the most likely step is the one before."""
    true = disk((200, 200), 100, 100, 45)
    prob = soft_edges(true)
    prob[90:110, 130:] = 0
    coarse = disk((200, 200), 100, 100, 30)[None]
    aligned, (report,) = align_masks(coarse, prob[None], AlignOptions(num_iters=60))
    speed = speed_function(prob[None])
    last = evolve_level_set(
        coarse, speed, 60, balloon=1, threshold=balloon_threshold(0.02), border='replicate'
    )
    assert iou(last[0], true) < 0.7
    assert iou(aligned[0], true) > 0.95
    assert 0 < report.step < 30


def test_perfect_labels_stay():
    true = disk((80, 80), 40, 40, 22)
    aligned, (report,) = align_masks(true[None], soft_edges(true)[None])
    np.testing.assert_array_equal(aligned[0], true)
    assert (report.status, report.reason, report.step) == ('kept', 'no gain', 0)
    assert report.max_displacement_px == 0


def test_no_evidence_moves_nothing():
    """A class that is never predicted: all probabilities below the floor are alike."""
    rng = np.random.default_rng(0)
    masks = disk((80, 80), 40, 40, 22)[None]
    prob = 0.009 * rng.random((1, 80, 80))
    aligned, (report,) = align_masks(masks, prob, AlignOptions(peak_floor=1e-6, min_gain=0.001))
    np.testing.assert_array_equal(aligned, masks)
    assert report.status == 'kept'


def test_displacement_cap_picks_an_earlier_step_or_rejects():
    true = disk((120, 120), 60, 60, 40)
    prob = soft_edges(true, sigma=4)[None]
    coarse = disk((120, 120), 60, 60, 26)[None]
    free, (free_report,) = align_masks(coarse, prob)
    near, (near_report,) = align_masks(coarse, prob, AlignOptions(max_displacement_px=8))
    kept, (kept_report,) = align_masks(coarse, prob, AlignOptions(max_displacement_px=0.5))
    assert free_report.max_displacement_px > 8 >= near_report.max_displacement_px > 0
    assert near_report.step < free_report.step
    assert iou(coarse[0], true) < iou(near[0], true) < iou(free[0], true)
    np.testing.assert_array_equal(kept, coarse)
    assert (kept_report.status, kept_report.reason) == ('rejected', 'displacement')
    assert kept_report.max_displacement_px > 0.5


def test_displacement_is_the_distance_between_outlines():
    before, true = disk((90, 90), 45, 45, 20), disk((90, 90), 45, 45, 30)
    true[44:47, 80:83] = True
    aligned, (report,) = align_masks(before[None], soft_edges(true)[None])
    assert report.status == 'moved'
    one, other = np.argwhere(outline(before)), np.argwhere(outline(aligned[0]))
    pairs = np.linalg.norm(one[:, None] - other[None], axis=2)
    nearest = np.concatenate([pairs.min(axis=1), pairs.min(axis=0)])
    assert report.mean_displacement_px == pytest.approx(nearest.mean(), rel=1e-5)
    assert report.max_displacement_px == pytest.approx(nearest.max(), rel=1e-5)


def test_vanished_components_come_back():
    true = disk((100, 140), 50, 40, 30)
    mask = disk((100, 140), 50, 40, 24)
    mask[20:80, 100:102] = True  # a thin pole
    prob = soft_edges(true)[None]
    options = AlignOptions(balloon=0.0, smoothing=2, num_iters=40, peak_floor=0.1)
    restored, (report,) = align_masks(mask[None], prob, options)
    options = replace(options, restore_vanished=False)
    lost, (lost_report,) = align_masks(mask[None], prob, options)
    assert report.status == 'moved'
    assert report.num_restored == 1
    assert restored[0, 20:80, 100:102].all()
    assert lost_report.num_restored == 0
    assert not lost[0, 20:80, 100:102].any()
    expected = -np.log(np.maximum(prob[0][outline(restored[0])], 0.01)).mean()
    assert report.loss_proposed == pytest.approx(expected, abs=1e-4)


def test_vanished_mask_is_rejected():
    mask = np.zeros((1, 40, 40), bool)
    mask[0, 20, 20] = True
    aligned, (report,) = align_masks(mask, np.zeros((1, 40, 40)), AlignOptions(balloon=0))
    np.testing.assert_array_equal(aligned, mask)
    assert (report.status, report.reason) == ('rejected', 'vanished')


def test_empty_full_and_no_masks():
    masks = np.zeros((2, 30, 40), bool)
    masks[1] = True
    aligned, reports = align_masks(masks, np.full((2, 30, 40), 0.3, np.float32))
    np.testing.assert_array_equal(aligned, masks)
    assert [report.reason for report in reports] == ['empty', 'no outline']
    assert [report.area_given for report in reports] == [0, 1200]
    assert math.isnan(reports[0].loss_given)
    aligned, reports = align_masks(masks[:0], np.zeros((0, 30, 40)))
    assert aligned.shape == (0, 30, 40)
    assert reports == []


def test_mask_at_the_border_grows_along_it():
    true = np.zeros((80, 100), bool)
    true[:40, :50] = True
    mask = np.zeros_like(true)
    mask[:30, :38] = True
    aligned, (report,) = align_masks(mask[None], soft_edges(true)[None])
    assert report.status == 'moved'
    assert iou(aligned[0], true) > 0.97
    assert aligned[0, :35, :45].all()


def test_ignored_pixels_keep_their_value_and_do_not_count():
    true = disk((100, 100), 50, 50, 35)
    mask = disk((100, 100), 50, 50, 27)[None]
    prob = soft_edges(true)[None].copy()
    ignore = np.zeros(true.shape, bool)
    ignore[:, 60:] = True
    aligned, (report,) = align_masks(mask, prob, ignore=ignore)
    assert report.status == 'moved'
    np.testing.assert_array_equal(aligned[0][ignore], mask[0][ignore])
    assert iou(aligned[0][:, :60], true[:, :60]) > 0.95
    everything = np.ones(true.shape, bool)
    same, (report,) = align_masks(mask, prob, ignore=everything)
    np.testing.assert_array_equal(same, mask)
    assert report.reason == 'no outline'


def test_zero_iterations_return_the_masks():
    mask = disk((40, 40), 20, 20, 8)[None]
    aligned, (report,) = align_masks(mask, np.full((1, 40, 40), 0.2), AlignOptions(num_iters=0))
    np.testing.assert_array_equal(aligned, mask)
    assert not np.shares_memory(aligned, mask)
    assert report.reason == 'no gain'


def test_instances_and_images_by_index(rng):
    """Masks of two images at once equal those of each image alone."""
    prob = np.stack([[soft_edges(disk((60, 90), 30, x, 20)) for x in (25, 60)] for _ in range(2)])
    prob[1] *= 0.6
    masks = np.stack([disk((60, 90), 30, x, 14) for x in (25, 60, 25, 60)])
    classes, images = [0, 1, 0, 1], [0, 0, 1, 1]
    together, reports = align_masks(masks, prob, classes=classes, images=images)
    for n in range(2):
        alone, alone_reports = align_masks(masks[2 * n : 2 * n + 2], prob[n])
        np.testing.assert_array_equal(together[2 * n : 2 * n + 2], alone)
        assert reports[2 * n : 2 * n + 2] == alone_reports
    twice, _ = align_masks(np.stack([masks[0], masks[0]]), prob[0], classes=[0, 0])
    np.testing.assert_array_equal(twice[0], together[0])
    np.testing.assert_array_equal(twice[1], together[0])


def test_tensors_give_tensors_and_inputs_stay():
    true = disk((60, 60), 30, 30, 20)
    mask = disk((60, 60), 30, 30, 14)[None]
    prob = soft_edges(true)[None].astype(np.float32)
    expected, reports = align_masks(mask, prob)
    tensors = torch.from_numpy(mask.copy()), torch.from_numpy(prob.copy()).requires_grad_()
    aligned, tensor_reports = align_masks(*tensors)
    assert isinstance(aligned, torch.Tensor)
    assert reports == tensor_reports
    np.testing.assert_array_equal(aligned.numpy(), expected)
    np.testing.assert_array_equal(tensors[0].numpy(), mask)
    half, _ = align_masks(tensors[0], tensors[1].detach().half())
    assert iou(half.numpy()[0], expected[0]) > 0.99


MASKS, PROB = np.zeros((2, 6, 7), bool), np.full((2, 6, 7), 0.5)


@pytest.mark.parametrize(
    ('error', 'message', 'arguments', 'options'),
    [
        (TypeError, '`masks`', (MASKS.astype(float), PROB), {}),
        (TypeError, '`edge_prob`', (MASKS, PROB.astype(int)), {}),
        (TypeError, 'both arrays or both tensors', (MASKS, torch.from_numpy(PROB)), {}),
        (ValueError, '`masks`', (MASKS[:, :5], PROB), {}),
        (ValueError, '`masks`', (MASKS[0], PROB), {}),
        (ValueError, '`edge_prob`', (MASKS, PROB[0]), {}),
        (ValueError, r'probabilities in \[0, 1\]', (MASKS, PROB * np.nan), {}),
        (ValueError, r'probabilities in \[0, 1\]', (MASKS, PROB * np.inf), {}),
        (ValueError, r'probabilities in \[0, 1\]', (MASKS, PROB * 9), {}),
        (ValueError, '`classes`', (MASKS[:1], PROB), {}),
        (ValueError, '`classes`', (MASKS, PROB), {'classes': [0, 2]}),
        (ValueError, '`classes`', (MASKS, PROB), {'classes': [0]}),
        (ValueError, '`images`', (MASKS, PROB[None]), {'classes': [0, 1]}),
        (ValueError, '`images`', (MASKS, PROB[None]), {'classes': [0, 1], 'images': [0, 1]}),
        (ValueError, '`ignore`', (MASKS, PROB), {'ignore': MASKS}),
        (ValueError, '`ignore`', (MASKS, PROB), {'ignore': PROB[0]}),
        (ValueError, '`checkpoints`', (MASKS, PROB, AlignOptions(checkpoints=[61])), {}),
    ],
)
def test_exception(error, message, arguments, options):
    with pytest.raises(error, match=message):
        align_masks(*arguments, **options)


@pytest.fixture(scope='module')
def steal_demo(request):
    """Coarse cars of a street scene (512, 1024) and STEAL's own prediction for it."""
    scipy_io = pytest.importorskip('scipy.io')
    folder = request.getfixturevalue('shared_data') / 'cityscapes' / 'steal_demo_coarse'
    labels = scipy_io.loadmat(
        folder / 'augsburg_000000_001266_leftImg8bit.mat',
        struct_as_record=False,
        squeeze_me=True,
    )['GTcls'].Segmentation
    prob = np.load(folder / 'steal_edge_prediction_max8_311x622.npy')
    prob = cv2.resize(prob, labels.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return labels == 14, prob


@pytest.mark.shared_data
def test_real_cars_snap_to_their_outlines(steal_demo):
    cars, prob = steal_demo
    aligned, (report,) = align_masks(cars[None], prob[None], AlignOptions(other_weight=0))
    released = evolve_level_set(
        cars[None], speed_function(prob[None] / prob.max()), 60, balloon=1, threshold=0.99
    )
    assert report.status == 'moved'
    assert report.loss_given > 4
    assert report.loss_proposed < 0.75
    assert 0.63 < iou(cars, aligned[0]) < 0.68
    assert iou(aligned[0], released[0]) > 0.99


@pytest.mark.shared_data
@pytest.mark.parametrize('error_px', [4, 8, 16, 32])
def test_real_cars_from_any_coarse_label(steal_demo, error_px):
    cars, prob = steal_demo
    own = AlignOptions(other_weight=0)
    fine = align_masks(cars[None], prob[None], own)[0][0]
    coarse, _ = simulate_coarse_mask(fine, error_px)
    again, (report,) = align_masks(coarse[None], prob[None], own)
    assert report.status == 'moved'
    assert iou(coarse, fine) < 0.96
    assert iou(again[0], fine) > 0.99


def soft_ring():
    """A weak and a strong edge around the middle."""
    return np.maximum(
        0.4 * soft_edges(disk((48, 48), 24, 24, 12)), 0.9 * soft_edges(disk((48, 48), 24, 24, 16))
    )[None]


def test_of_several_stopping_evidences_the_most_likely_outline_is_taken():
    """As if each had been tried alone."""
    masks, prob = np.stack([disk((48, 48), 24, 24, r) for r in (9, 5)]), soft_ring()
    stops = (0.02, 0.3, 0.9)
    *alone, (aligned, reports) = (
        align_masks(masks, prob, AlignOptions(num_iters=20, stop_evidence=stop), classes=[0, 0])
        for stop in (*stops, stops)
    )
    for m, report in enumerate(reports):
        losses = [found[1][m].loss_proposed for found in alone]
        best = int(np.argmin(losses))
        assert report.loss_proposed == losses[best]
        assert report.stop_evidence == stops[best]
        np.testing.assert_array_equal(aligned[m], alone[best][0][m])


def test_without_a_balloon_one_stopping_evidence_is_enough():
    masks, prob = disk((48, 48), 24, 24, 9)[None], soft_ring()
    one, several = (
        align_masks(masks, prob, AlignOptions(balloon=0, stop_evidence=stop))[1]
        for stop in (0.3, (0.3, 0.9))
    )
    assert several == one
