"""Labels of one format written in another."""

import ast
import dataclasses
import json
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import mmsteal.label_formats
from mmsteal.label_formats import (
    LABEL_FORMATS,
    AnnotatedObject,
    Annotation,
    CityscapesFormat,
    CocoFormat,
    LabelError,
    LabelItem,
    LabelmeFormat,
    LabelPngFormat,
    Region,
    SbdFormat,
    VocFormat,
    open_label_format,
)
from tests.label_formats.helpers import SIZE, write_image


@pytest.fixture
def source(tmp_path):
    """Two cars, a person with a hole, ignored pixels, and pixels of nobody."""
    object_map = np.full(SIZE, -1, np.int32)
    object_map[5:30, 5:20] = 0
    object_map[5:30, 20:35] = 1
    object_map[8:28, 38:55] = 2
    object_map[12:18, 42:48] = -1
    ignore = np.zeros(SIZE, bool)
    ignore[35:] = True
    objects = tuple(
        AnnotatedObject(name, name, i, (i,)) for i, name in enumerate(['car', 'car', 'person'], 1)
    )
    write_image(tmp_path / 'images' / 'sub' / 'a_leftImg8bit.png')
    write_image(tmp_path / 'images' / 'sub' / 'a.png')
    image = tmp_path / 'images' / 'sub' / 'a.png'
    item = LabelItem('sub/a', image, ())
    return item, Annotation('sub/a', object_map, objects, ignore, format='elsewhere')


def reopen(name, out, images):
    if name == 'png':
        return LabelPngFormat(
            out / 'labels', images=images, instances=out / 'instances', background=(0,)
        )
    if name == 'coco':
        return CocoFormat(out / 'instances.json', images=images)
    if name == 'cityscapes':
        return CityscapesFormat(out, images=images)
    return LABEL_FORMATS[name](out, images=images)


WRITERS = {
    'png': dict(classes={'car': 3, 'person': 7}, background=(0,), write_instances=True),
    'voc': {},
    'sbd': {},
    'labelme': {},
    'coco': dict(classes={'car': 3, 'person': 1}),
    'cityscapes': {},
}


@pytest.mark.parametrize('name', WRITERS)
def test_written_and_read_again(source, tmp_path, name):
    if name == 'coco':
        pytest.importorskip('pycocotools')
    item, annotation = source
    writer = open_label_format(name, **WRITERS[name])
    paths = writer.write(item, annotation, annotation.object_map, tmp_path / 'out')
    writer.finish(tmp_path / 'out', [item])
    assert paths
    reader = reopen(name, tmp_path / 'out', tmp_path / 'images')
    (found,) = reader.items()
    again = reader.read(found)
    assert len(again.objects) == 3
    if reader.class_names and name != 'png':
        assert sorted(str(o.name) for o in again.objects) == ['car', 'car', 'person']
    where = ~annotation.ignore
    for index in range(3):
        mask = annotation.object_map == index
        (same,) = np.unique(again.object_map[mask])
        np.testing.assert_array_equal((again.object_map == same)[where], mask[where])
    if name != 'cityscapes':  # there they are unlabeled, as the pixels of nobody
        np.testing.assert_array_equal(again.ignore, annotation.ignore)


def test_unclaimed_is_never_a_class_by_accident(source, tmp_path):
    item, annotation = source
    writer = LabelPngFormat(classes={'car': 0, 'person': 1})
    (path,) = writer.write(item, annotation, annotation.object_map, tmp_path / 'out')
    values = np.asarray(Image.open(path))
    assert (values[annotation.object_map < 0] == 255).all()


@pytest.mark.parametrize('name', ['png', 'voc', 'coco', 'cityscapes', 'sbd', 'labelme'])
def test_unknown_classes_are_named(source, tmp_path, name):
    if name == 'coco':
        pytest.importorskip('pycocotools')
    item, annotation = source
    odd = Annotation(
        'sub/a', annotation.object_map, (AnnotatedObject('gnu', 'gnu'),) * 3, annotation.ignore
    )
    options = {'classes': {'car': 1}} if name in ('png', 'coco', 'labelme') else {}
    writer = open_label_format(name, **options)
    with pytest.raises(LabelError, match=rf"sub/a: the class 'gnu' (.|\n)*{name!r}"):
        writer.write(item, odd, odd.object_map, tmp_path / 'out')
    assert not (tmp_path / 'out').exists()


def test_groups_have_no_instances(source, tmp_path):
    item, annotation = source
    objects = (AnnotatedObject(3, 'car'), AnnotatedObject(3, 'car'), AnnotatedObject(7, 'person'))
    classless = Annotation('sub/a', annotation.object_map, objects, annotation.ignore)
    writer = CityscapesFormat()
    writer.write(item, classless, annotation.object_map, tmp_path)
    path = tmp_path / 'gtFine' / 'sub' / 'a_gtFine_instanceIds.png'
    assert set(np.unique(np.asarray(Image.open(path)))) == {0, 24, 26}


