import json
import shutil

import numpy as np
import pytest
from PIL import Image, ImageDraw

from mmsteal.label_formats import CityscapesFormat, LabelError
from mmsteal.label_formats.cityscapes_labels import CITYSCAPES_LABELS
from tests.label_formats.helpers import SIZE, iou, largest, move, save_json, write_image

IDS = {label.name: label for label in CITYSCAPES_LABELS}
STEM = 'town_000000_000001'
REAL = 'py_edge_eval_cityscapes_test'


def paint(document):
    """Ids as cityscapesScripts draws them: instances counted in the order of the file."""
    size = document['imgWidth'], document['imgHeight']
    labels, instances = Image.new('L', size), Image.new('I', size)
    counts = {}
    for entry in document['objects']:
        name, polygon = entry['label'], [tuple(point) for point in entry['polygon']]
        if entry.get('deleted') or name == 'license plate' or len(polygon) < 3:
            continue
        group = name not in IDS
        label = IDS[name.removesuffix('group') if group else name]
        value = label.id
        if label.has_instances and not group:
            value = label.id * 1000 + counts.setdefault(label.id, 0)
            counts[label.id] += 1
        ImageDraw.Draw(labels).polygon(polygon, fill=label.id)
        ImageDraw.Draw(instances).polygon(polygon, fill=value)
    return np.asarray(labels), np.asarray(instances)


def box(left, top, right, bottom):
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


def document(*objects, **extra):
    entries = [{'label': label, 'polygon': polygon} for label, polygon in objects]
    return {'imgHeight': SIZE[0], 'imgWidth': SIZE[1], 'objects': entries, **extra}


def scene():
    return document(
        ('road', box(0, 0, 59, 39)),
        ('car', box(5, 5, 30, 30)),
        ('car', box(20, 10, 50, 35)),
        ('license plate', box(8, 8, 10, 10)),
        ('pole', box(25, 0, 27, 39)),
        ('out of roi', box(0, 36, 59, 39)),
    )


def write_set(root, value, maps=True, **dump):
    write_image(root / 'leftImg8bit' / 'val' / 'town' / f'{STEM}_leftImg8bit.png')
    folder = root / 'gtFine' / 'val' / 'town'
    save_json(folder / f'{STEM}_gtFine_polygons.json', value, **dump)
    if maps:
        labels, instances = paint(value)
        Image.fromarray(labels).save(folder / f'{STEM}_gtFine_labelIds.png')
        Image.fromarray(instances.astype(np.uint16)).save(folder / f'{STEM}_gtFine_instanceIds.png')
        train_ids = np.array([label.train_id for label in CITYSCAPES_LABELS], np.uint8)
        Image.fromarray(train_ids[labels]).save(folder / f'{STEM}_gtFine_labelTrainIds.png')
    return CityscapesFormat(root, split='val')


def opened(root):
    return CityscapesFormat(root, images=root.parent / 'in' / 'leftImg8bit' / 'val', split='val')


def outputs(root):
    folder = root / 'gtFine' / 'val' / 'town'
    new = json.loads((folder / f'{STEM}_gtFine_polygons.json').read_text())
    maps = {
        role: np.asarray(Image.open(folder / f'{STEM}_gtFine_{role}.png')).astype(int)
        for role in ('labelIds', 'instanceIds', 'labelTrainIds')
    }
    return new, maps


@pytest.fixture
def reader(tmp_path):
    return write_set(tmp_path / 'in', scene())


def test_objects(reader):
    (item,) = reader.items()
    annotation = reader.read(item)
    assert item.name == f'town/{STEM}'
    assert [(o.category, o.name, o.instance) for o in annotation.objects] == [
        (7, 'road', 0), (26, 'car', 26000), (26, 'car', 26001), (17, 'pole', 0)
    ]  # fmt: skip
    assert annotation.ignore.sum() == 4 * 60
    assert annotation.object_map[20, 25] == 3
    assert annotation.hidden[1].full(SIZE)[20, 22]
    assert not annotation.notes


@pytest.mark.parametrize('maps', [True, False])
def test_unchanged_is_the_same_bytes(tmp_path, maps):
    reader = write_set(tmp_path / 'in', scene(), maps, indent=4)
    (item,) = reader.items()
    annotation = reader.read(item)
    paths = reader.write(item, annotation, annotation.object_map, tmp_path / 'out')
    assert len(paths) == (4 if maps else 1)
    for path in paths:
        assert (
            path.read_bytes() == (tmp_path / 'in' / path.relative_to(tmp_path / 'out')).read_bytes()
        )


