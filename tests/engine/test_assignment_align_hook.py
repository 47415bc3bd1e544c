"""SEAL's assignment behind the hook: batches, bands, a run, mistakes."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from scipy import ndimage as ndi

from mmsteal.engine import AssignmentAlignHook
from mmsteal.engine.alignment import AssignmentAligner
from mmsteal.engine.alignment.masks import LabelRule
from mmsteal.functional import AssignOptions, label_map_to_edges, mask_edges
from tests.engine.disk_run import CONFIG, train
from tests.engine.disk_set import DRAWN, RADIUS, disk_dataset, disks, write_disks

RULE = LabelRule(2, background=0, radius=2)


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope('mmseg')


def target_of(radius, **kwargs):
    options = dict(radius=RULE.radius, background=0) | kwargs
    return torch.from_numpy(label_map_to_edges(disks(radius), 2, **options))


def logits_of(radius):
    """Logits with a ridge along the outlines of the disks."""
    maps = []
    for value in (1, 2):
        line = mask_edges(disks(radius) == value, 1)
        maps.append(4 - 2 * ndi.distance_transform_edt(1 - line))
    return torch.from_numpy(np.stack(maps)).float().clamp(min=-5)


def off_line(edges, radius):
    """Mean distance of edge pixels to the outlines of disks."""
    return np.mean([
        ndi.distance_transform_edt(1 - mask_edges(disks(radius) == k + 1, 1))[edges[k] == 1].mean()
        for k in range(2)
    ])  # fmt: skip


@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
@pytest.mark.parametrize('thin', [False, True])
def test_every_image_of_a_batch_moves_to_its_edges(dtype, thin):
    rule = LabelRule(2, background=0, radius=2, thin=thin)
    target = torch.stack([target_of(r, thin=thin) for r in (DRAWN, RADIUS, DRAWN)])
    logits = torch.stack([logits_of(RADIUS)] * 3).to(dtype)
    logits[2] = -4.0
    before = target.clone()
    aligner = AssignmentAligner(rule, AssignOptions())
    aligner.show = True
    aligned = aligner(logits, [], target)
    assert torch.equal(target, before)
    assert aligned.dtype == torch.uint8
    exact = off_line(target[1].numpy(), RADIUS)
    assert off_line(target[0].numpy(), RADIUS) > 2.0
    assert off_line(aligned[0].numpy(), RADIUS) < exact + 0.5
    assert torch.equal(aligned[2], target[2])
    assert aligner.latest.num_masks == 6
    assert 2 <= aligner.latest.moved <= 4
    assert aligner.latest.loss_after < aligner.latest.loss_before
    assert torch.equal(aligner.shown.aligned, aligned[0])
    if not thin:  # a band stays about as wide as it was
        ratio = float((aligned[0] == 1).sum() / (target[0] == 1).sum())
        assert 0.9 < ratio < 1.4
    alone = AssignmentAligner(rule, AssignOptions())(logits[:1], [], target[:1])
    assert torch.equal(alone[0], aligned[0])


def test_ignored_pixels_stay_ignored_and_draw_nothing():
    target = target_of(DRAWN)[None]
    target[..., :14, :] = 255
    aligned = AssignmentAligner(RULE, AssignOptions())(logits_of(RADIUS)[None], [], target)
    assert not torch.equal(aligned, target)
    assert torch.equal(aligned == 255, target == 255)


def test_channels_of_classes_that_did_not_move_are_the_same_bits():
    target, logits = target_of(DRAWN)[None], logits_of(RADIUS)[None]
    target[0, 1, 40, 40] = 77  # nobody would draw this
    logits[0, 1] = -6.0
    aligned = AssignmentAligner(RULE, AssignOptions())(logits, [], target)
    assert torch.equal(aligned[0, 1], target[0, 1])
    assert not torch.equal(aligned[0, 0], target[0, 0])


def test_nothing_to_align_and_logits_that_are_not_finite():
    aligner = AssignmentAligner(RULE, AssignOptions())
    logits = logits_of(RADIUS)[None]
    empty = torch.zeros_like(target_of(DRAWN)[None])
    assert aligner(logits, [], empty) is empty
    assert aligner.latest.num_masks == 0
    logits[0, 0, 3, 3] = torch.nan
    target = target_of(DRAWN)[None]
    assert aligner(logits, [], target) is target
    assert aligner.summary.num_unpredicted == 1


@pytest.mark.gpu
def test_a_batch_on_the_gpu_is_that_of_the_cpu():
    logits, target = logits_of(RADIUS)[None], target_of(DRAWN)[None]
    found = AssignmentAligner(RULE, AssignOptions())(logits.cuda(), [], target.cuda())
    assert found.is_cuda
    # Probabilities differ in their last bits, which may settle a near tie otherwise.
    expected = AssignmentAligner(RULE, AssignOptions())(logits, [], target)
    assert (found.cpu() != expected).float().mean() < 0.01


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    return write_disks(tmp_path_factory.mktemp('disks'))


def test_a_run_trains_on_aligned_labels_from_begin_on(root, tmp_path):
    # A network that has learnt nothing answers nearly alike everywhere: only without a prior does
    # anything move.
    loose = dict(sigma_along=float('inf'), sigma_across=float('inf'), smoothness=0.0)
    hook = dict(type='AssignmentAlignHook', begin=1, interval=1, assign=loose)
    runner, record = train(root, tmp_path, hook, max_iters=3)
    assert list(record.aligned.values()) == [False, True, True]
    assert runner.model.decode_head.aligner is None
    assert runner.message_hub.get_scalar('train/align.moved').current() > 0
    assert runner.message_hub.get_scalar('train/align.moved_px').current() > 0
    assert runner.message_hub.get_scalar('train/loss').current() > 0
    pictures = sorted(p.name for p in tmp_path.glob('*/vis_data/vis_image/aligned_batch_*.png'))
    assert pictures == ['aligned_batch_2.png', 'aligned_batch_3.png']


# Mistakes


@pytest.mark.parametrize(
    ('options', 'error', 'message'),
    [
        (dict(begin=-1), ValueError, 'begin'),
        (dict(begin=1, interval=0), ValueError, 'interval'),
        (dict(begin=1, num_pictures=-1), ValueError, 'num_pictures'),
        (dict(begin=1, assign=dict(radius_px=-2)), ValueError, 'radius_px'),
        (dict(begin=1, assign=dict(sigma=2)), TypeError, 'sigma'),
    ],
)
def test_exception_options(options, error, message):
    with pytest.raises(error, match=message):
        AssignmentAlignHook(**options)


def fake_runner(dataset, model=None):
    head = MODELS.build(CONFIG['model']['decode_head'])
    return SimpleNamespace(
        train_dataloader=SimpleNamespace(dataset=dataset),
        model=torch.nn.ModuleDict(dict(head=head)) if model is None else model,
        iter=0, max_iters=1, logger=MMLogger.get_instance('align_test'),
    )  # fmt: skip


def test_exceptions_come_before_the_first_iteration(root, monkeypatch):
    data = disk_dataset(root)
    hook = AssignmentAlignHook(begin=9)
    with pytest.raises(ValueError, match='edge head'):
        hook.before_train(fake_runner(data, torch.nn.Linear(1, 1)))
    with pytest.raises(ValueError, match='GenerateEdges'):
        hook.before_train(fake_runner([1, 2]))
    runner, said = fake_runner(data), []
    monkeypatch.setattr(runner.logger, 'warning', said.append)
    hook.before_train(runner)
    assert 'AssignmentAlignHook' in said[0]
    assert 'no labels will be aligned' in said[0]
    assert hook._batch.rule == LabelRule(2, 2, 255, 1, True)
