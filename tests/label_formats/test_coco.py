import json

import numpy as np
import pytest
from PIL import Image

from mmsteal.label_formats import CocoFormat, LabelError
from tests.label_formats.helpers import SIZE, move, rewritten, save_json, write_image

coco = pytest.importorskip('pycocotools.mask')


def box_mask(left, top, right, bottom):
    mask = np.zeros(SIZE, bool)
    mask[top:bottom, left:right] = True
    return mask


def compressed(mask):
    rle = coco.encode(np.asfortranarray(mask, np.uint8))
    return {'size': list(SIZE), 'counts': rle['counts'].decode()}


def uncompressed(mask):
    pixels = np.concatenate([[0], mask.ravel(order='F').astype(int)])
    edges = np.flatnonzero(np.diff(pixels))
    return {
        'size': list(SIZE),
        'counts': np.diff(np.concatenate([[0], edges, [mask.size]])).tolist(),
    }


def entry(key, category, segmentation, mask, **extra):
    rows, columns = np.nonzero(mask)
    bbox = [0, 0, 0, 0]
    if len(rows):
        bbox = [
            int(columns.min()),
            int(rows.min()),
            int(np.ptp(columns)) + 1,
            int(np.ptp(rows)) + 1,
        ]
    return {
        'id': key, 'image_id': 7, 'category_id': category, 'segmentation': segmentation,
        'area': int(mask.sum()), 'bbox': bbox, 'iscrowd': 0, **extra,
    }  # fmt: skip


MASKS = {
    11: box_mask(2, 2, 40, 30),
    12: box_mask(10, 8, 20, 16),
    13: box_mask(30, 20, 50, 38),
    14: box_mask(45, 2, 58, 12),
}


def scene():
    return [
        entry(11, 3, [[2, 2, 40, 2, 40, 30, 2, 30]], MASKS[11], note='mine'),
        entry(12, 1, compressed(MASKS[12]), MASKS[12]),
        entry(13, 1, uncompressed(MASKS[13]), MASKS[13]),
        entry(14, 1, uncompressed(MASKS[14]), MASKS[14], iscrowd=1),
        entry(15, 3, [[1, 1, 9, 1, 9, 9]], MASKS[12], image_id=8),
    ]


def write_set(root, entries, **dump):
    write_image(root / 'images' / 'a.jpg')
    document = {
        'info': {'year': 2026},
        'images': [
            {'id': 7, 'file_name': 'a.jpg', 'height': SIZE[0], 'width': SIZE[1]},
            {'id': 8, 'file_name': 'gone.jpg', 'height': SIZE[0], 'width': SIZE[1]},
        ],
        'annotations': entries,
        'categories': [{'id': 1, 'name': 'cat'}, {'id': 3, 'name': 'sofa', 'supercategory': 'x'}],
        'licenses': [],
    }
    save_json(root / 'instances.json', document, **dump)
    return CocoFormat(root / 'instances.json', images=root / 'images'), document


@pytest.fixture
def reader(tmp_path):
    return write_set(tmp_path / 'in', scene())[0]


def test_objects(reader):
    (item,) = reader.items()
    annotation = reader.read(item)
    assert [(o.name, o.instance, o.sources) for o in annotation.objects] == [
        ('sofa', 11, (0,)), ('cat', 13, (2,)), ('cat', 12, (1,))
    ]  # fmt: skip
    np.testing.assert_array_equal(annotation.object_map == 2, MASKS[12])
    np.testing.assert_array_equal(annotation.object_map == 1, MASKS[13])
    np.testing.assert_array_equal(annotation.ignore, MASKS[14])
    np.testing.assert_array_equal(
        annotation.hidden[0].full(SIZE), MASKS[11] & (MASKS[12] | MASKS[13])
    )
    assert 'gone.jpg' in str(reader.problems()[0])


@pytest.mark.parametrize('dump', [{}, {'indent': 1}, {'separators': (',', ':')}])
def test_unchanged_is_the_same_bytes(tmp_path, dump):
    reader, _ = write_set(tmp_path / 'in', scene(), **dump)
    (item,) = reader.items()
    annotation = reader.read(item)
    reader.write(item, annotation, annotation.object_map, tmp_path / 'out')
    for _ in range(2):
        (path,) = reader.finish(tmp_path / 'out', [item])
        assert path.read_bytes() == (tmp_path / 'in' / 'instances.json').read_bytes()


