import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from mmsteal.edge_files import PredictionFolder, write_prediction
from mmsteal.evaluation import EdgeMetric, boundary_protocol
from mmsteal.evaluation.score_report import class_scores
from mmsteal.file_evaluation import EvaluationJob, evaluate_files, open_ground_truth
from mmsteal.file_evaluation import counting as module
from mmsteal.file_evaluation.pr_curves import PRCurve, plot_pr_curves, write_pr_curves
from mmsteal.file_evaluation.result_files import worst_images, write_results
from mmsteal.functional import edge_counts, edge_scores, label_map_to_edges
from tests.evaluation.test_edge_metric import make_sample, run

CLASSES = ('disk', 'bar', 'ring')
NAMES = [f'{i}' for i in range(5)]
PROTOCOL = boundary_protocol(None, 'thin', max_dist=0.02, radius=1)


@pytest.fixture
def data(tmp_path):
    """Labels and predictions; the third class occurs nowhere."""
    (tmp_path / 'labels').mkdir()
    for i, name in enumerate(NAMES):
        sample = make_sample(i)
        labels = sample['gt_sem_seg']['data'][0].numpy().astype(np.uint8)
        Image.fromarray(labels).save(tmp_path / f'labels/{name}.png')
        write_prediction(tmp_path / 'pred', name, sample['pred_edge_map']['data'].numpy())
    return tmp_path


def open_truth(data):
    return open_ground_truth('folder', data / 'labels', class_names=CLASSES, background=[3])


def evaluate(
    data, out='out', protocol=PROTOCOL, pred='pred', kind='scores', *, num_workers=2, **options
):
    predictions = {'mine': PredictionFolder(data / pred, CLASSES, kind=kind)}
    job = EvaluationJob(open_truth(data), predictions, protocol, **options)
    return evaluate_files(job, data / out, num_workers=num_workers)


def test_the_prediction_of_another_image_is_not_taken(tmp_path):
    labels = np.zeros((20, 30), np.uint8)
    labels[5:15, 5:15] = 1
    for name in ('seq1/0001', 'seq2/0001'):
        (tmp_path / 'labels' / name).parent.mkdir(parents=True)
        Image.fromarray(labels).save(tmp_path / f'labels/{name}.png')
    write_prediction(tmp_path / 'pred', 'seq2/0001', np.ones((1, 20, 30)))
    truth = open_ground_truth('folder', tmp_path / 'labels', class_names=['x'], background=[0])
    predictions = {'mine': PredictionFolder(tmp_path / 'pred', ['x'])}
    # Also where only the image without a prediction is evaluated.
    for names in (None, ['seq1/0001']):
        job = EvaluationJob(truth, predictions, PROTOCOL, names=names)
        with pytest.raises(FileNotFoundError, match='image seq1/0001'):
            evaluate_files(job, tmp_path / 'out')


def test_equals_the_functions(data):
    result = evaluate(data)
    for k, scores in enumerate(result.methods['mine'].scores[0].scores):
        counts = []
        for name in NAMES:
            labels = np.asarray(Image.open(data / f'labels/{name}.png'))
            truth = label_map_to_edges(labels, 3, radius=1, background=3, thin=True)[k] == 1
            level = np.asarray(Image.open(data / f'pred/class_{k + 1:03d}/{name}.png'))
            counts.append(edge_counts(level, truth, max_dist=0.02, thin=True))
        expected = edge_scores(np.stack(counts))
        np.testing.assert_array_equal(
            [scores.ods_f, scores.ois_f, scores.ap], [expected.ods_f, expected.ois_f, expected.ap]
        )


