"""Photographs with rough and careful labels, and what the report of the demo says of them."""

import io
import json

import numpy as np
import pytest
import skimage
from PIL import Image
from scipy import ndimage

from mmsteal.demo import photographs
from mmsteal.demo.photograph_section import ERROR_PX, Source, photograph_section
from mmsteal.demo.photographs import LABELS, PHOTOGRAPHS, PhotographFolder
from mmsteal.demo.run_demo import packaged_model
from mmsteal.functional import gradient_edges
from mmsteal.functional.labels.mask_outline import mask_outline
from mmsteal.visualization.report import Figure, Table

OBJECTS = {
    'coffee': ('saucer', 'spoon', 'cup'),
    'astronaut': ('astronaut', 'helmet'),
    'motorcycle': ('seat', 'tank', 'headlight'),
    'cat': ('eye', 'eye', 'nose'),
    'rocket': ('rocket',),
}


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return PhotographFolder(tmp_path_factory.mktemp('photographs'))


def test_every_photograph_is_there_as_it_is(folder):
    found = {photo.name: photo for photo in folder.read()}
    assert {name: photo.classes for name, photo in found.items()} == OBJECTS
    for name, original in PHOTOGRAPHS.items():
        pixels = getattr(skimage.data, original)()
        pixels = pixels[0] if isinstance(pixels, tuple) else pixels
        np.testing.assert_array_equal(found[name].image, pixels[..., :3])
        assert found[name].rough.shape == found[name].careful.shape == pixels.shape[:2]


def test_both_kinds_of_labels_have_the_same_objects():
    for name, classes in OBJECTS.items():
        for kind in ('rough', 'careful'):
            shapes = json.loads((LABELS / kind / f'{name}.json').read_text())['shapes']
            objects = {(s['label'], s['group_id'] or index) for index, s in enumerate(shapes)}
            labels = [label for label, _ in objects if label != '__ignore__']
            assert sorted(labels) == sorted(classes)


def test_rough_outlines_are_as_far_off_as_methods_are_told(folder):
    distances = []
    for photo in folder.read():
        open_ = ~ndimage.binary_dilation(photo.ignored, iterations=1)
        for index in range(len(photo.classes)):
            rough, careful = photo.rough == index, (photo.careful == index) | photo.ignored
            both = (rough & careful & open_).sum() / ((rough | careful) & open_).sum()
            assert 0.5 < both < 0.97
            away = ndimage.distance_transform_edt(~mask_outline(careful))
            distances.append(away[mask_outline(rough) & open_])
    assert np.percentile(np.concatenate(distances), 95) < ERROR_PX
    assert np.percentile(np.concatenate(distances), 90) > 0.75 * ERROR_PX


def test_refined_labels_are_labelme_files_beside_the_photographs(folder):
    photo = folder.read()[0]
    folder.write(photo.name, photo.careful)
    path = folder.folder / 'refined' / 'coffee.json'
    document = json.loads(path.read_text())
    assert (path.parent / document['imagePath']).is_file()
    assert {shape['label'] for shape in document['shapes']} == set(photo.classes)


def tables_and_figures(section):
    (table,) = (block for block in section.blocks if isinstance(block, Table))
    rows = {row[0]: dict(zip(table.header[1:], row[1:], strict=True)) for row in table.rows}
    return rows, [block for block in section.blocks if isinstance(block, Figure)]


@pytest.fixture
def two(monkeypatch):
    """The two photographs that take the least time."""
    monkeypatch.setattr(photographs, 'PHOTOGRAPHS', {'cat': 'chelsea', 'rocket': 'rocket'})


@pytest.mark.usefixtures('two')
def test_section(tmp_path):
    """A model that sees the gradient refines as the gradient does."""
    model = Source('model', lambda image: gradient_edges(image)[None])
    section = photograph_section(tmp_path, model)
    rows, figures = tables_and_figures(section)
    assert list(rows) == [
        'as drawn',
        'nearest label',
        'GrabCut',
        'level sets, model',
        'level sets, color gradient',
        'joint labelling, color gradient',
        'joint labelling, model',
    ]
    for row in rows.values():
        assert row['mean'] == pytest.approx((row['cat'] + row['rocket']) / 2)
    for engine in ('level sets', 'joint labelling'):
        pair = [rows[f'{engine}, {name}'] for name in ('model', 'color gradient')]
        assert [row['cat'] for row in pair] == [pair[0]['cat']] * 2
    assert rows['joint labelling, model']['mean'] > rows['as drawn']['mean'] + 5
    assert [figure.caption.split(':')[0] for figure in figures] == ['Cat', 'Rocket']
    for figure in figures:
        picture = Image.open(io.BytesIO(figure.image))
        assert picture.format == 'JPEG'
        assert picture.width == 3 * 480 + 2 * 12
    refined = sorted(path.name for path in (tmp_path / 'refined').iterdir())
    assert refined == ['cat.json', 'rocket.json']


def test_the_model_of_the_package(folder):
    """It draws the outline of the astronaut's head before the plain wall, and no edge on it."""
    photo = folder.read()[1]
    edges = packaged_model().find(photo.image)
    assert edges.shape == (1, 512, 512)
    outline = mask_outline(photo.careful == 0)[:120]
    near = ndimage.binary_dilation(outline, iterations=3)
    away = ~ndimage.binary_dilation(photo.careful[:120] >= 0, iterations=20)
    away[:, :140] = away[:, 340:] = False
    assert np.median(edges[0, :120][near]) > 4 * np.median(edges[0, :120][away])