@pytest.mark.parametrize('index', [0, 1, 2, 3])
def test_changed_polygons_and_maps_agree(reader, tmp_path, index):
    (item,) = reader.items()
    annotation = reader.read(item)
    object_map = move(annotation, index)
    reader.write(item, annotation, object_map, tmp_path / 'out')
    new, maps = outputs(tmp_path / 'out')
    labels, instances = paint(new)
    # The first car shrinks away from its part behind the other one: a bridge joins the two.
    bridge = 6 if index == 1 else 0
    assert (maps['labelIds'] != labels).sum() <= bridge
    assert (maps['instanceIds'] != instances).sum() <= bridge
    train_ids = np.array([label.train_id for label in CITYSCAPES_LABELS])
    np.testing.assert_array_equal(maps['labelTrainIds'], train_ids[maps['labelIds']])
    values = np.array([o.instance or o.category for o in annotation.objects])
    claimed = (object_map >= 0) & ~annotation.ignore
    np.testing.assert_array_equal(maps['instanceIds'][claimed], values[object_map[claimed]])
    # What nobody claims shows what lies beneath, never a class that was not there.
    lost = (object_map < 0) & ~annotation.ignore
    assert lost.any()
    assert set(np.unique(maps['labelIds'][lost])) <= ({0} if index == 0 else {7, 26, 17})


def test_untouched_entries_stay(tmp_path):
    value = scene()
    value['objects'][1]['id'] = 17
    value['objects'].insert(2, {'label': 'bus', 'polygon': box(0, 0, 40, 30), 'deleted': 1})
    value['objects'].append({'label': 'pole', 'polygon': [[1, 1], [2, 2]]})
    value['comment'] = 'é'
    reader = write_set(tmp_path / 'in', value, indent=2, ensure_ascii=False)
    (item,) = reader.items()
    annotation = reader.read(item)
    assert len(annotation.notes) == 1
    assert '2 points' in annotation.notes[0]
    reader.write(item, annotation, move(annotation, 1), tmp_path / 'out')
    new, _ = outputs(tmp_path / 'out')
    assert [o['label'] for o in new['objects']] == [o['label'] for o in value['objects']]
    changed = [i for i, o in enumerate(new['objects']) if o != value['objects'][i]]
    assert changed == [1]
    assert new['objects'][1]['id'] == 17
    assert new['comment'] == 'é'


def test_parts_of_an_instance_are_joined_and_of_stuff_are_not(reader, tmp_path):
    (item,) = reader.items()
    annotation = reader.read(item)
    object_map = np.zeros(SIZE, np.int32)
    object_map[3:8, 3:8] = object_map[3:8, 14:20] = 1
    object_map[20:25, 40:45] = object_map[20:25, 50:55] = 3
    reader.write(item, annotation, object_map, tmp_path / 'out')
    new, maps = outputs(tmp_path / 'out')
    assert [o['label'] for o in new['objects']].count('car') == 2
    # Two that show, and what was behind "out of roi".
    assert [o['label'] for o in new['objects']].count('pole') == 3
    _, instances = paint(new)
    # A bridge between the two parts, and one to the part behind the other car.
    assert 0 < (instances != maps['instanceIds']).sum() < 20
    assert (maps['instanceIds'] == 26000).sum() == 25 + 30


@pytest.mark.parametrize('kept', ['instanceIds', 'labelIds', 'labelTrainIds'])
def test_maps_alone(tmp_path, kept):
    write_set(tmp_path / 'in', scene())
    for path in (tmp_path / 'in' / 'gtFine').rglob('*_gtFine_*'):
        if kept not in path.name:
            path.unlink()
    reader = CityscapesFormat(tmp_path / 'in', split='val')
    (item,) = reader.items()
    annotation = reader.read(item)
    assert len(annotation.objects) == (4 if kept == 'instanceIds' else 3)
    object_map = move(annotation, 1)
    (path,) = reader.write(item, annotation, object_map, tmp_path / 'out')
    again = opened(tmp_path / 'out').read(opened(tmp_path / 'out').items()[0])
    np.testing.assert_array_equal(
        again.object_map[~annotation.ignore], object_map[~annotation.ignore]
    )
    assert path.name.endswith(f'{kept}.png')


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda d: d.update(imgWidth=61), r'expected the size of the image'),
        (lambda d: d['objects'][0].update(label='unicorn'), r"unknown label 'unicorn'"),
        (lambda d: d['objects'][0]['polygon'][0].__setitem__(0, float('nan')), r'not finite'),
        (lambda d: d['objects'][0].update(polygon=[[1, 2, 3]]), r'not pairs of numbers'),
        (lambda d: d.pop('objects'), r"KeyError: 'objects'"),
    ],
)
def test_bad_polygons_are_named(tmp_path, change, message):
    value = scene()
    change(value)
    reader = write_set(tmp_path / 'in', value, maps=False)
    with pytest.raises(LabelError, match=rf'polygons\.json: (.|\n)*{message}'):
        reader.read(reader.items()[0])