@pytest.mark.parametrize('changes', [{}, dict(test_nms=True), dict(mode='raw', scale=0.5)])
def test_equals_the_metric(data, changes):
    """Files and validation loop give the same figures."""
    options = {**dict(mode='thin', max_dist=0.02, radius=1), **changes}
    metric = run(EdgeMetric(**options), [make_sample(i) for i in range(len(NAMES))], CLASSES)
    result = evaluate(data, protocol=replace(PROTOCOL, **changes))
    numbers = result.methods['mine'].scores[0].numbers()
    assert {f'edge/{name}': value for name, value in numbers.items()} == metric


def test_same_bytes_for_any_workers_and_order(data):
    contents = []
    for i, num_workers in enumerate((1, 2, 8)):
        names = np.random.default_rng(i).permutation(NAMES).tolist()
        result = evaluate(data, out=f'out{i}', names=names, num_workers=num_workers)
        contents.append([path.read_bytes() for path in write_results(result, data / f'res{i}')])
    assert contents[0] == contents[1] == contents[2]


def test_formats_give_the_same(data):
    expected = evaluate(data).methods['mine'].counts
    (data / 'npy').mkdir()
    for name in NAMES:
        levels = PredictionFolder(data / 'pred', CLASSES).read(name)
        np.save(data / f'npy/{name}.npy', levels / np.float64(255))
        for folder, level in zip(CLASSES, levels, strict=True):
            (data / 'deep' / folder).mkdir(parents=True, exist_ok=True)
            Image.fromarray(level.astype(np.uint16) * 257).save(data / f'deep/{folder}/{name}.png')
    for pred in ('npy', 'deep'):
        counts = evaluate(data, out=pred + '_out', pred=pred).methods['mine'].counts
        np.testing.assert_array_equal(counts, expected)


def test_counts_are_reused_until_something_changes(data, monkeypatch):
    first = evaluate(data)
    assert first.methods['mine'].num_reused == 0
    calls = []
    count = module.image_counts
    monkeypatch.setattr(module, 'image_counts', lambda *a, **k: calls.append(1) or count(*a, **k))
    again = evaluate(data)
    assert (again.methods['mine'].num_reused, len(calls)) == (5, 0)
    np.testing.assert_array_equal(again.methods['mine'].counts, first.methods['mine'].counts)
    # A changed prediction, a changed label, an unreadable file: one image each.
    write_prediction(data / 'pred', '1', np.zeros((3, 40, 50)))
    Image.fromarray(np.full((40, 50), 3, np.uint8)).save(data / 'labels/2.png')
    (data / 'out/mine/3.npz').write_bytes(b'cut off')
    assert evaluate(data).methods['mine'].num_reused == 2
    assert len(calls) == 3
    # A changed parameter: all of them, and going back too.
    assert evaluate(data, protocol=replace(PROTOCOL, margin=1)).methods['mine'].num_reused == 0
    assert evaluate(data, max_dists=[0.02, 0.03]).methods['mine'].num_reused == 0


def test_interrupted_run_goes_on(data, monkeypatch):
    whole = evaluate(data, out='whole')
    count = module.image_counts
    calls = []

    def interrupted(*args, **kwargs):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return count(*args, **kwargs)

    monkeypatch.setattr(module, 'image_counts', interrupted)
    with pytest.raises(KeyboardInterrupt):
        evaluate(data, num_workers=1)
    monkeypatch.setattr(module, 'image_counts', count)
    result = evaluate(data)
    assert result.methods['mine'].num_reused >= 2
    np.testing.assert_array_equal(result.methods['mine'].counts, whole.methods['mine'].counts)


def test_missing_prediction_stops_before_any_matching(data, monkeypatch):
    (data / 'pred/class_002/3.png').unlink()
    (data / 'pred/class_003/3.png').unlink()
    monkeypatch.setattr(module, 'image_counts', None)
    with pytest.raises(
        FileNotFoundError, match=r'image 3, class 2 \(bar\).*2 missing in all, of 5'
    ):
        evaluate(data)


