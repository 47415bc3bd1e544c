"""Small inputs after public bug reports, where they lie beside the real images."""

import shutil

import numpy as np
import pytest

from mmsteal.cli import refine as command
from mmsteal.label_formats import LABEL_FORMATS, LabelError
from tests.conftest import SHARED_DATA

CASES = SHARED_DATA.parent / 'cases'
pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason=f'no cases at {CASES}')
KINDS = {'.json': 'coco', '.xml': 'cvat'}
# What is told in place of being read, by case.
LABELME_TOLD = {
    'gbk': 'not UTF-8', 'group-id-list': r'group_id \[3\]', 'closed-linestrip': '1 linestrip',
    'shapes-null': 'none of the 1 images',
}  # fmt: skip
COCO_TOLD = {
    'a-list-at-top (results.json)': 'got a list, as the results', 'jpg-and-png-of-one-stem':
    "two images are named 'a'",
}  # fmt: skip
STUDIO_TOLD = {
    'brush-without-label': '1 brush without a label', 'json-min': 'expected the export "JSON"',
    'magic-wand-bitmask': 'no picture that can be read', 'multi-page-list-of-images':
    'Expected the address of an image', 'predictions-only': 'has no annotation', 'rotated-90':
    'turned by 90 degrees', 's3': 'never fetched', 'two-tasks-of-one-image': 'two tasks have',
}  # fmt: skip
# Drawn elsewhere than the shape that the exact masks have.
ELSEWHERE = ('label-studio-rectangle', 'vector', 'ellipse-and-brush', 'circle')


def cases(folder, pattern='*'):
    root = CASES / folder / 'data'
    return sorted(p.stem if p.is_file() else p.name for p in root.glob(pattern)) or ['none']


def exact(shape):
    mask = np.zeros(shape, bool)
    mask[(slice(30, 90), slice(40, 110)) if shape == (120, 160) else (slice(40, 120),
         slice(30, 90))] = True  # fmt: skip
    return mask


def refined(tmp_path, kind, labels, images, edges, *options):
    """Refine; exit status or message, and the reader of the result."""
    words = ['--format', kind, '--labels', labels, '--edges', edges, '--out', tmp_path / 'out']
    words += ['--workers', 0, '--contact-sheet', 0]
    words += [] if images is None else ['--images', images]
    words += ['--format-options', *options] if options else []
    with pytest.raises(SystemExit) as left:
        command.main([str(word) for word in words])
    place = tmp_path / 'out/labels'
    place = place / labels.name if labels.is_file() else place
    options = {'background': (0,)} if kind == 'png' else {}
    made = (
        LABEL_FORMATS[kind](place, images=images or labels, **options) if place.exists() else None
    )
    return left.value.code, made


def assert_right(reader, names):
    found = {item.name: reader.read(item) for item in reader.items()}
    assert sorted(found) == sorted(names)
    for name, annotation in found.items():
        mask = annotation.object_map >= 0
        expected = exact(mask.shape) if name != 'neg' else mask & False
        assert (mask & expected).sum() >= 0.98 * (mask | expected).sum(), name


@pytest.mark.parametrize('labels', ['png', 'labelme', 'ls_6.json', 'coco_6.json', 'cvat_6.xml'])
def test_portraits(tmp_path, labels):
    root = shutil.copytree(CASES / '01-exif-portrait-photo/data', tmp_path / 'in')
    kind = {'png': 'png', 'labelme': 'labelme', 'ls_6.json': 'label_studio'}.get(labels)
    kind = kind or KINDS[(root / labels).suffix]
    options = ['background=0'] if kind == 'png' else []
    status, reader = refined(
        tmp_path, kind, root / labels, root / 'images', root / 'edges', *options
    )
    assert status == 0
    one_file = (root / labels).is_file()
    assert_right(reader, ['photo_o6'] if one_file else ['photo_o3', 'photo_o6'])


@pytest.mark.parametrize(
    ('kind', 'labels'),
    [
        ('png', 'png'), ('labelme', 'labelme'), ('label_studio', 'ls.json'),
        ('coco', 'coco.json'), ('cvat', 'cvat.xml'),
    ],
)  # fmt: skip
def test_negatives(tmp_path, kind, labels):
    root = shutil.copytree(CASES / '03-negatives-lost/data', tmp_path / 'in')
    options = ['background=0'] if kind == 'png' else []
    status, reader = refined(
        tmp_path, kind, root / labels, root / 'images', root / 'edges', *options
    )
    assert status == 0
    assert_right(reader, ['a', 'neg'])


def check_variant(tmp_path, kind, labels, images, edges, told, capsys):
    status, reader = refined(tmp_path, kind, labels, images, edges)
    if told is None:
        assert status == 0
        (item,) = reader.items()
        if labels.stem not in ELSEWHERE:
            assert_right(reader, [item.name])
    else:
        with pytest.raises(LabelError, match=told):
            raise LabelError(f'{status} {capsys.readouterr().err}')


@pytest.mark.parametrize('case', cases('04-labelme-variants'))
def test_labelme_variants(tmp_path, case, capsys):
    if case in ('oj_edges', 'none', 'other-json'):
        return
    root = shutil.copytree(CASES / '04-labelme-variants/data', tmp_path / 'in')
    labels = root / case
    labels = labels / 'l' if case == 'images-beside-the-labels-folder' else labels
    edges = root / case / 'edges_' if case != 'gbk' else root / 'oj_edges'
    images = labels if case != 'images-beside-the-labels-folder' else None
    check_variant(tmp_path, 'labelme', labels, images, edges, LABELME_TOLD.get(case), capsys)


@pytest.mark.parametrize('case', cases('05-coco-variants', '*.json'))
def test_coco_variants(tmp_path, case, capsys):
    pytest.importorskip('pycocotools')
    root = shutil.copytree(CASES / '05-coco-variants/data', tmp_path / 'in')
    images = root / ('images2' if case == 'jpg-and-png-of-one-stem' else 'images')
    labels = root / f'{case}.json'
    check_variant(tmp_path, 'coco', labels, images, root / 'edges', COCO_TOLD.get(case), capsys)


@pytest.mark.parametrize('case', cases('08-label-studio-variants', '*.json'))
def test_label_studio_variants(tmp_path, case, capsys):
    root = shutil.copytree(CASES / '08-label-studio-variants/data', tmp_path / 'in')
    labels, told = root / f'{case}.json', STUDIO_TOLD.get(case)
    check_variant(tmp_path, 'label_studio', labels, root / 'images', root / 'edges', told, capsys)