@pytest.mark.parametrize('index', [0, 1, 2])
def test_changed(reader, tmp_path, index):
    (item,) = reader.items()
    annotation = reader.read(item)
    object_map = move(annotation, index)
    before = json.loads((tmp_path / 'in' / 'instances.json').read_text())
    again = rewritten(
        reader, item, annotation, object_map, tmp_path / 'out',
        lambda out: CocoFormat(out / 'instances.json', images=tmp_path / 'in' / 'images'),
    )  # fmt: skip
    after = json.loads((tmp_path / 'out' / 'instances.json').read_text())
    assert {k: v for k, v in after.items() if k != 'annotations'} == {
        k: v for k, v in before.items() if k != 'annotations'
    }
    number = annotation.objects[index].instance
    for old, new in zip(before['annotations'], after['annotations'], strict=True):
        key = old['id']
        visible = np.zeros(SIZE, bool)
        for place, entry_ in enumerate(annotation.objects):
            if entry_.instance == key:
                visible = object_map == place
        if new == old:
            continue
        hidden = next(
            (annotation.hidden[i].full(SIZE) for i, o in enumerate(annotation.objects)
             if o.instance == key and i in annotation.hidden), np.zeros(SIZE, bool),
        )  # fmt: skip
        segmentation = new['segmentation']
        if isinstance(segmentation, list):
            assert isinstance(old['segmentation'], list)
            rle = coco.merge(coco.frPyObjects(segmentation, *SIZE))
        elif isinstance(segmentation['counts'], list):
            assert isinstance(old['segmentation']['counts'], list)
            rle = coco.frPyObjects(segmentation, *SIZE)
        else:
            assert isinstance(old['segmentation']['counts'], str)
            rle = segmentation
        mask = coco.decode(rle).astype(bool)
        assert mask[visible].all()
        assert not (mask & ~(visible | hidden)).any()
        assert new['area'] == mask.sum()
        assert new['bbox'] == entry(0, 0, [], mask)['bbox']
        kept = {'segmentation', 'area', 'bbox'}
        assert {k: v for k, v in new.items() if k not in kept} == {
            k: v for k, v in old.items() if k not in kept
        }
    changed = {
        old['id'] for old, new in zip(before['annotations'], after['annotations'], strict=True)
        if old != new
    }  # fmt: skip
    assert number in changed
    assert not changed & {14, 15}
    assert {o.instance for o in again.objects} == {11, 12, 13}


def test_finish_wants_every_part(reader, tmp_path):
    (item,) = reader.items()
    with pytest.raises(LabelError, match=r'a\.json: cannot read the JSON'):
        reader.finish(tmp_path / 'out', [item])
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(category_id=9), 'unknown category 9'),
        (dict(segmentation={'size': [4, 4], 'counts': [16]}), r'RLE of size \(4, 4\)'),
        (dict(segmentation={'size': list(SIZE), 'counts': [16]}), 'RLE of 16 pixels'),
        (dict(segmentation=[[1, 2, 3]]), 'not x, y'),
        (dict(segmentation=[[1, 2, 3, float('nan'), 5, 6]]), 'not finite'),
        (dict(segmentation='outline'), 'no segmentation'),
        (dict(segmentation={'size': list(SIZE), 'counts': ['a']}), 'damaged RLE'),
        (dict(category_id=[3]), r'unknown category \[3\]'),
    ],
)
def test_bad_annotations_are_named(tmp_path, change, message):
    entries = scene()
    entries[0].update(change)
    reader, _ = write_set(tmp_path / 'in', entries)
    with pytest.raises(LabelError, match=rf'instances\.json: annotation 11 (.|\n)*{message}'):
        reader.read(reader.items()[0])


def test_odd_polygons_are_noted(tmp_path):
    entries = scene()
    entries[0]['segmentation'] = [
        [-9, -9, 20, -9, 20, 20, -9, 20], [1, 1, 2, 2], [30, 2, 40, 12, 40, 2, 30, 12]
    ]  # fmt: skip
    reader, _ = write_set(tmp_path / 'in', entries)
    notes = reader.read(reader.items()[0]).notes
    assert len(notes) == 3
    for word, note in zip(('out of', '2 points', 'crosses'), notes, strict=True):
        assert word in note