def test_missing_prediction_counts_as_empty_and_is_reported(data):
    write_prediction(data / 'pred', '3', np.zeros((3, 40, 50)))
    expected = evaluate(data, out='zeros')
    for k in (1, 2, 3):
        (data / f'pred/class_00{k}/3.png').unlink()
    result = evaluate(data, missing='empty')
    np.testing.assert_array_equal(result.methods['mine'].counts, expected.methods['mine'].counts)
    assert result.methods['mine'].missing == [('3', f'class {k + 1} ({CLASSES[k]})')
                                              for k in range(3)]  # fmt: skip
    (path, *_) = write_results(result, data / 'res')
    stored = json.loads(path.read_text())
    assert stored['methods'][0]['missing_counted_as_empty'][0] == '3, class 1 (disk)'


@pytest.mark.parametrize('value', [np.nan, 4.5, -3])
def test_bad_scores_name_the_image(data, value):
    (data / 'npy').mkdir()
    for name in NAMES:
        np.save(data / f'npy/{name}.npy', np.full((3, 40, 50), 0.5 if name != '2' else value))
    with pytest.raises(ValueError, match='Image 2, predictions mine'):
        evaluate(data, pred='npy')


def test_size_mismatch_names_the_image_or_resizes(data):
    write_prediction(data / 'pred', '2', np.ones((3, 20, 25)))
    with pytest.raises(ValueError, match=r'Image 2.*40 x 50 px.*got 20 x 25.*--resize'):
        evaluate(data)
    evaluate(data, protocol=replace(PROTOCOL, resize=True))
    write_prediction(data / 'pred', '1', np.ones((1, 20, 25)))
    with pytest.raises(ValueError, match='one size for image 1'):
        evaluate(data, protocol=replace(PROTOCOL, resize=True))


def test_empty_prediction_and_empty_truth(data):
    for name in NAMES:
        write_prediction(data / 'pred', name, np.zeros((3, 40, 50)))
    result = evaluate(data)
    method = result.methods['mine']
    scores = method.scores[0]
    assert [scores.scores[0].ods_f, scores.scores[0].ap] == [0, 0]
    assert np.isnan(scores.scores[2].ods_f)  # absent everywhere
    assert scores.mean.num_classes == 2
    zero = evaluate(data, absent='zero').methods['mine'].scores[0]
    assert zero.mean.num_classes == 3
    for name in NAMES:
        Image.fromarray(np.full((40, 50), 3, np.uint8)).save(data / f'labels/{name}.png')
    with pytest.raises(ValueError, match=r'disk, bar, ring.*none of the 5.*3 \(background\)'):
        evaluate(data)
    empty = class_scores(0 * method.counts, CLASSES, PROTOCOL, [0.02])
    assert np.isnan(empty[0].mean.ods_f)
    nothing = replace(method, counts=0 * method.counts, scores=empty)
    result = replace(result, methods={'mine': nothing})
    for path in write_results(result, data / 'res'):
        assert path.stat().st_size
    assert json.loads((data / 'res/results.json').read_text())['methods'][0]['scores'][0]['mean'][
        'ods_f'
    ] is None  # fmt: skip
    assert write_pr_curves(result, data / 'pr') == []
    assert worst_images(result, 'mine') == []


def test_images_without_the_class_can_be_left_out(data):
    both = [
        evaluate(data, protocol=replace(PROTOCOL, skip_absent=skip)).methods['mine']
        for skip in (False, True)
    ]
    present = both[0].counts[..., 0, 1] > 0
    assert not both[1].counts[~present].any()
    np.testing.assert_array_equal(both[1].counts[present], both[0].counts[present])


