"""The scripts of Cityscapes: `pip install mmsteal[clients]`."""

import shutil

import numpy as np
import pytest
from PIL import Image

from mmsteal.label_formats import CityscapesFormat
from tests.clients.scenes import SIZE, assert_same, masks, read_masks, write_scene

pytest.importorskip(
    'cityscapesscripts', reason='cityscapesscripts is not installed: mmsteal[clients]'
)
from cityscapesscripts.helpers.annotation import Annotation
from cityscapesscripts.helpers.labels import name2label
from cityscapesscripts.preparation.json2instanceImg import createInstanceImage
from cityscapesscripts.preparation.json2labelImg import createLabelImage


@pytest.fixture
def written(tmp_path):
    write_scene(tmp_path, 'cityscapes', ending='_leftImg8bit', split='train')
    shutil.copytree(tmp_path / 'images', tmp_path / 'labels/leftImg8bit/train')
    return tmp_path / 'labels'


def picture(folder, role):
    return np.asarray(Image.open(folder / f'gtFine/train/a_gtFine_{role}.png'))


def test_label_ids_are_theirs(written):
    found = picture(written, 'labelIds')
    assert_same({name: found == name2label[name].id for name in masks()}, masks())


def test_polygons_are_drawn_alike(written):
    """Of a file with polygons, changed and drawn again by the scripts."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    document = written / 'gtFine/train/a_gtFine_polygons.json'
    document.write_text(
        '{"imgHeight": 40, "imgWidth": 60, "objects": ['
        '{"label": "road", "polygon": [[0, 0], [59, 0], [59, 39], [0, 39]]},'
        '{"label": "car", "polygon": [[5, 4], [29, 4], [29, 21], [5, 21]]},'
        '{"label": "person", "polygon": [[35, 10], [50, 12], [45, 30], [33, 25]]}]}'
    )
    for role in ('labelIds', 'instanceIds', 'labelTrainIds', 'color'):
        (written / f'gtFine/train/a_gtFine_{role}.png').unlink(missing_ok=True)
    annotation = Annotation()
    annotation.fromJsonFile(str(document))
    Image.fromarray(np.asarray(createLabelImage(annotation, 'ids'))).save(
        document.with_name('a_gtFine_labelIds.png')
    )
    createInstanceImage(annotation, 'ids').save(document.with_name('a_gtFine_instanceIds.png'))
    reader = CityscapesFormat(written, split='train')
    item = next(item for item in reader.items() if item.name == 'a')
    found = reader.read(item)
    assert [entry.name for entry in found.objects] == ['road', 'car', 'person']
    assert not found.notes
    changed = found.object_map.copy()
    changed[(np.hypot(y - 12, x - 17) < 12) & (found.object_map != 2)] = 1
    out = written.parent / 'out'
    reader.write(item, found, changed, out)
    annotation = Annotation()
    annotation.fromJsonFile(str(out / 'gtFine/train/a_gtFine_polygons.json'))
    np.testing.assert_array_equal(
        np.asarray(createLabelImage(annotation, 'ids')), picture(out, 'labelIds')
    )
    np.testing.assert_array_equal(
        np.asarray(createInstanceImage(annotation, 'ids')), picture(out, 'instanceIds')
    )
    ids = [name2label[entry.name].id for entry in found.objects]
    np.testing.assert_array_equal(picture(out, 'labelIds'), np.array(ids)[changed])


def test_maps_alone_are_read(written):
    assert_same(read_masks(CityscapesFormat(written, split='train'), 'a'), masks())
