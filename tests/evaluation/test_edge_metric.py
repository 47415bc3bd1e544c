import numpy as np
import pytest
import torch

from mmsteal.evaluation import EdgeMetric, edge_metric
from mmsteal.functional import edge_counts, edge_scores, label_map_to_edges


def make_sample(index, num_classes=3, size=(40, 50)):
    rng = np.random.default_rng(index)
    labels = np.full(size, num_classes, np.uint8)
    labels[8:24, 10:30] = index % 2
    prob = label_map_to_edges(labels, num_classes, radius=2, background=num_classes) * 0.6
    prob = np.clip(prob + rng.random(prob.shape) * 0.4, 0, 1).astype(np.float32)
    return dict(
        img_path=f'{index}.jpg',
        pred_edge_map=dict(data=torch.from_numpy(prob)),
        gt_sem_seg=dict(data=torch.from_numpy(labels.astype(np.int64))[None]),
    )


def run(metric, samples, classes=('a', 'b', 'c')):
    metric.dataset_meta = dict(classes=classes)
    for sample in samples:
        metric.process({}, [sample])
    return metric.evaluate(len(samples))


@pytest.mark.parametrize('mode', ['thin', 'raw'])
def test_equals_the_functions(mode):
    samples = [make_sample(i) for i in range(5)]
    result = run(EdgeMetric(mode=mode, max_dist=0.02, radius=1), samples)
    scores = []
    for k in range(3):
        counts = []
        for sample in samples:
            labels = sample['gt_sem_seg']['data'][0].numpy().astype(np.uint8)
            truth = label_map_to_edges(labels, 3, radius=1, background=3, thin=mode == 'thin')
            level = np.rint(sample['pred_edge_map']['data'][k].numpy() * 255).astype(np.uint8)
            counts.append(edge_counts(level, truth[k] == 1, max_dist=0.02, thin=mode == 'thin'))
        scores.append(edge_scores(np.stack(counts)))
    present = scores[:2]  # the third class occurs nowhere
    assert np.isnan(scores[2].ods_f)
    assert result['edge/num_classes'] == 2
    assert result['edge/MF_ODS'] == pytest.approx(100 * np.mean([s.ods_f for s in present]))
    assert result['edge/MF_OIS'] == pytest.approx(100 * np.mean([s.ois_f for s in present]))
    assert result['edge/AP'] == pytest.approx(100 * np.mean([s.ap for s in present]))


@pytest.mark.parametrize('num_workers', [2, 5])
def test_independent_of_workers_and_order(num_workers):
    samples = [make_sample(i) for i in range(7)]
    one = run(EdgeMetric(num_workers=1), samples)
    many = run(EdgeMetric(num_workers=num_workers), samples[::-1])
    assert one == many


def test_perfect_prediction():
    sample = make_sample(0)
    labels = sample['gt_sem_seg']['data'][0].numpy().astype(np.uint8)
    truth = label_map_to_edges(labels, 3, radius=2, background=3)
    sample['pred_edge_map']['data'] = torch.from_numpy((truth == 1).astype(np.float32))
    result = run(EdgeMetric(mode='raw'), [sample])
    assert result['edge/MF_ODS'] == 100
    assert result['edge/num_classes'] == 1


def test_metric_can_be_used_again():
    metric = EdgeMetric()
    samples = [make_sample(i) for i in range(3)]
    assert run(metric, samples) == run(metric, samples)


def test_nothing_of_a_failed_evaluation_counts_in_the_next():
    metric = EdgeMetric()
    samples = [make_sample(i) for i in range(3)]
    expected = run(EdgeMetric(), samples[1:])
    bad = make_sample(0)
    bad['pred_edge_map']['data'][0, 3, 3] = float('nan')
    with pytest.raises(ValueError, match=r'0\.jpg'):
        run(metric, [samples[0], bad, *samples])
    assert run(metric, samples[1:]) == expected


def test_test_nms_and_prefix():
    samples = [make_sample(i) for i in range(2)]
    plain = run(EdgeMetric(mode='raw', prefix='raw'), samples)
    nms = run(EdgeMetric(mode='raw', prefix='raw', test_nms=True), samples)
    assert set(plain) == set(nms) == {f'raw/{n}' for n in ('MF_ODS', 'MF_OIS', 'AP', 'num_classes')}
    assert plain['raw/AP'] != nms['raw/AP']


def test_no_class_present_is_nan_not_an_error():
    sample = make_sample(0)
    sample['gt_sem_seg']['data'][:] = 3
    result = run(EdgeMetric(), [sample])
    assert np.isnan(result['edge/MF_ODS'])
    assert result['edge/num_classes'] == 0


@pytest.mark.parametrize('field', ['nan', 'logits', 'size', 'labels', 'prediction'])
def test_bad_samples_are_named(field):
    sample = make_sample(0)
    if field == 'nan':
        sample['pred_edge_map']['data'][0, 3, 3] = float('nan')
    elif field == 'logits':
        sample['pred_edge_map']['data'] *= 5
    elif field == 'prediction':
        del sample['pred_edge_map']
    elif field == 'size':
        sample['pred_edge_map']['data'] = sample['pred_edge_map']['data'][:, ::2]
    else:
        del sample['gt_sem_seg']
    with pytest.raises((ValueError, KeyError), match=r'0\.jpg'):
        run(EdgeMetric(), [sample])


