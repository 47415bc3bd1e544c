import base64
import json
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageDraw

from mmsteal.label_formats import LabelError, LabelmeFormat
from tests.label_formats.helpers import SIZE, iou, largest, move, save_json, write_image


def png_text(mask):
    buffer = BytesIO()
    Image.fromarray(mask).save(buffer, 'PNG')
    return base64.b64encode(buffer.getvalue()).decode()


def shape(label, points, kind='polygon', group=None, **extra):
    return {
        'label': label, 'points': points, 'group_id': group, 'shape_type': kind, 'flags': {},
        **extra,
    }  # fmt: skip


def square(left, top, side):
    return [[left, top], [left + side, top], [left + side, top + side], [left, top + side]]


def write_set(root, *shapes, **extra):
    write_image(root / 'a.jpg')
    document = {
        'version': '5.1.0', 'flags': {'checked': True}, 'shapes': list(shapes),
        'imagePath': 'a.jpg', 'imageData': 'AAAA', 'imageHeight': SIZE[0], 'imageWidth': SIZE[1],
        'mine': [1], **extra,
    }  # fmt: skip
    save_json(root / 'a.json', document, indent=2)
    return LabelmeFormat(root), document


def scene():
    disk = np.hypot(*np.mgrid[-6:7, -6:7]) < 6.5
    return (
        shape('cat', [[4.5, 4.2], [20.1, 5.0], [18.0, 20.3]], description='x'),
        shape('dog', [[22.0, 5.0], [40.0, 18.0]], 'rectangle'),
        shape('ball', [[50.0, 10.0], [55.0, 10.0]], 'circle'),
        shape('eye', [[10.0, 8.0]], 'point'),
        shape('sofa', square(5, 25, 8), group=3),
        shape('sofa', square(20, 25, 8), group=3),
        shape('blob', [[40.0, 24.0], [52.0, 36.0]], 'mask', mask=png_text(disk)),
        shape('__ignore__', square(0, 36, 3)),
    )


def reopened(out):
    return LabelmeFormat(out, images=out.parent / 'in')


def test_objects(tmp_path):
    reader, _ = write_set(tmp_path / 'in', *scene())
    annotation = reader.read(reader.items()[0])
    names = [(o.name, o.sources) for o in annotation.objects]
    assert names == [
        ('cat', (0,)), ('dog', (1,)), ('ball', (2,)), ('sofa', (4, 5)), ('blob', (6,))
    ]  # fmt: skip
    areas = [(annotation.object_map == i).sum() for i in range(5)]
    assert areas[1] == 19 * 14
    assert areas[3] == 2 * 81
    assert areas[4] == (np.hypot(*np.mgrid[-6:7, -6:7]) < 6.5).sum()
    assert abs(areas[2] - np.pi * 5.5**2) < 5
    assert annotation.ignore.sum() == 16


def test_unchanged_beside_the_image_is_the_same_bytes(tmp_path):
    reader, document = write_set(tmp_path / 'in', *scene())
    (item,) = reader.items()
    annotation = reader.read(item)
    (path,) = reader.write(item, annotation, annotation.object_map, tmp_path / 'out')
    # Elsewhere only the way to the image changes.
    new = json.loads(path.read_text())
    assert new == {**document, 'imagePath': '../in/a.jpg'}
    assert path.read_text() == (tmp_path / 'in' / 'a.json').read_text().replace(
        '"a.jpg"', '"../in/a.jpg"'
    )
    before = item.labels[0].read_bytes()
    (path,) = reader.write(item, annotation, annotation.object_map, tmp_path / 'in')
    assert path.read_bytes() == before


@pytest.mark.parametrize('index', range(5))
def test_changed(tmp_path, index):
    reader, document = write_set(tmp_path / 'in', *scene())
    (item,) = reader.items()
    annotation = reader.read(item)
    object_map = move(annotation, index, pixels=2)
    (path,) = reader.write(item, annotation, object_map, tmp_path / 'out')
    new = json.loads(path.read_text())
    changed = annotation.objects[index]
    untouched = [s for i, s in enumerate(document['shapes']) if i not in changed.sources]
    assert [s for s in new['shapes'] if s['label'] != changed.name] == untouched
    kinds = {s['shape_type'] for s in new['shapes'] if s['label'] == changed.name}
    assert kinds == ({'mask'} if changed.name == 'blob' else {'polygon'})
    assert {k: new[k] for k in ('flags', 'imageData', 'mine', 'version')} == {
        k: document[k] for k in ('flags', 'imageData', 'mine', 'version')
    }
    assert (path.parent / new['imagePath']).resolve() == item.image.resolve()
    again = reopened(tmp_path / 'out')
    np.testing.assert_array_equal(again.read(again.items()[0]).object_map, object_map)