@pytest.mark.parametrize('label_values', ['files', 'index'])
def test_label_maps_at_several_tolerances(data, label_values):
    (data / 'maps').mkdir()
    for name in NAMES:
        labels = np.asarray(Image.open(data / f'labels/{name}.png'))
        Image.fromarray(np.roll(labels, 3, axis=1)).save(data / f'maps/{name}.png')
    result = evaluate(
        data, pred='maps', kind='label_map', label_values=label_values, max_dists=[0.02, 0.1],
        protocol=replace(PROTOCOL, margin=(0, 4, 4, 4)),
    )  # fmt: skip
    near, far = (scores.numbers() for scores in result.methods['mine'].scores)
    assert near['MF'] < 90
    assert far == dict(MF=100, precision=100, recall=100, num_classes=2)
    assert '1 threshold,' in result.methods['mine'].protocol.label
    write_results(result, data / 'res')
    write_pr_curves(result, data / 'pr')
    Image.fromarray(np.zeros((4, 5), np.uint8)).save(data / 'maps/0.png')
    with pytest.raises(ValueError, match=r'Image 0.*40 x 50'):
        evaluate(data, pred='maps', kind='label_map')


def test_results_and_pictures(data):
    predictions = {name: PredictionFolder(data / 'pred', CLASSES) for name in ('mine', 'the other')}
    write_prediction(data / 'pred', '1', np.zeros((3, 40, 50)))
    job = EvaluationJob(open_truth(data), predictions, PROTOCOL)
    result = evaluate_files(job, data / 'out')
    write_results(result, data / 'res')
    stored = json.loads((data / 'res/results.json').read_text())
    assert [m['name'] for m in stored['methods']] == ['mine', 'the other']
    scores = stored['methods'][0]['scores'][0]
    assert scores['classes'][2]['ods_f'] is None
    assert scores['mean']['num_classes'] == 2
    assert len(scores['classes'][0]['precision']) == len(scores['thresholds']) == 99
    rows = (data / 'res/per_image.csv').read_text().splitlines()
    row = dict(zip(rows[0].split(','), rows[1].split(','), strict=True))
    image_f = result.methods['mine'].scores[0].scores[0].image_f[0]
    assert float(row['best_f']) == pytest.approx(image_f, abs=1e-6)
    assert float(row['f_at_ods']) <= float(row['best_f']) + 1e-9
    assert worst_images(result, 'mine', 2)[0] == ('1', 0)
    assert len((data / 'res/results.csv').read_text().splitlines()) == 1 + 2 * (3 + 1)
    files = write_pr_curves(result, data / 'pr')
    assert [f.name for f in files] == ['001_disk.png', '002_bar.png', 'mean.png']
    assert Image.open(files[-1]).size == (728, 728)


def test_curves_reach_the_picture():
    recall = np.linspace(0.9, 0.1, 9)
    curve = PRCurve('a', 1 - recall, recall, (0.5, 0.5, 0.5), 0.4)
    empty, one, two = (
        plot_pr_curves(c) for c in ([], [curve], [curve, replace(curve, precision=recall)])
    )
    assert len({empty, one, two}) == 3
    assert plot_pr_curves([curve]) == one


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(num_workers=0), 'num_workers'),
        (dict(names=['x']), "such as 0.*'x'"),
        (dict(names=[]), 'none'),
        (dict(max_dists=[2.0]), 'fraction'),
    ],
)
def test_exception(data, options, message):
    with pytest.raises(ValueError, match=message):
        evaluate(data, **options)


def test_exception_methods(data):
    truth = open_truth(data)
    some = PredictionFolder(data / 'pred', CLASSES, classes=[0])
    every = PredictionFolder(data / 'pred', CLASSES)
    agnostic = replace(PROTOCOL, class_agnostic=True)
    for methods, protocol, message in (
        ({}, PROTOCOL, 'at least one'),
        ({'a/b': every}, PROTOCOL, 'a/b'),
        ({'a': every, 'b': some}, PROTOCOL, 'same classes'),
        ({'a': some}, agnostic, 'class-agnostic'),
    ):
        with pytest.raises(ValueError, match=message):
            EvaluationJob(truth, methods, protocol)
    result = evaluate_files(EvaluationJob(truth, {'a': every}, agnostic), data / 'out')
    assert result.class_names == ('all',)