def test_only_crowds_is_no_object_but_a_label(tmp_path):
    reader, _ = write_set(tmp_path / 'in', scene()[3:4])
    (item,) = reader.items()
    annotation = reader.read(item)
    assert not annotation.objects
    np.testing.assert_array_equal(annotation.ignore, MASKS[14])
    reader.write(item, annotation, annotation.object_map, tmp_path / 'out')
    (path,) = reader.finish(tmp_path / 'out', [item])
    assert path.read_bytes() == item.labels[0].read_bytes()
    entries = scene()[3:4]
    entries[0]['segmentation'] = uncompressed(np.ones(SIZE, bool))
    reader, _ = write_set(tmp_path / 'full', entries)
    with pytest.raises(LabelError, match='the label is empty'):
        reader.read(reader.items()[0])


def test_size_of_the_image(reader, tmp_path):
    Image.new('RGB', (9, 9)).save(tmp_path / 'in' / 'images' / 'a.jpg')
    with pytest.raises(LabelError, match='expected the size of the image'):
        reader.read(reader.items()[0])


def test_missing_pycocotools(monkeypatch):
    monkeypatch.setitem(__import__('sys').modules, 'pycocotools', None)
    with pytest.raises(ImportError, match=r'mmsteal\[formats\]'):
        CocoFormat()


def read_again(tmp_path, reader, item, annotation, object_map, **options):
    reader.write(item, annotation, object_map, tmp_path / 'out', **options)
    (path,) = reader.finish(tmp_path / 'out', [item])
    again = CocoFormat(path, images=tmp_path / 'in' / 'images')
    return again.read(again.items()[0])


def numbers(annotation, object_map):
    return np.array([*(o.instance for o in annotation.objects), 0])[object_map]


def test_the_one_in_front_stays_there_after_it_grew(tmp_path):
    entries = [
        entry(11, 1, [[5, 5, 35, 5, 35, 25, 5, 25]], box_mask(5, 5, 35, 25)),
        entry(12, 3, [[25, 10, 45, 10, 45, 30, 25, 30]], box_mask(25, 10, 45, 30)),
    ]
    reader, _ = write_set(tmp_path / 'in', entries)
    (item,) = reader.items()
    annotation = reader.read(item)
    object_map = annotation.object_map.copy()
    front = next(i for i, o in enumerate(annotation.objects) if o.instance == 12)
    object_map[10:38, 45:55] = front
    again = read_again(tmp_path, reader, item, annotation, object_map)
    np.testing.assert_array_equal(numbers(again, again.object_map), numbers(annotation, object_map))


@pytest.mark.parametrize('seed', range(25))
def test_what_was_wanted_is_read_again(tmp_path, seed):
    rng = np.random.default_rng(seed)
    entries = []
    for key in range(11, 17):
        left, top = rng.integers(0, 45), rng.integers(0, 25)
        mask = box_mask(left, top, left + rng.integers(4, 25), top + rng.integers(4, 25))
        entries.append(entry(key, 1, compressed(mask), mask, iscrowd=int(key == 16)))
    reader, _ = write_set(tmp_path / 'in', entries)
    (item,) = reader.items()
    annotation = reader.read(item)
    object_map = annotation.object_map.copy()
    for _ in range(4):
        left, top = rng.integers(0, 50), rng.integers(0, 30)
        object_map[top : top + 12, left : left + 15] = rng.integers(-1, len(annotation.objects))
    object_map[annotation.ignore] = -1
    again = read_again(tmp_path, reader, item, annotation, object_map, beneath=False)
    np.testing.assert_array_equal(numbers(again, again.object_map), numbers(annotation, object_map))
    again = read_again(tmp_path, reader, item, annotation, object_map)
    claimed = object_map >= 0
    np.testing.assert_array_equal(
        numbers(again, again.object_map)[claimed], numbers(annotation, object_map)[claimed]
    )


def one_image(root, entries=None, image=None, **document):
    """An image with a cat in a box, in a file with what a test changes."""
    write_image(root / 'images' / 'a.png')
    box = [[5.0, 5.0, 25.0, 5.0, 25.0, 20.0, 5.0, 20.0]]
    content = {
        'images': [{'id': 1, 'file_name': 'a.png', 'height': SIZE[0], 'width': SIZE[1]}],
        'categories': [{'id': 3, 'name': 'cat'}],
        'annotations': [{'id': 1, 'image_id': 1, 'category_id': 3, 'segmentation': box}],
        **document,
    }
    content['images'][0].update(image or {})
    content['annotations'] += entries or []
    save_json(root / 'instances.json', content)
    return CocoFormat(root / 'instances.json', images=root / 'images')


def cat_of(segmentation=None, **changes):
    box = [[5.0, 5.0, 25.0, 5.0, 25.0, 20.0, 5.0, 20.0]]
    given = box if segmentation is None else segmentation
    return [{'id': 1, 'image_id': 1, 'category_id': 3, 'segmentation': given, **changes}]


