"""LabelMe itself: `pip install mmsteal[clients]`."""

import json

import numpy as np
import pytest
from PIL import Image

from mmsteal.label_formats import LabelmeFormat
from mmsteal.label_formats.image_files import image_size
from tests.clients.scenes import SIZE, assert_same, masks, read_masks, write_scene

labelme = pytest.importorskip('labelme', reason='labelme is not installed: mmsteal[clients]')


def drawn_by_labelme(path):
    """Masks by label, as LabelMe's own export draws the file."""
    file = labelme.LabelFile(str(path))
    names = sorted({shape['label'] for shape in file.shapes})
    values = {name: index for index, name in enumerate(names, 1)}
    classes, _ = labelme.utils.shapes_to_label(SIZE, file.shapes, values)
    return {name: classes == value for name, value in values.items()}


def test_reads_what_is_written(tmp_path):
    write_scene(tmp_path, 'labelme')
    assert_same(drawn_by_labelme(tmp_path / 'labels/a.json'), masks())
    assert labelme.LabelFile(str(tmp_path / 'labels/b.json')).shapes == []


def test_what_it_writes_is_read_as_it_draws_it(tmp_path):
    Image.fromarray(np.zeros((*SIZE, 3), np.uint8)).save(tmp_path / 'a.png')
    shapes = {
        'polygon': [[4.5, 3.5], [20.2, 5.0], [11.0, 17.0]],
        'rectangle': [[24.0, 3.0], [36.5, 15.5]],
        'circle': [[48.0, 10.0], [53.0, 13.0]],
        'oriented_rectangle': [[10.0, 22.0], [24.0, 26.0], [21.0, 36.0], [7.0, 32.0]],
    }
    entries = [
        {'label': kind, 'points': points, 'shape_type': kind, 'flags': {}, 'description': '',
         'group_id': None}
        for kind, points in shapes.items()
    ]  # fmt: skip
    file = labelme.LabelFile()
    file.save(
        filename=str(tmp_path / 'a.json'), shapes=entries, image_path='a.png',
        image_height=SIZE[0], image_width=SIZE[1],
    )  # fmt: skip
    expected = {
        kind: labelme.utils.shape_to_mask(SIZE, points, kind) for kind, points in shapes.items()
    }
    reader = LabelmeFormat(tmp_path)
    assert_same(read_masks(reader, 'a'), expected)
    # A change of each, read by LabelMe again.
    (item,) = reader.items()
    annotation = reader.read(item)
    changed = annotation.object_map.copy()
    for index in range(4):
        rows, columns = np.nonzero(changed == index)
        changed[rows.max() + 1, columns.min() : columns.max()] = index
    (path,) = reader.write(item, annotation, changed, tmp_path / 'out')
    wanted = {entry.name: changed == index for index, entry in enumerate(annotation.objects)}
    assert_same(drawn_by_labelme(path), wanted)
    assert {entry['shape_type'] for entry in json.loads(path.read_text())['shapes']} == {'polygon'}


@pytest.mark.parametrize('orientation', [1, 3, 6, 8])
def test_turns_photographs_alike(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new('RGB', (30, 20)).save(tmp_path / 'a.jpg', exif=exif)
    shown = labelme.utils.img_data_to_pil(labelme.LabelFile.load_image_file(tmp_path / 'a.jpg'))
    assert image_size(tmp_path / 'a.jpg') == shown.size[::-1]
