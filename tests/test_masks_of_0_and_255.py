"""Masks of 0 and 255, and sets in which nothing is found, in everything that reads folders."""

import re

import numpy as np
import pytest
import torch
from PIL import Image

from mmsteal.cli import compare, eval_edges, refine, simulate_coarse_labels, write_edge_labels
from mmsteal.edge_files import write_prediction
from mmsteal.evaluation import EdgeMetric, edge_metric
from mmsteal.functional import mask_edges
from mmsteal.label_formats import LabelError, LabelPngFormat, VocFormat

SIZE = (60, 80)
Y, X = np.mgrid[: SIZE[0], : SIZE[1]]
NAMES = ('a', 'b', 'c')


def shape(radius):
    """Bright on the images from 18 px on; drawn too small."""
    return np.hypot(Y - 30, X - 40) < radius


def save(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array.astype(np.uint8)).save(path)


@pytest.fixture
def data(tmp_path):
    """The last image has no object."""
    rng = np.random.default_rng(0)
    for name in NAMES:
        true, drawn = (shape(radius) & (name != 'c') for radius in (18, 14))
        noise = rng.integers(0, 10, (*SIZE, 3))
        save(tmp_path / f'images/{name}.png', np.where(true, 200, 50)[..., None] + noise)
        for value in (1, 255):
            save(tmp_path / f'exact{value}/{name}.png', true * value)
            save(tmp_path / f'drawn{value}/{name}.png', drawn * value)
        edges = mask_edges(true.astype(np.uint8), radius=1)
        write_prediction(tmp_path / 'pred', name, edges[None].astype(np.float32))
        save(tmp_path / f'void/{name}.png', drawn * 255)
        save(tmp_path / f'nothing/{name}.png', drawn * 0)
    return tmp_path


def run(command, *words):
    """Exit status, or the message."""
    try:
        command.main([str(word) for word in words])
    except SystemExit as left:
        return left.code or 0
    return 0


def read(path):
    return np.asarray(Image.open(path))


def refined(data, labels, *options, out='out'):
    return run(
        refine, '--format', 'png', '--labels', data / labels, '--images', data / 'images',
        '--edges', data / 'pred', '--edge-classes', 'thing', '--error-px', 6, '--workers', 0,
        '--out', data / out, *(('--format-options', *options) if options else ()),
    )  # fmt: skip


@pytest.mark.parametrize(
    'options', [['background=0', 'classes.thing=255'], ['background=0'], []], ids=str
)
def test_refine(data, options):
    ones = [option.replace('=255', '=1') for option in options or ['background=0']]
    assert refined(data, 'drawn1', *ones, out='ones') == 0
    assert refined(data, 'drawn255', *options) == 0
    for name in NAMES:
        found = read(data / f'out/labels/{name}.png')
        np.testing.assert_array_equal(found, read(data / f'ones/labels/{name}.png') * 255)
        true = read(data / f'exact255/{name}.png')
        assert (found != true).sum() <= 0.1 * (true > 0).sum()


def test_a_value_that_no_sample_has_is_an_error(data):
    """It says that 255 may be the ignored value after all."""
    for i in range(60):
        save(data / f'images/{i:02d}.png', np.zeros((4, 6)))
        save(data / f'many/{i:02d}.png', np.eye(4, 6) * (1 if i == 5 else 255))
    labels = LabelPngFormat(data / 'many', images=data / 'images', background=0)
    first, *_, odd = labels.items()[:6]
    assert [entry.category for entry in labels.read(first).objects] == [255]
    with pytest.raises(LabelError, match=r'05\.png: unknown values \[1\]; expected \[0, 255\]'):
        labels.read(odd)


def test_simulate_and_compare(data):
    for value in (1, 255):
        assert run(
            simulate_coarse_labels, '--format', 'png', '--labels', data / f'exact{value}',
            '--images', data / 'images', '--error-px', 4, '--out', data / f'coarse{value}',
            '--format-options', 'background=0',
        ) == 0  # fmt: skip
    for name in NAMES:
        coarse = read(data / f'coarse255/4px/{name}.png')
        np.testing.assert_array_equal(coarse, read(data / f'coarse1/4px/{name}.png') * 255)
    assert (read(data / 'coarse255/4px/a.png') != read(data / 'exact255/a.png')).any()
    report = data / 'report.csv'
    for options in (['background=0'], ['background=0', 'classes.thing=255']):
        assert run(
            compare, data / 'drawn255', data / 'exact255', '--format', 'png', '--format-options',
            *options, '--out', report,
        ) == 0  # fmt: skip
        iou = float(report.read_text().splitlines()[1].split(',')[2])
        assert iou == pytest.approx(shape(14).sum() / shape(18).sum(), abs=1e-6)


def evaluate(data, truth, *options, pred='pred'):
    return run(
        eval_edges, '--data', 'folder', data / truth, '--names', 'thing', '--background', 0,
        '--pred', f'mine={data / pred}', '--max-dist', 0.02, '--no-plots', '--out', data / 'eval',
        *options,
    )  # fmt: skip


def score(data):
    return float((data / 'eval/results.csv').read_text().splitlines()[1].split(',')[3])


@pytest.mark.parametrize('options', [[], ['--label-values', 255]])
def test_evaluate(data, options):
    assert evaluate(data, 'exact255', *options) == 0
    assert score(data) > 0.99