@pytest.mark.parametrize(
    'changes',
    [
        dict(image={'height': None, 'width': None}),
        dict(image={'height': '40', 'width': '60'}),
        dict(annotations=cat_of(id='first')),
        dict(annotations=cat_of(id=1.5)),
        dict(annotations=cat_of([5.0, 5.0, 25.0, 5.0, 25.0, 20.0, 5.0, 20.0])),
        dict(annotations=cat_of([[[5.0, 5.0], [25.0, 5.0], [25.0, 20.0], [5.0, 20.0]]])),
        dict(annotations=cat_of([[5.0, 5.0], [25.0, 5.0], [25.0, 20.0], [5.0, 20.0]])),
        dict(image={'id': '1'}),
        dict(annotations=cat_of(image_id='1')),
        dict(annotations=cat_of(category_id='3')),
        dict(categories=[{'id': '3', 'name': 'cat'}]),
        dict(categories=[{'id': 'cat', 'name': 'cat'}], annotations=cat_of(category_id='cat')),
        dict(categories=None, annotations=cat_of(category_id='cat')),
        dict(image={'file_name': 'images\\a.png'}),
        dict(image={'file_name': 'http://host/a.png'}),
        dict(images=[{'id': 1, 'file_name': 'a.png'}, {'id': 2, 'file_name': 'a.png'}]),
        dict(
            images=[{'id': 1, 'file_name': 'a.png'}, {'id': 2, 'file_name': 'a.png'}],
            annotations=cat_of(image_id=2),
        ),
    ],
)
def test_what_tools_write_is_understood(tmp_path, changes):
    reader = one_image(tmp_path / 'in', **changes)
    assert reader.problems() == []
    (item,) = reader.items()
    annotation = reader.read(item)
    (found,) = annotation.objects
    assert (found.name, item.name) == ('cat', 'a')
    np.testing.assert_array_equal(annotation.object_map == 0, box_mask(5, 5, 25, 20))
    object_map = move(annotation, 0)
    again = read_again(tmp_path, reader, item, annotation, object_map)
    np.testing.assert_array_equal(again.object_map, object_map)


@pytest.mark.parametrize('missing', [{}, {'segmentation': None}, {'segmentation': []}])
def test_a_box_alone_is_kept_and_counted(tmp_path, missing):
    box = {'id': 2, 'image_id': 1, 'category_id': 3, 'bbox': [1, 1, 9, 9], **missing}
    reader = one_image(tmp_path / 'in', [box])
    (item,) = reader.items()
    annotation = reader.read(item)
    assert len(annotation.objects) == 1
    assert annotation.unread == {'annotation without a mask': 1}
    reader.write(item, annotation, move(annotation, 0), tmp_path / 'out')
    (path,) = reader.finish(tmp_path / 'out', [item])
    assert json.loads(path.read_text())['annotations'][1] == box


def test_odd_entries_are_problems_of_their_own(tmp_path):
    write_image(tmp_path / 'images' / 'a.jpg')
    images = [
        {'id': 1, 'file_name': 'a.png', 'height': SIZE[0], 'width': SIZE[1]},
        {'id': [2], 'file_name': 'b.png'}, {'id': 3}, 'c.png',
    ]  # fmt: skip
    reader = one_image(tmp_path, [{'id': 9, 'image_id': [1]}], images=images)
    assert [item.name for item in reader.items()] == ['a']
    told = ' '.join(map(str, reader.problems()))
    for part in ('place 1 has the id [2]', 'image 3 has no file_name', 'place 3 has the id None',
                 'annotation 9 is of no image'):  # fmt: skip
        assert part in told
    images += [{'id': 4, 'file_name': 'a.jpg'}]
    reader = one_image(tmp_path, images=images)
    assert reader.items() == []
    assert "two images are named 'a', a.png and a.jpg; rename one" in str(reader.problems()[-1])


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ([{'image_id': 1}], 'got a list, as the results of a detector are'),
        ({'images': []}, 'a list of images or annotations is missing'),
        ({'images': {}, 'annotations': []}, 'a list of images or annotations is missing'),
    ],
)
def test_other_files_are_told(tmp_path, content, message):
    (tmp_path / 'images').mkdir()
    save_json(tmp_path / 'instances.json', content)
    reader = CocoFormat(tmp_path / 'instances.json', images=tmp_path / 'images')
    with pytest.raises(LabelError, match=rf'instances\.json: expected .*{message}'):
        reader.items()