def test_split_shape_gets_a_group(tmp_path):
    reader, _ = write_set(tmp_path / 'in', *scene())
    (item,) = reader.items()
    annotation = reader.read(item)
    object_map = annotation.object_map.copy()
    object_map[:, 30:33] = -1
    (path,) = reader.write(item, annotation, object_map, tmp_path / 'out')
    dogs = [s for s in json.loads(path.read_text())['shapes'] if s['label'] == 'dog']
    assert [dog['group_id'] for dog in dogs] == [4, 4]
    again = reopened(tmp_path / 'out')
    assert len(again.read(again.items()[0]).objects) == 5


def test_hidden_parts_come_to_light(tmp_path):
    reader, _ = write_set(
        tmp_path / 'in', shape('back', square(5, 5, 25)), shape('front', square(10, 10, 12))
    )
    (item,) = reader.items()
    annotation = reader.read(item)
    assert annotation.hidden[0].full(SIZE).sum() == 13 * 13
    object_map = annotation.object_map.copy()
    object_map[10:15][object_map[10:15] == 1] = -1
    (path,) = reader.write(item, annotation, object_map, tmp_path / 'out')
    shapes = json.loads(path.read_text())['shapes']
    assert shapes[0]['points'] == square(5, 5, 25)
    again = reopened(tmp_path / 'out')
    found = again.read(again.items()[0]).object_map
    assert (found[10:15, 10:23] == 0).all()
    assert (found[15:23, 10:23] == 1).all()


@pytest.mark.parametrize(
    ('bad', 'message'),
    [
        (shape('a', [[1, 1], [float('nan'), 5], [9, 9]]), 'not finite'),
        (shape('a', [[1], [2], [3]]), 'not pairs'),
        (shape('a', [[1.0, 1.0], [4.0, 4.0]], 'mask', mask='%%%'), 'no mask that can be read'),
        ({'label': 'a'}, 'shape 0 has no points'),
        (shape(['a'], square(1, 1, 5)), r"the label \['a'\]"),
        (shape('a', square(1, 1, 5), group=[3]), r'the group_id \[3\]'),
    ],
)
def test_bad_shapes_are_named(tmp_path, bad, message):
    reader, _ = write_set(tmp_path / 'in', bad)
    with pytest.raises(LabelError, match=rf'a\.json: (.|\n)*{message}'):
        reader.read(reader.items()[0])


def test_other_bad_files(tmp_path):
    reader, _ = write_set(tmp_path / 'in', *scene(), imageWidth=7)
    (item,) = reader.items()
    with pytest.raises(LabelError, match='expected the size of the image'):
        reader.read(item)
    write_set(tmp_path / 'in', *scene())
    with pytest.raises(LabelError, match="unknown label 'dog'"):
        LabelmeFormat(tmp_path / 'in', classes={'cat': 'cat'}).read(item)
    item.labels[0].write_text('{"a": ')
    with pytest.raises(LabelError, match=r'a\.json: cannot read the JSON'):
        reader.read(item)


@pytest.mark.shared_data
def test_real_files(shared_data, tmp_path):
    folder = shared_data / 'labelme_voc' / 'instance_segmentation'
    images = shared_data / 'labelme_voc/semantic_segmentation/data_dataset_voc/JPEGImages'
    reader = LabelmeFormat(folder / 'data_annotated', images=images)
    assert len(reader.items()) == 3
    for item in reader.items():
        annotation = reader.read(item)
        drawn = np.asarray(
            Image.open(folder / 'data_dataset_voc' / 'SegmentationObject' / f'{item.name}.png')
        )
        # LabelMe's own drawing, whose values count the groups in the order of the file.
        ours = np.where(annotation.ignore, 255, annotation.object_map + 1)
        assert ((ours > 0) & (ours < 255) == (drawn > 0) & (drawn < 255)).mean() > 0.999
        (path,) = reader.write(item, annotation, annotation.object_map, tmp_path)
        new, old = json.loads(path.read_text()), json.loads(item.labels[0].read_text())
        assert new.pop('imagePath') != old.pop('imagePath')
        assert new == old
        index = largest(annotation)
        object_map = move(annotation, index, pixels=5)
        reader.write(item, annotation, object_map, tmp_path)
        again = LabelmeFormat(tmp_path, images=images)
        found = again.read(next(i for i in again.items() if i.name == item.name))
        assert iou(found.object_map == index, object_map == index) > 0.99
        path.unlink()