@pytest.mark.parametrize('encoding', ['utf-8-sig', 'utf-16'])
def test_lists_as_editors_save_them(data, encoding):
    for folder in ('exact255', 'pred/class_001'):
        (data / folder / 'a.png').rename(data / folder / 'a photo.png')
    (data / 'list.txt').write_text('a photo.jpg\r\nb\r\n', encoding=encoding)
    assert evaluate(data, 'exact255', '--list', data / 'list.txt') == 0
    assert score(data) > 0.99
    rows = (data / 'eval/per_image.csv').read_text().splitlines()[1:]
    assert [row.split(',')[2] for row in rows] == ['a photo', 'b']


@pytest.mark.parametrize('truth', ['exact255', 'exact1'])
@pytest.mark.parametrize('pred', ['exact255', 'drawn255'])
def test_evaluate_label_maps(data, truth, pred):
    assert evaluate(data, truth, '--label-maps', 'files', pred=pred) == 0
    assert (score(data) > 0.99) == (pred == 'exact255')
    assert 'say --label-maps files' in evaluate(data, truth, '--label-maps', 'index', pred=pred)


@pytest.mark.parametrize('format', ['png', 'bin'])
def test_write_edges(data, format):
    words = ['--data', 'folder', data / 'exact255', '--names', 'thing', '--background', 0]
    assert run(write_edge_labels, data / 'edges', *words, '--format', format) == 0
    if format == 'png':
        edges = [read(data / f'edges/class_001/{name}.png') for name in NAMES]
        assert [set(np.unique(edge).tolist()) for edge in edges] == [{0, 255}, {0, 255}, {0}]


class TestNothing:
    """Runs that find nothing stop, and name the values."""

    IGNORED = r'0 \(background\), 255 \(ignored\)'

    @pytest.mark.parametrize(
        ('labels', 'options', 'told'),
        [
            ('void', ['background=0', 'ignore=255'], IGNORED),
            ('void', ['background=0', 'classes.thing=1'], IGNORED),
            ('nothing', ['background=0'], r'0 \(background\)'),
        ],
    )
    def test_labels(self, data, labels, options, told):
        expected = rf'error: Expected objects .*{labels}.*none of .*3 images.*{told}'
        assert re.search(expected, refined(data, labels, *options))
        message = run(
            simulate_coarse_labels, '--format', 'png', '--labels', data / labels, '--images',
            data / 'images', '--error-px', 4, '--out', data / 'coarse', '--format-options',
            *options,
        )  # fmt: skip
        assert re.search(expected, message)
        message = run(
            compare, data / labels, data / labels, '--format', 'png', '--format-options', *options
        )
        assert re.search(rf'error: Expected objects .*3 images.*{told}', message)

    @pytest.mark.parametrize(
        ('labels', 'options', 'told'),
        [
            ('void', ['--ignore', 255], IGNORED),
            ('void', ['--label-values', 1], IGNORED),
            ('nothing', [], r'0 \(background\)'),
        ],
    )
    def test_true_edges(self, data, labels, options, told):
        expected = rf'error: Expected true edges.*none of the 3 images.*{labels} hold {told}'
        assert re.search(expected, evaluate(data, labels, *options))
        message = run(
            write_edge_labels, data / 'edges', '--data', 'folder', data / labels, '--names',
            'thing', '--background', 0, *options,
        )  # fmt: skip
        assert re.search(expected, message)

    def test_predictions_of_nothing_are_told(self, data, capsys):
        for name in NAMES:
            save(data / f'pred/class_001/{name}.png', np.zeros(SIZE))
        assert evaluate(data, 'exact1') == 0
        assert 'WARNING: mine predicts no edge in any image' in capsys.readouterr().out

    def test_metric(self, monkeypatch):
        told = []
        monkeypatch.setattr(edge_metric, 'print_log', lambda text, **_: told.append(text))
        metric = EdgeMetric(max_dist=0.02)
        metric.dataset_meta = dict(classes=('thing',))
        labels = np.where(shape(14), 255, 1)[None]
        sample = dict(
            img_path='a.jpg',
            pred_edge_map=dict(data=torch.zeros(1, *SIZE)),
            gt_sem_seg=dict(data=torch.from_numpy(labels)),
        )
        metric.process({}, [sample])
        assert np.isnan(metric.evaluate(1)['edge/MF_ODS'])
        assert re.search(r'thing in any of 1 images.*1 \(background\), 255 \(ig', told[0])


class TestOneFolder:
    def test_images_and_masks_side_by_side(self, data):
        for name in NAMES:
            image = Image.open(data / f'images/{name}.png')
            image.save(data / f'drawn1/{name}.jpg', quality=95)
        words = ['--format', 'png', '--labels', data / 'drawn1', '--images', data / 'drawn1']
        words += ['--out', data / 'out', '--workers', 0, '--format-options', 'background=0']
        assert 'a.jpg has the same name; keep one' in run(refine, *words)
        assert run(refine, *words, 'image_suffix=.jpg') == 0

    def test_an_image_is_not_its_own_label(self, data):
        words = ['--format', 'png', '--labels', data / 'drawn1', '--images', data / 'drawn1']
        message = run(refine, *words, '--out', data / 'out', '--format-options', 'background=0')
        assert 'would be its own label; give the folder of the images' in message


def test_what_is_a_class_is_not_told_to_be_ignored():
    for make in (LabelPngFormat, VocFormat):
        assert make(classes={'x': 255}, unclaimed=0).ignore == ()
        with pytest.raises(ValueError, match=r'not to be ignored, but got \[255\]'):
            make(classes={'x': 255}, ignore=255, unclaimed=0)