def test_odd_polygons_are_noted(tmp_path):
    value = document(('road', box(-5, -5, 80, 80)), ('car', [[5, 5], [30, 30], [30, 5], [5, 30]]))
    reader = write_set(tmp_path / 'in', value)
    annotation = reader.read(reader.items()[0])
    assert len(annotation.notes) == 2
    assert 'out of the image' in annotation.notes[0]
    assert 'even-odd' in annotation.notes[1]
    # Two triangles that meet in the middle: half of their box.
    assert (annotation.object_map == 1).sum() < 25 * 26 * 0.6


def test_bad_maps_are_named(tmp_path):
    reader = write_set(tmp_path / 'in', scene())
    path = tmp_path / 'in' / 'gtFine' / 'val' / 'town' / f'{STEM}_gtFine_instanceIds.png'
    Image.fromarray(np.full(SIZE, 99, np.uint16)).save(path)
    with pytest.raises(LabelError, match=r'instanceIds\.png: unknown ids \[99\]'):
        reader.read(reader.items()[0])
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(LabelError, match=r'instanceIds\.png: cannot read'):
        reader.read(reader.items()[0])


def test_images_without_labels_and_labels_without_images(tmp_path):
    reader = write_set(tmp_path / 'in', scene())
    (tmp_path / 'in' / 'leftImg8bit' / 'val' / 'town' / f'{STEM}_leftImg8bit.png').rename(
        tmp_path / 'in' / 'leftImg8bit' / 'val' / 'town' / 'other_leftImg8bit.png'
    )
    reader = CityscapesFormat(tmp_path / 'in', split='val')
    assert not reader.items()
    problems = [str(problem) for problem in reader.problems()]
    assert len(problems) == 5
    assert 'other_leftImg8bit.png: the image has no label' in problems[0]


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ('folder', 'annotation', 'split', 'count'),
    [
        (REAL, 'gtFine', 'val', 3),
        ('.', 'gtFine', 'train', 2),
        ('.', 'gtCoarse', 'train', 1),
        ('mmseg_pseudo_cityscapes_dataset', 'gtFine', None, 1),
    ],
)
def test_released_files_unchanged(shared_data, tmp_path, folder, annotation, split, count):
    root = shared_data / 'cityscapes' / folder
    reader = CityscapesFormat(root, split=split, annotation=annotation)
    items = reader.items()
    assert len(items) == count
    for item in items[-1:]:
        read = reader.read(item)
        paths = reader.write(item, read, read.object_map, tmp_path)
        assert {p.name for p in paths} == {p.name for p in item.labels}
        for path, source in zip(paths, item.labels, strict=True):
            assert path.read_bytes() == source.read_bytes()


@pytest.mark.shared_data
def test_released_files_changed(shared_data, tmp_path):
    root = shared_data / 'cityscapes' / REAL
    reader = CityscapesFormat(root, split='val')
    item = reader.items()[0]
    annotation = reader.read(item)
    assert not annotation.notes
    cars = [i for i, o in enumerate(annotation.objects) if o.name == 'car']
    areas = [(annotation.object_map == i).sum() for i in cars]
    index = cars[int(np.argmax(areas))]
    object_map = move(annotation, index, pixels=6)
    reader.write(item, annotation, object_map, tmp_path)
    shutil.copytree(root / 'leftImg8bit', tmp_path / 'leftImg8bit')
    again = CityscapesFormat(tmp_path, split='val')
    # Without the maps the polygons alone tell the same.
    for path in list((tmp_path / 'gtFine').rglob('*Ids.png')):
        values = np.asarray(Image.open(path)).astype(int)
        if 'instanceIds' in path.name:
            drawn = values == annotation.objects[index].instance
            np.testing.assert_array_equal(drawn, object_map == index)
        path.unlink()
    polygons = again.read(again.items()[0])
    assert iou(polygons.object_map == index, object_map == index) > 0.99


@pytest.mark.shared_data
def test_released_maps_follow_from_the_polygons(shared_data):
    root = shared_data / 'cityscapes' / REAL
    for path in sorted((root / 'gtFine').rglob('*polygons.json'))[:1]:
        labels, _ = paint(json.loads(path.read_text()))
        released = np.asarray(Image.open(str(path).replace('polygons.json', 'labelIds.png')))
        assert (labels != released).mean() < 0.006
        picture = np.asarray(Image.open(str(path).replace('polygons.json', 'color.png')))
        colors = np.array([label.color for label in CITYSCAPES_LABELS], np.uint8)
        np.testing.assert_array_equal(picture[..., :3], colors[released])