def test_exception_arguments():
    with pytest.raises(ValueError, match='num_workers'):
        EdgeMetric(num_workers=0)
    with pytest.raises(ValueError, match='source'):
        EdgeMetric(source='pred')
    with pytest.raises(ValueError, match='quick'):
        EdgeMetric(quick=-1)
    with pytest.raises(ValueError, match='max_distance'):
        EdgeMetric(max_distance=0.1)


def test_several_tolerances():
    samples = [make_sample(i) for i in range(3)]
    both = run(EdgeMetric(max_dist=[0.01, 0.05]), samples)
    for max_dist in (0.01, 0.05):
        alone = run(EdgeMetric(max_dist=max_dist), samples)
        for name, value in alone.items():
            assert both[f'{name}@{max_dist:g}'] == value
    assert both['edge/AP@0.05'] > both['edge/AP@0.01']


def test_background_of_mmseg_datasets():
    """Labels 0 = background, 1.. = classes give what 0.. = classes, K = background give."""
    ours, theirs = [], []
    for i in range(3):
        ours.append(make_sample(i))
        theirs.append(make_sample(i))
        labels = theirs[-1]['gt_sem_seg']['data']
        theirs[-1]['gt_sem_seg']['data'] = (labels + 1) % 4
    expected = run(EdgeMetric(), ours)
    metric = EdgeMetric(background=0)
    assert run(metric, theirs, classes=('background', 'a', 'b', 'c')) == expected
    assert metric.scores_by_max_dist[0.0075].names == ('a', 'b', 'c')


def segmentor_sample(index, background, shift=0):
    sample = make_sample(index)
    labels = sample['gt_sem_seg']['data']
    if background == 0:
        labels = (labels + 1) % 4
    sample['gt_sem_seg']['data'] = labels
    sample['pred_sem_seg'] = dict(data=labels.roll(shift, dims=2))
    del sample['pred_edge_map']
    return sample


@pytest.mark.parametrize('background', [None, 0])
@pytest.mark.parametrize('mode', ['thin', 'raw'])
def test_label_maps_of_a_segmentor(mode, background):
    classes = ('a', 'b', 'c') if background is None else ('background', 'a', 'b', 'c')
    options = dict(mode=mode, source='pred_sem_seg', background=background, margin=(5, 8, 5, 5))
    right = run(EdgeMetric(**options), [segmentor_sample(i, background) for i in range(2)], classes)
    assert right == {'edge/MF': 100, 'edge/precision': 100, 'edge/recall': 100,
                     'edge/num_classes': 2}  # fmt: skip
    metric = EdgeMetric(max_dist=[0.02, 0.1], **options)
    shifted = run(metric, [segmentor_sample(i, background, shift=3) for i in range(2)], classes)
    assert shifted['edge/MF@0.02'] < 90
    assert shifted['edge/MF@0.1'] == 100
    assert set(shifted) == {f'{name}@{d}' for name in right for d in (0.02, 0.1)}


def test_quick_mode_says_so(monkeypatch):
    samples = [make_sample(i) for i in range(7)]
    printed = []
    monkeypatch.setattr(edge_metric, 'print_log', lambda text, **_: printed.append(text))
    metric = EdgeMetric(quick=3)
    quick = run(metric, samples)
    assert set(quick) == {f'edge/quick_{n}' for n in ('MF_ODS', 'MF_OIS', 'AP', 'num_classes')}
    assert '3 of 7 images (quick mode' in printed[0]
    assert '9 thresholds' in printed[0]
    chosen = run(EdgeMetric(thresholds=9), samples[::3])
    assert list(quick.values()) == list(chosen.values())
    assert run(metric, samples) == quick  # the same images at the next validation


def test_two_ranks_choose_the_images_that_one_rank_chooses(monkeypatch):
    samples = [make_sample(i) for i in range(8)]
    one = EdgeMetric(quick=3)
    parts = []
    for rank in (0, 1):
        monkeypatch.setattr(edge_metric, 'get_world_size', lambda: 2)
        monkeypatch.setattr(edge_metric, 'get_rank', lambda rank=rank: rank)
        metric = EdgeMetric(quick=3)
        for sample in samples[rank::2]:
            metric.process({}, [sample])
        while metric._pending:
            metric._collect()
        parts.append(metric.results)
    monkeypatch.undo()
    merged = [result for pair in zip(*parts, strict=True) for result in pair]
    assert [r is not None for r in merged] == [i % 3 == 0 for i in range(8)]
    one.dataset_meta = dict(classes=('a', 'b', 'c'))
    expected = run(EdgeMetric(quick=3), samples)
    assert {f'edge/{k}': v for k, v in one.compute_metrics(merged).items()} == expected


def test_class_agnostic_with_annotators():
    sample = make_sample(0, num_classes=1)
    truth = label_map_to_edges(
        sample['gt_sem_seg']['data'][0].numpy().astype(np.uint8), 1, background=1, thin=True
    )
    maps = np.concatenate([truth, np.roll(truth, 1, axis=2)])
    sample['gt_boundary_map'] = dict(data=torch.from_numpy(maps))
    metric = EdgeMetric('bsds')
    result = run(metric, [sample], classes=('boundary',))
    level = np.rint(sample['pred_edge_map']['data'][0].numpy() * 255).astype(np.uint8)
    counts = edge_counts(level, maps == 1, max_dist=0.0075, thin=True)
    assert result['edge/MF_ODS'] == pytest.approx(100 * edge_scores(counts[None]).ods_f)
