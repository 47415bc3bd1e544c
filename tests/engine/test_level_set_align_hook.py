"""The hook: its options, the aligner on the head, the labels in force, its state."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from PIL import Image

from mmsteal.engine import LevelSetAlignHook
from mmsteal.engine.alignment import BatchAligner
from mmsteal.engine.alignment.masks import LabelRule
from mmsteal.functional import AlignOptions, label_map_to_edges, mask_edges
from mmsteal.visualization import EdgeLocalVisualizer
from tests.engine.disk_run import CONFIG, train
from tests.engine.disk_set import DRAWN, RADIUS, SIZE, disk_dataset, disks, write_disks

RULE = LabelRule(2, background=2, radius=1, instance_sensitive=True)
ALIGN = AlignOptions(num_iters=8, stop_evidence=0.3)


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope('mmseg')


def sample_of(labels, instances=None, meta=None):
    sample = SegDataSample(metainfo=meta or {})
    data = dict(gt_sem_seg=PixelData(data=torch.from_numpy(labels.astype(np.int64))[None]))
    if instances is not None:
        data['gt_instance_map'] = PixelData(data=torch.from_numpy(instances)[None].int())
    sample.set_data(data)
    return sample


def drawn_labels(radius):
    """Disks as training labels: 0 and 1 for the classes, 2 for background."""
    return (disks(radius).astype(int) - 1) % 3


def target_of(labels, instances=None):
    return torch.from_numpy(
        label_map_to_edges(labels, 2, radius=1, background=2, instance_map=instances)
    )


def logits_of(labels, height=6.0):
    """Logits that are high at the edges of the classes of a label map."""
    edges = np.stack([mask_edges(labels == k, 1) for k in range(2)])
    return torch.from_numpy((edges * 2.0 - 1) * height).float()


@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16, torch.float16])
def test_a_batch_moves_to_its_edges(dtype):
    drawn, true = drawn_labels(DRAWN), drawn_labels(RADIUS)
    samples = [sample_of(labels, (labels != 2).astype(np.int32)) for labels in (drawn, true)]
    logits = torch.stack([logits_of(true)] * 2).to(dtype).requires_grad_()
    target = torch.stack([target_of(drawn), target_of(true)])
    before = target.clone()
    aligner = BatchAligner(RULE, ALIGN)
    aligner.show = True
    aligned = aligner(logits.detach(), samples, target)
    assert torch.equal(target, before)
    assert not aligned.requires_grad
    goal = target_of(true)
    assert (aligned[0] == goal).float().mean() > 0.99 > (target[0] == goal).float().mean()
    assert torch.equal(aligned[1], target[1])
    assert (aligner.latest.moved, aligner.latest.kept) == (2, 2)
    assert torch.equal(aligner.shown.aligned, aligned[0])
    aligner(logits.detach(), samples, target)
    assert aligner.summary.num_masks == 8


def test_channels_of_classes_that_did_not_move_are_the_same_bits():
    drawn, true = drawn_labels(DRAWN), drawn_labels(RADIUS)
    drawn[:4] = true[:4] = 255
    logits = logits_of(true)
    logits[1] = -6.0
    target = target_of(drawn)[None]
    target[0, 1, 40, 40] = 77  # nobody would draw this
    aligned = BatchAligner(RULE, replace(ALIGN, other_weight=0.0))(
        logits[None], [sample_of(drawn, np.zeros(SIZE, np.int32))], target
    )
    assert torch.equal(aligned[0, 1], target[0, 1])
    assert not torch.equal(aligned[0, 0], target[0, 0])
    assert (aligned[0, 0, :4] == 255).all()


def test_padded_batches():
    """stack_batch pads labels and edges with 255, but leaves the instance map as it is."""
    drawn, true = drawn_labels(DRAWN), drawn_labels(RADIUS)
    ids = (drawn + 1).astype(np.int32)
    pad = ((0, 5), (0, 9))
    padded = np.pad(drawn, pad, constant_values=255)
    target = target_of(padded)[None]
    logits = torch.nn.functional.pad(logits_of(true), (0, 9, 0, 5), value=-6.0)[None]
    aligned = BatchAligner(RULE, ALIGN)(logits, [sample_of(padded, ids)], target)
    plain = BatchAligner(RULE, ALIGN)(
        logits_of(true)[None], [sample_of(drawn, ids)], target_of(drawn)[None]
    )
    assert torch.equal(aligned[..., : SIZE[0], : SIZE[1]], plain)
    assert (aligned[..., SIZE[0] :, :] == 255).all()
    assert (aligned[..., SIZE[1] :] == 255).all()


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_logits_that_are_not_finite_change_nothing_and_are_counted(value):
    drawn = drawn_labels(DRAWN)
    logits = logits_of(drawn)[None].clone()
    logits[0, 1, 3, 3] = value
    target = target_of(drawn)[None]
    aligner = BatchAligner(RULE, ALIGN)
    aligner.show = True
    assert aligner(logits, [sample_of(drawn, drawn)], target) is target
    assert aligner.summary.num_unpredicted == 1
    assert 'not finite' in str(aligner.summary)


def test_nothing_to_align():
    empty = np.full(SIZE, 2)
    target = target_of(empty)[None]
    aligner = BatchAligner(RULE, ALIGN)
    assert aligner(logits_of(empty)[None], [sample_of(empty, empty)], target) is target


@pytest.mark.parametrize('missing', ['gt_sem_seg', 'gt_instance_map'])
def test_exception_missing_maps_are_named(missing):
    drawn = drawn_labels(DRAWN)
    sample = sample_of(drawn, drawn)
    delattr(sample, missing)
    with pytest.raises(KeyError, match=missing):
        BatchAligner(RULE, ALIGN)(logits_of(drawn)[None], [sample], target_of(drawn)[None])


@pytest.mark.gpu
def test_a_batch_on_the_gpu_is_that_of_the_cpu():
    drawn, true = drawn_labels(DRAWN), drawn_labels(RADIUS)
    ids = (drawn != 2).astype(np.int32)
    inputs = logits_of(true)[None], [sample_of(drawn, ids)], target_of(drawn)[None]
    expected = BatchAligner(RULE, ALIGN)(*inputs)
    found = BatchAligner(RULE, ALIGN)(
        inputs[0].cuda(), [s.cuda() for s in inputs[1]], inputs[2].cuda()
    )
    assert torch.equal(found.cpu(), expected)


# The hook in a run

# Predictions of a network that has learnt nothing are about 1/2 everywhere: everything moves.
EAGER = dict(num_iters=4, stop_evidence=1.0, min_gain=0.0)


def run(root, work_dir, *, workers=0, resume=False, load_from=None, max_iters=6, **hook):
    """Train for six iterations and return the runner and what was recorded."""
    hook = dict(type='LevelSetAlignHook', begin=2, interval=2, num_pictures=1, align=EAGER) | hook
    hook.setdefault('pipeline', [dict(type='LoadImageFromFile'), dict(type='PackEdgeInputs')])
    return train(
        root, work_dir, hook, workers=workers, resume=resume, load_from=load_from,
        max_iters=max_iters,
    )  # fmt: skip


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    return write_disks(tmp_path_factory.mktemp('disks'))


def edges_in(root, folder):
    """Edges by image name, of a folder of label maps."""
    prefix = dict(img_path='images', seg_map_path=f'{folder}labels',
                  instance_map_path=f'{folder}instances')  # fmt: skip
    data = disk_dataset(root, data_prefix=prefix)
    samples = [data[i]['data_samples'] for i in range(len(data))]
    return {s.img_path.rsplit('/', 1)[-1]: s.gt_edge_map.data for s in samples}


@pytest.mark.parametrize('workers', [0, 2])
def test_iterations_after_a_round_see_its_labels(root, tmp_path, workers):
    """Workers that persist, and have batches ready, are no exception."""
    _, record = run(root, tmp_path, workers=workers)
    in_force = [edges_in(root, '')] * 2
    for step in (2, 4):
        in_force += [edges_in(root, f'{tmp_path}/aligned_labels/iter_{step}/')] * 2
    assert not torch.equal(in_force[0]['0.png'], in_force[2]['0.png'])
    for step, seen in record.targets.items():
        for name, edges in seen.items():
            assert torch.equal(edges, in_force[step][name]), (step, name)
    # After the last iteration there is nobody to learn from a round.
    assert not (tmp_path / 'aligned_labels/iter_6').exists()
    pictures = list(tmp_path.glob('*/vis_data/vis_image/aligned_*.png'))
    assert sorted(p.name for p in pictures) == ['aligned_0_2.png', 'aligned_0_4.png']
    assert np.asarray(Image.open(pictures[0])).shape == (SIZE[0], 3 * SIZE[1], 3)
    state = torch.load(tmp_path / 'iter_6.pth', weights_only=False)['LevelSetAlignHook']
    assert (state['round'], state['folder'][-6:]) == (4, 'iter_4')


def test_the_number_of_workers_changes_nothing_and_a_resumed_run_is_the_same(root, tmp_path):
    whole, seen = run(root, tmp_path / 'whole')
    run(root, tmp_path / 'part', max_iters=3, workers=1)
    resumed, record = run(root, tmp_path / 'part', workers=1, resume=True)
    assert sorted(record.targets) == [3, 4, 5]
    for step, targets in record.targets.items():
        for name, edges in targets.items():
            assert torch.equal(edges, seen.targets[step][name])
    for a, b in zip(whole.model.parameters(), resumed.model.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-7)


def test_a_checkpoint_from_before_a_round_that_was_cut_off(root, tmp_path):
    """iter_2.pth is written before the round of iteration 2, which a resumed run then holds."""
    run(root, tmp_path, max_iters=2)
    assert not (tmp_path / 'aligned_labels').exists()
    _, record = run(root, tmp_path, resume=True)
    assert sorted(p.name for p in (tmp_path / 'aligned_labels').iterdir()) == ['iter_2', 'iter_4']
    expected = edges_in(root, f'{tmp_path}/aligned_labels/iter_2/')
    for name, edges in record.targets[2].items():
        assert torch.equal(edges, expected[name])


def test_weights_of_another_run_do_not_bring_its_labels(root, tmp_path):
    run(root, tmp_path / 'one')
    weights = str(tmp_path / 'one/iter_6.pth')
    _, record = run(root, tmp_path / 'two', begin=50, max_iters=1, load_from=weights)
    given = edges_in(root, '')
    for name, edges in record.targets[0].items():
        assert torch.equal(edges, given[name])
    state = torch.load(tmp_path / 'two/iter_1.pth', weights_only=False)['LevelSetAlignHook']
    assert state == dict(round=None, folder=None)


def test_labels_that_cannot_be_written_leave_the_given_ones_in_force(root, tmp_path):
    (tmp_path / 'aligned_labels').write_text('in the way')
    _, record = run(root, tmp_path)
    given = edges_in(root, '')
    for seen in record.targets.values():
        for name, edges in seen.items():
            assert torch.equal(edges, given[name])


@pytest.mark.parametrize('workers', [0, 1])
def test_scope_batch_installs_the_aligner_and_takes_it_away(root, tmp_path, workers):
    runner, record = run(root, tmp_path, scope='batch', workers=workers)
    assert list(record.aligned.values()) == [False] * 2 + [True] * 4
    assert runner.model.decode_head.aligner is None
    assert not (tmp_path / 'aligned_labels').exists()
    assert runner.message_hub.get_scalar('train/align.moved').current() > 0
    pictures = list(tmp_path.glob('*/vis_data/vis_image/aligned_batch_*.png'))
    assert sorted(p.name for p in pictures) == ['aligned_batch_3.png', 'aligned_batch_5.png']


def test_the_head_learns_the_aligned_target():
    head = MODELS.build(CONFIG['model']['decode_head'])
    target = torch.zeros(1, 2, 8, 8, dtype=torch.uint8)
    sample = SegDataSample()
    sample.set_data(dict(gt_edge_map=PixelData(data=target[0])))
    logits = dict(fused=torch.zeros(1, 2, 4, 4), side5=torch.zeros(1, 2, 4, 4))
    seen = []

    def aligner(prediction, samples, given):
        seen.append((prediction.shape, samples, given))
        return torch.full_like(given, 1)

    head.aligner = aligner
    losses = head.loss_by_feat(logits, [sample])
    assert seen[0][0] == (1, 2, 8, 8)
    assert seen[0][1] == [sample]
    assert torch.equal(seen[0][2], target)
    assert losses['prob_on_edge'] == pytest.approx(0.5)
    assert 'aligner' not in head.state_dict()


# Mistakes


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(begin=-1), 'begin'),
        (dict(begin=1, interval=0), 'interval'),
        (dict(begin=1, scope='epoch'), 'scope'),
        (dict(begin=1, start='first'), 'start'),
        (dict(begin=1, error_px=-1.0), 'error_px'),
        (dict(begin=1, num_pictures=-1), 'num_pictures'),
    ],
)
def test_exception_options(options, message):
    with pytest.raises(ValueError, match=message):
        LevelSetAlignHook(**options)


def test_error_px_limits_the_displacement_unless_told_otherwise():
    assert LevelSetAlignHook(begin=0, error_px=4).options.max_displacement_px == 8
    assert LevelSetAlignHook(begin=0, error_px=4).options.num_iters is None
    assert LevelSetAlignHook(begin=0).options.max_displacement_px is None
    align = dict(max_displacement_px=3)
    assert LevelSetAlignHook(begin=0, error_px=4, align=align).options.max_displacement_px == 3


def fake_runner(dataset, model=None):
    head = MODELS.build(CONFIG['model']['decode_head'])
    return SimpleNamespace(
        train_dataloader=SimpleNamespace(dataset=dataset),
        model=torch.nn.ModuleDict(dict(head=head)) if model is None else model,
        train_loop=None, cfg={}, work_dir='x', iter=0, max_iters=1,
        logger=MMLogger.get_instance('align_test'),
    )  # fmt: skip


def test_no_margin_is_asked_for_unless_told_otherwise():
    assert LevelSetAlignHook(begin=0).options.min_gain == 0
    assert LevelSetAlignHook(begin=0, align=dict(min_gain=0.1)).options.min_gain == 0.1


def test_scope_batch_takes_any_dataset_whose_pipeline_makes_edges(root):
    class Wrapper:
        datasets = (disk_dataset(root),)

    hook = LevelSetAlignHook(begin=0, scope='batch')
    hook.before_train(fake_runner(Wrapper()))
    assert hook._batch.rule == LabelRule(2, 2, 255, 1, True)
    with pytest.raises(ValueError, match='GenerateEdges'):
        hook.before_train(fake_runner([1, 2]))


def test_an_alignment_that_never_begins_is_said(root, monkeypatch):
    runner, said = fake_runner(disk_dataset(root)), []
    monkeypatch.setattr(runner.logger, 'warning', said.append)
    LevelSetAlignHook(begin=1, scope='batch').before_train(runner)
    assert 'no labels will be aligned' in said[0]


def test_exceptions_come_before_the_first_iteration(root):
    data = disk_dataset(root)
    hook = LevelSetAlignHook(begin=9)
    with pytest.raises(ValueError, match='IterBasedTrainLoop'):
        hook.before_train(fake_runner(data))
    with pytest.raises(ValueError, match='edge head'):
        hook.before_train(fake_runner(data, torch.nn.Linear(1, 1)))
    with pytest.raises(ValueError, match='EdgeDataset'):
        hook.before_train(fake_runner([1, 2]))
    with pytest.raises(ValueError, match='smoothing'):
        LevelSetAlignHook(begin=9, align=dict(smoothing=-1))
    with pytest.raises(TypeError, match=r'balloon.*but got ballon'):
        LevelSetAlignHook(begin=9, align=dict(ballon=1))


def test_weak_predictions_are_drawn_beside_the_labels():
    """A cross entropy that is not balanced to the end makes all responses low."""
    edges = np.zeros((1, 20, 30), np.float32)
    edges[0, 5] = 1
    drawn = {}
    visualizer = EdgeLocalVisualizer('weak')
    visualizer.add_image = lambda name, picture, step: drawn.update({name: picture})
    runner = SimpleNamespace(visualizer=visualizer, iter=0)
    image = np.zeros((20, 30, 3), np.uint8)
    LevelSetAlignHook._draw(runner, image, edges, edges, 0.01 + 0.2 * edges, 'x')
    given, _, predicted = np.split(drawn['aligned_x'], 3, axis=1)
    np.testing.assert_array_equal(predicted, given)
    assert (given[5] != given[9]).any()