def test_largest_is_the_road(reader):
    annotation = reader.read(reader.items()[0])
    assert annotation.objects[largest(annotation)].name == 'road'


def with_a_hole(annotation):
    """The first car lost pixels that the road lies beneath."""
    object_map = annotation.object_map.copy()
    object_map[8:14, 8:14] = -1
    return object_map


@pytest.mark.parametrize('maps', [True, False])
def test_nothing_beneath_comes_to_light(tmp_path, maps):
    value = document(('road', box(0, 0, 59, 39)), ('car', box(5, 5, 30, 30)))
    reader = write_set(tmp_path / 'in', value, maps)
    (item,) = reader.items()
    annotation = reader.read(item)
    object_map = with_a_hole(annotation)
    for beneath, wanted in ((True, np.where(object_map < 0, 0, object_map)), (False, object_map)):
        out = tmp_path / f'out{beneath}'
        reader.write(item, annotation, object_map, out, beneath=beneath)
        again = opened(out).read(opened(out).items()[0])
        np.testing.assert_array_equal(again.object_map, wanted)
        polygons = next(out.rglob('*polygons.json'))
        labels, _ = paint(json.loads(polygons.read_text()))
        np.testing.assert_array_equal(labels, np.array([7, 26, 0])[wanted])


def test_nothing_beneath_in_maps_alone(tmp_path):
    write_set(tmp_path / 'in', scene())
    next((tmp_path / 'in').rglob('*polygons.json')).unlink()
    reader = CityscapesFormat(tmp_path / 'in', split='val')
    (item,) = reader.items()
    annotation = reader.read(item)
    object_map = with_a_hole(annotation)
    reader.write(item, annotation, object_map, tmp_path / 'out', beneath=False)
    again = opened(tmp_path / 'out').read(opened(tmp_path / 'out').items()[0])
    np.testing.assert_array_equal(again.object_map, object_map)


@pytest.mark.parametrize('value', [-1, 34, 99, 'x', 2.5, True])
def test_class_values_are_those_of_the_table(value):
    with pytest.raises(ValueError, match=r"`classes` to give 'cat' a whole number from 0 to 33"):
        CityscapesFormat(classes={'cat': value})
    assert CityscapesFormat(classes={'cat': '26'}).classes['cat'] == 26


def test_unclaimed_is_of_the_table():
    with pytest.raises(ValueError, match=r'`unclaimed` to be from 0 to 33'):
        CityscapesFormat(unclaimed=99)


def parted(tmp_path, wall, maps):
    """A car to the left and to the right of ignored pixels, which the road lies around."""
    value = document(('road', box(0, 0, 59, 39)), ('out of roi', wall), ('car', box(5, 5, 15, 15)))
    reader = write_set(tmp_path / 'in', value, maps)
    (item,) = reader.items()
    annotation = reader.read(item)
    object_map = annotation.object_map.copy()
    object_map[5:16, 40:50] = 1
    return reader, item, annotation, object_map


def test_lines_go_around_ignored_pixels(tmp_path):
    wall = box(25, 0, 30, 12)
    reader, item, annotation, object_map = parted(tmp_path, wall, maps=False)
    reader.write(item, annotation, object_map, tmp_path / 'out')
    again = opened(tmp_path / 'out').read(opened(tmp_path / 'out').items()[0])
    np.testing.assert_array_equal(again.ignore, annotation.ignore)
    assert len(again.objects) == 2


def test_parts_that_ignored_pixels_part_stay_apart(tmp_path):
    wall = box(25, 0, 30, 39)
    reader, item, annotation, object_map = parted(tmp_path, wall, maps=False)
    with pytest.warns(UserWarning, match=r'polygons\.json: ignored pixels part an .* 2 polygons'):
        reader.write(item, annotation, object_map, tmp_path / 'out')
    again = opened(tmp_path / 'out').read(opened(tmp_path / 'out').items()[0])
    np.testing.assert_array_equal(again.ignore, annotation.ignore)
    np.testing.assert_array_equal(again.object_map > 0, object_map > 0)


def test_maps_say_what_a_line_hides(tmp_path):
    wall = box(25, 0, 30, 39)
    reader, item, annotation, object_map = parted(tmp_path, wall, maps=True)
    reader.write(item, annotation, object_map, tmp_path / 'out')
    again = opened(tmp_path / 'out').read(opened(tmp_path / 'out').items()[0])
    np.testing.assert_array_equal(again.ignore, annotation.ignore)
    np.testing.assert_array_equal(again.object_map, object_map)
