"""No object is an answer in every format: read, written, converted, and never left out."""

import json
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from mmsteal.label_formats import LABEL_FORMATS, AnnotatedObject, Annotation, LabelItem
from tests.label_formats.helpers import SIZE, write_image

# The table of Cityscapes and VOC has it too.
CLASSES = {'car': 7}
WRITERS = {
    'png': dict(classes=CLASSES, background=(0,)),
    'voc': {},
    'sbd': {},
    'cityscapes': {},
    'coco': dict(classes=CLASSES),
    'labelme': {},
    'cvat': {},
    'label_studio': {},
}
FILES = {'coco': 'instances.json', 'cvat': 'annotations.xml', 'label_studio': 'tasks.json'}
ENDINGS = {'cityscapes': '_leftImg8bit'}


def annotation_of(name, *, empty):
    object_map = np.full(SIZE, -1, np.int32)
    objects = ()
    if not empty:
        object_map[5:20, 8:30] = 0
        objects = (AnnotatedObject(7, 'car', 1),)
    return Annotation(name, object_map, objects, np.zeros(SIZE, bool), format='elsewhere')


def written(tmp_path, kind):
    """Three images in a format, the one in the middle and the last without objects."""
    writer = LABEL_FORMATS[kind](**WRITERS[kind])
    items = []
    for name in 'abc':
        image = tmp_path / 'images' / f'{name}{ENDINGS.get(kind, "")}.png'
        write_image(image)
        items.append(LabelItem(name, image, ()))
        annotation = annotation_of(name, empty=name != 'a')
        writer.write(items[-1], annotation, annotation.object_map, tmp_path / 'in')
    writer.finish(tmp_path / 'in', items)
    return opened(kind, tmp_path / 'in', tmp_path)


def opened(kind, root, tmp_path):
    options = {'background': (0,), 'classes': CLASSES} if kind == 'png' else {}
    place = root / FILES.get(kind, '.')
    return LABEL_FORMATS[kind](place, images=tmp_path / 'images', **options)


@pytest.mark.parametrize('kind', WRITERS)
def test_read_and_written_again(tmp_path, kind):
    if kind == 'coco':
        pytest.importorskip('pycocotools')
    reader = written(tmp_path, kind)
    assert reader.problems() == []
    items = reader.items()
    assert [item.name for item in items] == ['a', 'b', 'c']
    for item in items:
        annotation = reader.read(item)
        assert len(annotation.objects) == (item.name == 'a')
        if item.name != 'a':
            assert (annotation.object_map == -1).all()
        reader.write(item, annotation, annotation.object_map, tmp_path / 'out')
    reader.finish(tmp_path / 'out', items)
    again = opened(kind, tmp_path / 'out', tmp_path)
    assert [len(again.read(item).objects) for item in again.items()] == [1, 0, 0]


def test_images_keep_their_places_in_cvat(tmp_path):
    """CVAT finds an image by its place among all of the task."""
    pytest.importorskip('pycocotools')
    source = written(tmp_path, 'coco')
    writer = LABEL_FORMATS['cvat']()
    for item in source.items():
        annotation = source.read(item)
        writer.write(item, annotation, annotation.object_map, tmp_path / 'cvat')
    (path,) = writer.finish(tmp_path / 'cvat', source.items())
    places = [(e.get('id'), e.get('name')) for e in ET.parse(path).iter('image')]
    assert places == [('0', 'a.png'), ('1', 'b.png'), ('2', 'c.png')]


def test_a_task_that_nobody_has_labelled_is_none(tmp_path):
    reader = written(tmp_path, 'label_studio')
    path = tmp_path / 'in' / 'tasks.json'
    tasks = json.loads(path.read_text())
    tasks[0]['annotations'] = [{'result': None}]
    tasks[1]['annotations'][0]['was_cancelled'] = True
    path.write_text(json.dumps(tasks))
    reader = opened('label_studio', tmp_path / 'in', tmp_path)
    assert [item.name for item in reader.items()] == ['c']
    assert reader.problems() == []
    tasks[2]['annotations'] = []
    path.write_text(json.dumps(tasks))
    reader = opened('label_studio', tmp_path / 'in', tmp_path)
    assert reader.items() == []
    assert 'has no annotation; drafts and predictions' in str(reader.problems()[0])
