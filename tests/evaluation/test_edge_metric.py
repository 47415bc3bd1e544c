import numpy as np
import pytest
import torch

from mmsteal.evaluation import EdgeMetric, read_prediction, write_prediction
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


@pytest.mark.parametrize('field', ['nan', 'size', 'labels'])
def test_bad_samples_are_named(field):
    sample = make_sample(0)
    if field == 'nan':
        sample['pred_edge_map']['data'][0, 3, 3] = float('nan')
    elif field == 'size':
        sample['pred_edge_map']['data'] = sample['pred_edge_map']['data'][:, ::2]
    else:
        del sample['gt_sem_seg']
    with pytest.raises((ValueError, KeyError), match=r'0\.jpg'):
        run(EdgeMetric(), [sample])


def test_exception_arguments():
    with pytest.raises(ValueError, match='num_workers'):
        EdgeMetric(num_workers=0)
    with pytest.raises(ValueError, match='max_distance'):
        EdgeMetric(max_distance=0.1)


def test_prediction_files_round_trip(tmp_path):
    prob = np.random.default_rng(0).random((3, 9, 7), np.float32)
    write_prediction(tmp_path, 'x', prob)
    assert sorted(p.name for p in tmp_path.iterdir()) == ['class_001', 'class_002', 'class_003']
    back = read_prediction(tmp_path, 'x', 3)
    np.testing.assert_array_equal(back, np.rint(prob * 255).astype(np.uint8))
    with pytest.raises(FileNotFoundError, match=r'image x, class 4'):
        read_prediction(tmp_path, 'x', 4)


def test_prediction_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / 'class_001').write_text('a file where a folder should be')
    with pytest.raises(OSError, match='class_001'):
        write_prediction(tmp_path, 'x', np.zeros((1, 4, 4)))
