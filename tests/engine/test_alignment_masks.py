"""Masks from label maps and edges from masks, against the label rule of GenerateEdges."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmsteal.datasets import GenerateEdges
from mmsteal.engine.alignment import AlignmentSummary
from mmsteal.engine.alignment.masks import (
    LabelRule,
    keep_owners,
    redraw_edges,
    segment,
)
from mmsteal.functional import AlignOptions, align_masks, label_map_to_edges


def random_maps(seed, num_classes, rule_values, size=(17, 23)):
    """Blocky label and instance maps (2, H, W) of the given values."""
    rng = np.random.default_rng(seed)
    small = rng.choice(rule_values, (2, 5, 7))
    ids = rng.integers(0, 3, (2, 5, 7)) * 300
    labels, ids = (np.kron(m, np.ones((1, 4, 4), int))[:, : size[0], : size[1]]
                   for m in (small, ids))  # fmt: skip
    return labels.astype(np.uint8), ids.astype(np.int32)


@settings(max_examples=60)
@given(
    seed=st.integers(0, 10**6),
    background=st.sampled_from([None, 3, 0]),
    radius=st.sampled_from([1.0, 2.0, 2.5]),
    sensitive=st.booleans(),
    thin=st.booleans(),
    ignored=st.booleans(),
)
def test_redrawn_edges_are_those_of_generate_edges(
    seed, background, radius, sensitive, thin, ignored
):
    rule = LabelRule(3, background, 255, radius, sensitive, thin)
    values = [*rule.class_values, *([] if background is None else [background])]
    labels, ids = random_maps(seed, 3, values + [255] * ignored)
    expected = np.stack([
        label_map_to_edges(
            m, 3, radius=radius, background=background, thin=thin,
            instance_map=i if sensitive else None,
        )
        for m, i in zip(labels, ids, strict=True)
    ])  # fmt: skip
    labels, ids = torch.from_numpy(labels), torch.from_numpy(ids)
    segments = segment(labels, ids if sensitive else None, rule)
    target = torch.from_numpy(expected)
    blank = torch.where(target == 255, 255, 0).to(torch.uint8)
    redrawn = redraw_edges(blank, labels, segments, [True] * len(segments.images), rule)
    assert torch.equal(redrawn, target)


def test_segments_are_the_objects_in_order():
    labels = torch.tensor([[[0, 0, 1, 2, 255]], [[1, 1, 2, 2, 2]]], dtype=torch.uint8)
    ids = torch.tensor([[[7, 8, 70000, 1, 1]], [[0, 5, 1, 1, 1]]], dtype=torch.int32)
    rule = LabelRule(2, background=2, instance_sensitive=True)
    found = segment(labels, ids, rule)
    assert list(zip(found.images, found.classes, found.instances, strict=True)) == [
        (0, 0, 7), (0, 0, 8), (0, 1, 70000), (1, 1, 0), (1, 1, 5),
    ]  # fmt: skip
    assert found.masks.sum(dim=(1, 2)).tolist() == [1, 1, 1, 1, 1]
    together = segment(labels, None, rule)
    assert list(zip(together.images, together.classes, strict=True)) == [(0, 0), (0, 1), (1, 1)]
    assert segment(torch.full((1, 2, 2), 255, dtype=torch.uint8), None, rule).images == []


def test_keep_owners_against_pixel_by_pixel(rng):
    owner = torch.from_numpy(rng.integers(-1, 3, (2, 9, 9)))
    given_masks = torch.cat([owner[n] == torch.arange(3)[:, None, None] for n in range(2)])
    images = [0, 0, 0, 1, 1, 1]
    aligned = torch.from_numpy(rng.random((6, 9, 9)) < 0.5)
    expected = aligned.clone()
    for m in range(6):
        for y in range(9):
            for x in range(9):
                for other in range(6):
                    theirs = given_masks[other, y, x] and aligned[other, y, x]
                    if other != m and images[other] == images[m] and theirs:
                        expected[m, y, x] = False
    assert torch.equal(keep_owners(aligned, given_masks, images), expected)


def test_only_classes_that_changed_are_drawn():
    labels = torch.zeros(1, 8, 8, dtype=torch.uint8)
    labels[0, :4] = 1
    rule = LabelRule(2, background=2, radius=1)
    found = segment(labels, None, rule)
    target = torch.full((1, 2, 8, 8), 7, dtype=torch.uint8)
    assert redraw_edges(target, labels, found, [False, False], rule) is target
    out = redraw_edges(target, labels, found, [False, True], rule)
    assert (out[0, 0] == 7).all()
    assert out[0, 1].max() == 1
    assert (target == 7).all()


@pytest.mark.parametrize('kwargs', [{}, dict(num_classes=3, background=0), dict(num_classes=3)])
def test_rule_reads_what_generate_edges_was_told(kwargs):
    step = GenerateEdges(radius=1.5, instance_sensitive=True, thin=True, **kwargs)
    rule = LabelRule.of_pipeline([object(), step], 3)
    assert (rule.radius, rule.instance_sensitive, rule.thin) == (1.5, True, True)
    labels = np.tile(np.repeat([1, 2], 4), (4, 1)).astype(np.uint8)
    data = dict(gt_seg_map=labels, gt_instance_map=np.zeros_like(labels), num_classes=3)
    target = torch.from_numpy(step.transform(data)['gt_edge_map'])[None]
    maps = torch.from_numpy(labels)[None], torch.zeros(1, 4, 8, dtype=torch.int32)
    found = segment(*maps, rule)
    drawn = redraw_edges(torch.zeros_like(target), maps[0], found, [True] * 2, rule)
    assert torch.equal(drawn, target)


def test_exception_no_edges_in_the_pipeline():
    with pytest.raises(ValueError, match='GenerateEdges'):
        LabelRule.of_pipeline([object()], 3)


def test_summaries_add_up(rng):
    masks = np.zeros((3, 40, 40), bool)
    masks[0, 12:28, 12:28] = masks[1, 15:20, 15:20] = True
    prob = np.full((3, 40, 40), 0.001, np.float32)
    prob[0, 9, 9:31] = prob[0, 30, 9:31] = prob[0, 9:31, 9] = prob[0, 9:31, 30] = 0.9
    _, reports = align_masks(masks, prob, AlignOptions(num_iters=8))
    whole = AlignmentSummary.of(reports)
    parts = [AlignmentSummary.of([report]) for report in reports]
    assert parts[0] + parts[1] + parts[2] == whole
    assert (whole.num_masks, whole.moved, whole.reasons['empty']) == (3, 1, 1)
    assert whole.mean_px == reports[0].mean_displacement_px
    assert whole.loss_after < whole.loss_before
    assert '1 moved' in str(whole)
    assert '1 empty' in str(whole)
    assert AlignmentSummary().mean_px == AlignmentSummary().loss_before == 0
