"""Datumaro, CVAT's own library of formats: `pip install mmsteal[clients]`."""

import shutil

import numpy as np
import pytest
from PIL import Image

from mmsteal.label_formats import CocoFormat, CvatFormat, VocFormat
from tests.clients.scenes import CLASSES, SIZE, assert_same, masks, read_masks, write_scene

dm = pytest.importorskip('datumaro', reason='datumaro is not installed: mmsteal[clients]')


def masks_of(dataset, name):
    """Masks of an item by class."""
    categories = dataset.categories()[dm.AnnotationType.label]
    item = next(item for item in dataset if item.id.rpartition('/')[2] == name)
    found = {}
    for entry in item.annotations:
        if entry.type in (dm.AnnotationType.polygon, dm.AnnotationType.mask):
            mask = np.asarray(entry.image, bool) if hasattr(entry, 'image') else filled(entry)
            label = categories[entry.label].name
            found[label] = found.get(label, np.zeros(SIZE, bool)) | mask
    return found


def filled(polygon):
    mask_api = pytest.importorskip('pycocotools.mask')
    return mask_api.decode(mask_api.frPyObjects([polygon.points], *SIZE))[..., 0].astype(bool)


def without_background(found):
    return {name: mask for name, mask in found.items() if name in CLASSES}


def scene(root):
    """The scene as a data set of Datumaro, an item without annotations beside it."""
    items = []
    for name in 'ab':
        path = root / 'source' / f'{name}.png'
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((*SIZE, 3), np.uint8)).save(path)
        found = [
            dm.Mask(mask.astype(np.uint8), label=index, id=index + 1, group=index + 1)
            for index, mask in enumerate(masks().values())
        ]
        items.append(
            dm.DatasetItem(
                name, subset='train', media=dm.Image.from_file(str(path)),
                annotations=found if name == 'a' else [],
            )
        )  # fmt: skip
    return dm.Dataset.from_iterable(items, categories=list(CLASSES))


def test_coco(tmp_path):
    pytest.importorskip('pycocotools')
    (path,) = write_scene(tmp_path, 'coco', classes=CLASSES)
    (tmp_path / 'set/annotations').mkdir(parents=True)
    shutil.copy(path, tmp_path / 'set/annotations/instances_train.json')
    shutil.copytree(tmp_path / 'images', tmp_path / 'set/images/train')
    dataset = dm.Dataset.import_from(str(tmp_path / 'set'), 'coco_instances')
    assert_same(masks_of(dataset, 'a'), masks())
    assert masks_of(dataset, 'b') == {}
    scene(tmp_path).export(str(tmp_path / 'theirs'), 'coco_instances', save_media=True)
    reader = CocoFormat(
        tmp_path / 'theirs/annotations/instances_train.json',
        images=tmp_path / 'theirs/images/train',
    )
    assert [item.name for item in reader.items()] == ['a', 'b']
    # It writes masks as crowds, which are ignored.
    annotation = reader.read(reader.items()[0])
    np.testing.assert_array_equal(annotation.ignore, np.any(list(masks().values()), axis=0))


def test_coco_polygons_and_boxes(tmp_path):
    pytest.importorskip('pycocotools')
    (tmp_path / 'source').mkdir()
    Image.fromarray(np.zeros((*SIZE, 3), np.uint8)).save(tmp_path / 'source/a.png')
    annotations = [
        dm.Polygon([5, 5, 25, 5, 25, 20, 5, 20], label=0, id=1, group=1),
        dm.Bbox(2, 25, 10, 8, label=1, id=2, group=2),
    ]
    media = dm.Image.from_file(str(tmp_path / 'source/a.png'))
    item = dm.DatasetItem('a', subset='train', media=media, annotations=annotations)
    dataset = dm.Dataset.from_iterable([item], categories=list(CLASSES))
    dataset.export(str(tmp_path / 'theirs'), 'coco_instances', save_media=True)
    reader = CocoFormat(
        tmp_path / 'theirs/annotations/instances_train.json',
        images=tmp_path / 'theirs/images/train',
    )
    found = reader.read(reader.items()[0])
    assert [entry.name for entry in found.objects] == ['car']
    assert (found.object_map[5:20, 5:25] == 0).all()
    assert found.unread == {'annotation without a mask': 1}


@pytest.mark.parametrize('shape', ['polygon', 'mask'])
def test_cvat(tmp_path, shape):
    (path,) = write_scene(tmp_path, 'cvat', shape=shape)
    shutil.copytree(tmp_path / 'images', tmp_path / 'labels/images')
    dataset = dm.Dataset.import_from(str(path), 'cvat')
    assert_same(masks_of(dataset, 'a'), masks())
    assert masks_of(dataset, 'b') == {}
    scene(tmp_path).export(str(tmp_path / 'theirs'), 'cvat', save_media=True)
    reader = CvatFormat(tmp_path / 'theirs/train.xml')
    assert_same(read_masks(reader, 'a'), masks())
    assert read_masks(reader, 'b') == {}


def test_voc(tmp_path):
    write_scene(tmp_path, 'voc')
    root = tmp_path / 'set'
    shutil.copytree(tmp_path / 'labels', root)
    shutil.copytree(tmp_path / 'images', root / 'JPEGImages')
    (root / 'ImageSets/Segmentation').mkdir(parents=True, exist_ok=True)
    (root / 'ImageSets/Segmentation/train.txt').write_text('a\nb\n')
    dataset = dm.Dataset.import_from(str(root), 'voc_segmentation')
    assert_same(without_background(masks_of(dataset, 'a')), masks())
    assert without_background(masks_of(dataset, 'b')) == {}
    assert_same(read_masks(VocFormat(root, split='train'), 'a'), masks())