def test_shapes_without_points_keep_their_place(tmp_path):
    nothing = shape('note', None, 'point')
    reader, _ = write_set(
        tmp_path / 'in', nothing, shape('cat', square(5, 5, 10)), shape('dog', square(20, 5, 10))
    )
    (item,) = reader.items()
    annotation = reader.read(item)
    assert [(o.name, o.sources) for o in annotation.objects] == [('cat', (1,)), ('dog', (2,))]
    object_map = annotation.object_map.copy()
    object_map[16:20, 5:16] = 0
    (path,) = reader.write(item, annotation, object_map, tmp_path / 'out')
    shapes = json.loads(path.read_text())['shapes']
    assert shapes[0] == nothing
    assert shapes[2] == shape('dog', square(20, 5, 10))
    assert np.max(shapes[1]['points'], axis=0).tolist() == [15, 19]


def test_background_alone_is_no_object_but_a_label(tmp_path):
    reader, _ = write_set(tmp_path / 'in', shape('_background_', square(5, 5, 10)))
    (item,) = reader.items()
    annotation = reader.read(item)
    assert not annotation.objects
    reader.write(item, annotation, annotation.object_map, tmp_path / 'in')
    write_set(tmp_path / 'in')
    annotation = reader.read(item)
    assert (annotation.object_map == -1).all()


def test_nothing_beneath_comes_to_light(tmp_path):
    reader, _ = write_set(
        tmp_path / 'in', shape('back', square(5, 5, 25)), shape('__ignore__', square(8, 8, 5)),
        shape('front', square(10, 10, 12)),
    )  # fmt: skip
    (item,) = reader.items()
    annotation = reader.read(item)
    object_map = annotation.object_map.copy()
    object_map[10:15][object_map[10:15] == 1] = -1
    reader.write(item, annotation, object_map, tmp_path / 'out', beneath=False)
    again = reopened(tmp_path / 'out')
    found = again.read(again.items()[0])
    np.testing.assert_array_equal(found.object_map, object_map)
    np.testing.assert_array_equal(found.ignore, annotation.ignore)


@pytest.mark.parametrize('kind', ['oriented_rectangle', 'rotation', 'rectangle', 'polygon'])
def test_boxes_of_four_points(tmp_path, kind):
    corners = [[20.0, 5.0], [35.0, 12.0], [28.0, 27.0], [13.0, 20.0]]
    reader, _ = write_set(tmp_path / 'in', shape('cat', corners, kind, direction=0.4))
    (item,) = reader.items()
    annotation = reader.read(item)
    canvas = Image.new('L', SIZE[::-1])
    ImageDraw.Draw(canvas).polygon([tuple(p) for p in corners], outline=1, fill=1)
    np.testing.assert_array_equal(annotation.object_map == 0, np.asarray(canvas) == 1)
    object_map = move(annotation, 0, pixels=2)
    (path,) = reader.write(item, annotation, object_map, tmp_path / 'out')
    (new,) = json.loads(path.read_text())['shapes']
    assert new['shape_type'] == 'polygon'
    again = reopened(tmp_path / 'out')
    np.testing.assert_array_equal(again.read(again.items()[0]).object_map, object_map)


def test_what_covers_no_area_is_counted(tmp_path):
    line = [[1.0, 1.0], [9.0, 9.0]]
    reader, _ = write_set(
        tmp_path, shape('a', line, 'line'), shape('a', [*line, [1, 9]], 'linestrip'),
        shape('b', line, 'linestrip'), shape('c', [[1.0, 1.0]], 'polygon'),
        shape('d', square(20, 20, 5)),
    )  # fmt: skip
    annotation = reader.read(reader.items()[0])
    assert [o.name for o in annotation.objects] == ['d']
    assert annotation.unread == {'line': 1, 'linestrip': 2, 'polygon': 1}