@pytest.mark.shared_data
def test_voc_to_all(shared_data, tmp_path):
    reader = VocFormat(shared_data / 'voc2012')
    item = reader.items()[0]
    annotation = reader.read(item)
    for name, options in (
        ('labelme', {}),
        ('sbd', {}),
        ('png', dict(classes=reader.classes, background=(0,))),
    ):
        writer = open_label_format(name, **options)
        assert writer.write(item, annotation, annotation.object_map, tmp_path / name)
    labels = np.asarray(Image.open(item.labels[0]))
    np.testing.assert_array_equal(
        np.asarray(Image.open(tmp_path / 'png' / f'{item.name}.png')), labels
    )
    sbd = SbdFormat(tmp_path / 'sbd', images=shared_data / 'voc2012' / 'JPEGImages').read(
        LabelItem(item.name, item.image, (tmp_path / 'sbd' / 'cls' / f'{item.name}.mat',))
    )
    np.testing.assert_array_equal(sbd.object_map, annotation.object_map)
    labelme = LabelmeFormat(tmp_path / 'labelme', images=shared_data / 'voc2012' / 'JPEGImages')
    found = labelme.read(labelme.items()[0])
    assert {o.name for o in found.objects} == {o.name for o in annotation.objects}
    np.testing.assert_array_equal(found.ignore, annotation.ignore)
    names = np.array([*(o.name for o in found.objects), ''])
    wanted = np.array([*(str(o.name) for o in annotation.objects), ''])
    np.testing.assert_array_equal(names[found.object_map], wanted[annotation.object_map])


def test_formats_travel_to_workers(source, tmp_path):
    item, annotation = source
    writer = pickle.loads(pickle.dumps(open_label_format('voc')))
    copy = pickle.loads(pickle.dumps(annotation))
    assert writer.write(item, copy, copy.object_map, tmp_path)
    if 'pycocotools' in sys.modules:
        assert pickle.loads(pickle.dumps(CocoFormat(classes={'car': 1}))).classes == {'car': 1}


def test_the_package_needs_no_network_library():
    allowed = {'numpy', 'scipy', 'skimage', 'cv2', 'PIL', 'pycocotools', '__future__'}
    parts = ('label_formats', 'functional', 'files', 'input_files', 'text_lists')
    own = tuple(f'mmsteal.{name}' for name in parts)
    folder = Path(mmsteal.label_formats.__file__).parent
    for path in folder.glob('*.py'):
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module]
            for name in names:
                top = name.split('.')[0]
                assert name.startswith(own) or top in allowed or top in sys.stdlib_module_names, (
                    f'{path.name}: {name}'
                )


def test_coco_names_the_images_that_there_are(tmp_path):
    pytest.importorskip('pycocotools')
    image = tmp_path / 'leftImg8bit' / 'val' / 'town' / 'town_1_2_leftImg8bit.png'
    write_image(image)
    labels = np.zeros(SIZE, np.uint8)
    labels[5:15, 5:15] = 26
    folder = tmp_path / 'gtFine' / 'val' / 'town'
    folder.mkdir(parents=True)
    Image.fromarray(labels).save(folder / 'town_1_2_gtFine_labelIds.png')
    source = CityscapesFormat(tmp_path, split='val')
    (item,) = source.items()
    annotation = source.read(item)
    writer = CocoFormat(classes={'car': 1})
    writer.write(item, annotation, annotation.object_map, tmp_path / 'out')
    (path,) = writer.finish(tmp_path / 'out', [item])
    reader = CocoFormat(path, images=image.parents[1])
    assert not reader.problems()
    (found,) = reader.items()
    assert found.image == image
    np.testing.assert_array_equal(reader.read(found).object_map, annotation.object_map)


def test_coco_gets_a_crowd_of_each_category(source, tmp_path):
    coco = pytest.importorskip('pycocotools.mask')
    item, annotation = source
    writer = CocoFormat(classes={'car': 3, 'person': 1})
    writer.write(item, annotation, annotation.object_map, tmp_path)
    (path,) = writer.finish(tmp_path, [item])
    entries = json.loads(path.read_text())['annotations']
    crowds = [entry for entry in entries if entry['iscrowd']]
    assert [entry['category_id'] for entry in crowds] == [3, 1]
    for crowd in crowds:
        mask = coco.decode(coco.frPyObjects(crowd['segmentation'], *SIZE))
        np.testing.assert_array_equal(mask, annotation.ignore)
        assert crowd['area'] == annotation.ignore.sum()


@pytest.mark.parametrize('beneath', [True, False])
def test_coco_shows_who_is_in_front(source, tmp_path, beneath):
    pytest.importorskip('pycocotools')
    item, annotation = source
    front = np.zeros(SIZE, bool)
    front[2:30, 10:50] = True
    object_map = np.where(front, 0, -1).astype(np.int32)
    object_map[10:20, 5:10] = 1
    behind = np.zeros(SIZE, bool)
    behind[10:20, 10:20] = True
    # A small object behind a large one; and the large one lost a pixel that the other has.
    hidden = {1: Region.of(behind)}
    annotation = dataclasses.replace(annotation, object_map=object_map, hidden=hidden)
    wanted = object_map.copy()
    wanted[12, 12] = -1
    writer = CocoFormat(classes={'car': 3, 'person': 1})
    writer.write(item, annotation, wanted, tmp_path, beneath=beneath)
    (path,) = writer.finish(tmp_path, [item])
    reader = CocoFormat(path, images=tmp_path / 'images')
    found = reader.read(reader.items()[0])
    assert [o.instance for o in found.objects] == [1, 2]
    wanted[12, 12] = 1 if beneath else -1
    np.testing.assert_array_equal(found.object_map, wanted)
    np.testing.assert_array_equal(found.ignore, annotation.ignore & (wanted < 0))
