"""Sets of masks after public reports, where they lie beside the real images."""

import re
import shutil

import numpy as np
import pytest
from mmengine.registry import init_default_scope
from PIL import Image

from mmsteal.cli import eval_edges, refine
from mmsteal.datasets import EdgeDataset
from tests.conftest import SHARED_DATA
from tests.test_masks_of_0_and_255 import run

CASES = SHARED_DATA.parent / 'cases'

pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason=f'no folder {CASES}')


@pytest.fixture
def case(tmp_path):
    """A copy of a folder, since no tool may write into the original."""
    return lambda name: shutil.copytree(CASES / name / 'data', tmp_path / 'data')


def read(path):
    return np.asarray(Image.open(path))


@pytest.mark.parametrize(
    ('labels', 'options'),
    [
        ('labels', ['background=0', 'classes.thing=255']),
        ('labels', ['background=0']),
        ('labels', []),
        ('labels01', ['background=0', 'classes.thing=1']),
    ],
)
def test_binary_masks_are_refined(case, tmp_path, labels, options):
    data = case('02-binary-0-255')
    words = ['--format-options', *options] if options else []
    assert run(
        refine, '--format', 'png', '--labels', data / labels, '--images', data / 'images',
        '--edges', data / 'edges', '--out', tmp_path / 'out', '--workers', 0, *words,
    ) == 0  # fmt: skip
    found, exact = read(tmp_path / 'out/labels/a.png') > 0, read(data / 'exact/a.png') > 0
    assert (found & exact).sum() / (found | exact).sum() > 0.98


@pytest.mark.parametrize('options', [[], ['--label-values', 255]])
def test_binary_masks_are_scored(case, tmp_path, options):
    data = case('02-binary-0-255')
    assert run(
        eval_edges, '--data', 'folder', data / 'exact', '--names', 'thing', '--background', 0,
        '--pred', f'p={data / "pred"}', '--max-dist', 0.0075, '--out', tmp_path / 'eval', *options,
    ) == 0  # fmt: skip
    rows = (tmp_path / 'eval/results.csv').read_text().splitlines()
    assert float(rows[1].split(',')[3]) > 0.95


@pytest.mark.parametrize(
    ('labels', 'images', 'message'),
    [
        ('b255', 'images', None),
        ('b01', 'images', None),
        ('empty', 'images', r'none of the 6 label maps.*0 \(background\)'),
        ('together', 'together', r"img_suffix='\.jpg'"),
    ],
)
def test_masks_to_train_on(case, labels, images, message):
    init_default_scope('mmseg')
    options = dict(
        data_root=str(case('10-training')),
        data_prefix=dict(img_path=f'{images}/train', seg_map_path=f'{labels}/train'),
        metainfo=dict(classes=('thing',)),
        background=0,
        pipeline=[dict(type='LoadImageFromFile'), dict(type='LoadEdgeAnnotations')],
    )
    if message is not None:
        with pytest.raises(ValueError, match=message):
            EdgeDataset(**options)
        return
    data = EdgeDataset(**options)
    assert [np.unique(data[i]['gt_seg_map']).tolist() for i in range(6)] == [[0, 1]] * 6


def test_class_map_with_a_byte_order_mark(case, tmp_path):
    data = case('15-more')
    assert run(
        refine, '--format', 'labelme', '--labels', data / 'lm', '--images', data / 'images',
        '--edges', data / 'edges', '--class-map', data / 'map_bom.txt', '--out', tmp_path / 'out',
        '--workers', 0,
    ) == 0  # fmt: skip


@pytest.mark.parametrize(
    ('truth', 'ok'),
    [
        ('truth 0/1 png in the folder', True),
        ('truth 0/255 png in the folder', True),
        ('truth 1-bit png', True),
        ('truth 0/128/255 (BIPED, soft)', False),
    ],
)
def test_true_edges(case, tmp_path, truth, ok):
    data = case('17-edge-truth-0-255')
    found = run(
        eval_edges, '--data', 'edges', data / truth, '--names', 'edge', '--pred',
        f'p={data / "pred"}', '--max-dist', 0.0075, '--no-drop-interior', '--out', tmp_path / 'out',
    )  # fmt: skip
    assert found == 0 if ok else re.search('threshold scores first', found)