@pytest.mark.parametrize(
    'change',
    [
        dict(imageHeight=None, imageWidth=None),
        dict(imageHeight='40', imageWidth=60.0),
        dict(flags=None, version=None),
    ],
)
def test_old_and_odd_files(tmp_path, change):
    thing = shape(' cat ', square(5, 5, 10))
    del thing['shape_type'], thing['group_id']
    reader, document = write_set(tmp_path, thing, shape(7, square(20, 5, 10), group='left'))
    document.update(change)
    save_json(tmp_path / 'a.json', {key: v for key, v in document.items() if v is not None})
    annotation = reader.read(reader.items()[0])
    assert [(o.category, o.name) for o in annotation.objects] == [('cat', 'cat'), ('7', '7')]
    reader = LabelmeFormat(tmp_path, classes={'Cat': 'cat', 'seven': 7})
    assert [o.name for o in reader.read(reader.items()[0]).objects] == ['Cat', 'seven']


def write_pair(image, label, image_path):
    write_image(image)
    document = {
        'shapes': [shape('cat', square(5, 5, 10))], 'imagePath': image_path, 'imageData': None,
        'imageHeight': SIZE[0], 'imageWidth': SIZE[1],
    }  # fmt: skip
    save_json(label, document)


@pytest.mark.parametrize('image_path', ['../images/a.jpg', '..\\images\\a.jpg', 'a.jpg'])
def test_image_path_leads_to_the_image(tmp_path, image_path):
    write_pair(tmp_path / 'images/a.jpg', tmp_path / 'labels/a.json', image_path)
    images = tmp_path / 'images' if image_path == 'a.jpg' else None
    reader = LabelmeFormat(tmp_path / 'labels', images=images)
    assert reader.problems() == []
    (item,) = reader.items()
    assert (item.name, item.image.resolve()) == ('a', (tmp_path / 'images/a.jpg').resolve())
    annotation = reader.read(item)
    object_map = move(annotation, 0)
    (path,) = reader.write(item, annotation, object_map, tmp_path / 'out')
    assert path == tmp_path / 'out/a.json'
    again = LabelmeFormat(tmp_path / 'out')
    np.testing.assert_array_equal(again.read(again.items()[0]).object_map, object_map)


def test_files_with_names_of_their_own(tmp_path):
    write_pair(tmp_path / 'in/photo.jpg', tmp_path / 'in/label_0001.json', 'D:\\x\\photo.jpg')
    reader = LabelmeFormat(tmp_path / 'in')
    assert reader.problems() == []
    (item,) = reader.items()
    assert item.name == 'photo'
    annotation = reader.read(item)
    (path,) = reader.write(item, annotation, move(annotation, 0), tmp_path / 'out')
    assert path.name == 'label_0001.json'
    write_pair(tmp_path / 'in/photo.jpg', tmp_path / 'in/label_0002.json', 'photo.jpg')
    (problem,) = LabelmeFormat(tmp_path / 'in').problems()
    assert 'label_0001.json is of the image' in str(problem)


def test_a_mask_beside_the_photograph_is_not_the_image(tmp_path):
    write_pair(tmp_path / 'a.jpg', tmp_path / 'a.json', 'a.jpg')
    write_image(tmp_path / 'a.png')
    write_image(tmp_path / 'export/a.png')
    write_image(tmp_path / 'b.png')
    save_json(tmp_path / 'coco.json', {'images': []})
    reader = LabelmeFormat(tmp_path)
    (item,) = reader.items()
    assert item.image == tmp_path / 'a.jpg'
    assert [(p.path.name, p.message) for p in reader.problems()] == [
        ('b.png', 'the image has no label.'),
        (
            'coco.json',
            'the label has no image, and it is no file of LabelMe; move it elsewhere.',
        ),
    ]
    write_pair(tmp_path / 'a.jpg', tmp_path / 'a.json', 'a.bmp')
    reader = LabelmeFormat(tmp_path)
    assert reader.items() == []
    assert any("'a.bmp' is none of the images a.jpg, a.png" in str(p) for p in reader.problems())


def test_text_that_is_not_utf8(tmp_path):
    write_pair(tmp_path / 'a.jpg', tmp_path / 'a.json', 'a.jpg')
    text = (tmp_path / 'a.json').read_text().replace('cat', '汽车')
    (tmp_path / 'a.json').write_bytes(text.encode('gbk'))
    reader = LabelmeFormat(tmp_path)
    with pytest.raises(LabelError, match=r'a\.json: .* not UTF-8 .*; save it as UTF-8'):
        reader.read(reader.items()[0])
