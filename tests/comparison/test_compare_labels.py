"""Labels compared over folders, in several formats."""

import numpy as np
import pytest
from PIL import Image

from mmsteal.comparison import ComparedImage, LabelComparison, MeanAgreement, compare_labels
from mmsteal.functional import LabelAgreement, label_agreement
from mmsteal.label_formats import LABEL_FORMATS, LabelmeFormat, open_label_format
from tests.label_formats.helpers import save_json, write_image

SIZE = (30, 40)
NAMES = {'car': 1, 'traffic light': 2}


def write_maps(folder, maps):
    folder.mkdir(parents=True, exist_ok=True)
    for name, labels in maps.items():
        Image.fromarray(labels.astype(np.uint8)).save(folder / f'{name}.png')
    return folder


def maps(*, shift=0):
    """A car in every image, a light in the first one."""
    found = {}
    for index, name in enumerate(('a', 'b')):
        labels = np.zeros(SIZE, np.uint8)
        labels[5 : 20 - index, 4 + shift : 20 + shift] = 1
        if index == 0:
            labels[8:14, 28:33] = 2
        found[name] = labels
    return found


def png(folder, **options):
    options = {'background': (0,), 'classes': NAMES, **options}
    return open_label_format('png', folder, images=folder, image_suffix='.png', **options)


def rectangle(label, top, bottom, left, right):
    """The polygon of the pixels from `top` up to `bottom`, which does not belong to it."""
    points = [[left, top], [right - 1, top], [right - 1, bottom - 1], [left, bottom - 1]]
    return {'label': label, 'points': points, 'shape_type': 'polygon', 'group_id': None}


def write_labelme(folder, shapes_of, size=SIZE):
    for name, shapes in shapes_of.items():
        write_image(folder / f'{name}.jpg', size)
        document = {'shapes': shapes, 'imagePath': f'{name}.jpg', 'imageHeight': size[0],
                    'imageWidth': size[1]}  # fmt: skip
        save_json(folder / f'{name}.json', document)
    return LabelmeFormat(folder)


def test_numbers_are_those_of_the_maps(tmp_path):
    given, exact = maps(shift=2), maps()
    labels, reference = (
        png(write_maps(tmp_path / 'a', given)),
        png(write_maps(tmp_path / 'b', exact)),
    )
    found = compare_labels(labels, reference, tolerance_px=1)
    assert found.classes == ('car', 'traffic light')
    assert [image.name for image in found.images] == ['a', 'b']
    assert found.problems == {}
    expected = {
        name: label_agreement(given[name], exact[name], 2, background=0, tolerance_px=1)
        for name in 'ab'
    }
    for image in found.images:
        for name, value in NAMES.items():
            one = expected[image.name][value - 1]
            assert image.classes.get(name, LabelAgreement()) == one
    whole = expected['a'][0] + expected['b'][0]
    assert found.of_class('car') == whole
    assert (found.num_images('car'), found.num_images('traffic light')) == (2, 1)
    assert found.mean().iou == (whole.iou + 1) / 2
    assert found.images[1].mean == MeanAgreement(
        expected['b'][0].iou, expected['b'][0].distance_px, expected['b'][0].boundary_f
    )
    again = compare_labels(labels, reference, tolerance_px=1, num_workers=2)
    assert again == found


def test_formats_and_spellings_meet(tmp_path):
    labels = png(write_maps(tmp_path / 'a', maps()), classes={'Car': 1, 'traffic_light': 2})
    reference = write_labelme(
        tmp_path / 'b',
        {
            'a': [rectangle('car', 5, 20, 4, 20), rectangle('Traffic-Light', 8, 14, 28, 33)],
            'b': [rectangle('car', 5, 19, 4, 20)],
        },
    )
    found = compare_labels(labels, reference)
    assert found.classes == ('car', 'Traffic-Light')
    assert found.mean() == (1, 0, 1)


@pytest.mark.parametrize('name', LABEL_FORMATS)
def test_every_format_says_the_same(tmp_path, name):
    if name == 'coco':
        pytest.importorskip('pycocotools')
    ending = '_leftImg8bit.png' if name == 'cityscapes' else '.png'
    options = {'classes': {'car': 1, 'person': 2}} if name in ('png', 'coco') else {}
    folder, images = write_maps(tmp_path / 'a', maps()), tmp_path / 'images'
    for image in 'ab':
        write_image(images / f'{image}{ending}', SIZE)
    source = open_label_format(
        'png', folder, images=images, image_suffix=ending, background=(0,),
        classes={'car': 1, 'person': 2},
    )  # fmt: skip
    if name == 'png':
        options['background'] = (0,)
    writer, out = open_label_format(name, **options), tmp_path / 'out'
    for item in source.items():
        annotation = source.read(item)
        writer.write(item, annotation, annotation.object_map, out)
    files = writer.finish(out, source.items())
    root = files[0] if files else out
    reader = open_label_format(name, root, images=images, **options)
    for found in (compare_labels(source, reader), compare_labels(reader, source)):
        assert set(found.classes) == {'car', 'person'}
        assert found.problems == {}
        assert found.mean() == (1, 0, 1)


def test_order_of_classes(tmp_path):
    """Of a table of either, else by number, then by name."""
    shapes = [rectangle(str(name), top, top + 3, 4, 20) for top, name in
              enumerate(['pole', 10, 9, 'car'])]  # fmt: skip
    labels = write_labelme(tmp_path / 'a', {'a': shapes})
    assert compare_labels(labels, labels).classes == ('9', '10', 'car', 'pole')
    names = {'pole': 'pole', 'car': 'car', '10': '10', '9': '9'}
    known = LabelmeFormat(tmp_path / 'a', classes=names)
    for pair in ((known, labels), (labels, known)):
        assert compare_labels(*pair).classes == ('pole', 'car', '10', '9')


def test_no_object_is_an_answer(tmp_path):
    """A file without shapes: what the other one has is lost, or made up."""
    shapes = {'a': [rectangle('car', 5, 20, 4, 20)], 'b': []}
    labels = write_labelme(tmp_path / 'a', shapes)
    same = compare_labels(labels, write_labelme(tmp_path / 'b', shapes))
    assert same.mean().iou == 1
    assert same.problems == {}
    assert same.images[1].classes == {}
    assert same.images[1].num_pixels == SIZE[0] * SIZE[1]
    assert [image.name for image in same.worst()] == ['a']
    other = write_labelme(tmp_path / 'c', {'a': [], 'b': [rectangle('car', 5, 20, 4, 20)]})
    for found in (compare_labels(labels, other), compare_labels(other, labels)):
        assert [image.mean.iou for image in found.images] == [0, 0]
        assert found.mean().boundary_f == 0
        assert np.isnan(found.mean().distance_px)
    empty = write_labelme(tmp_path / 'd', {'a': [], 'b': []})
    found = compare_labels(empty, labels)
    assert (found.classes, found.mean().iou) == (('car',), 0)
    nothing = compare_labels(empty, empty)
    assert (nothing.classes, len(nothing.images)) == ((), 2)


def test_class_that_one_side_does_not_know_is_left_out(tmp_path):
    shapes = [rectangle('car', 5, 20, 4, 20)]
    labels = write_labelme(tmp_path / 'a', {'a': [*shapes, rectangle('pole', 2, 9, 30, 35)]})
    reference = write_labelme(tmp_path / 'b', {'a': [*shapes, rectangle('tree', 2, 9, 30, 35)]})
    found = compare_labels(labels, reference)
    assert (found.classes, found.only_in_labels, found.only_in_reference) == (
        ('car',), ('pole',), ('tree',),
    )  # fmt: skip
    assert found.mean().iou == 1
    asked = compare_labels(labels, reference, classes=['Tree', 'car'])
    assert asked.classes == ('tree', 'car')
    assert asked.of_class('tree').iou == 0
    # A table of the format tells of classes that are in no image.
    known = LabelmeFormat(tmp_path / 'b', classes={name: name for name in ('car', 'pole', 'tree')})
    assert compare_labels(labels, known).of_class('pole').iou == 0


def test_ignored_pixels_do_not_count(tmp_path):
    exact = maps()
    given, before = maps(shift=3), maps(shift=-2)
    exact['a'][:, :3] = 255
    given['a'][:10], before['a'][25:] = 255, 255
    labels, reference, baseline = (
        png(write_maps(tmp_path / str(index), found))
        for index, found in enumerate((given, exact, before))
    )
    found = compare_labels(labels, reference, baseline=baseline)
    ignored = np.logical_or.reduce([found['a'] == 255 for found in (given, exact, before)])
    counted = {
        name: np.where(ignored, 255, part['a'])
        for name, part in (('now', given), ('exact', exact), ('before', before))
    }
    for table, name in ((found.images[0].classes, 'now'), (found.images[0].baseline, 'before')):
        expected = label_agreement(counted[name], counted['exact'], 2, background=0)
        assert table['car'] == expected[0]
    assert found.images[0].num_pixels == (~ignored).sum()
    assert found.images[0].num_ignored == (ignored & (exact['a'] != 255)).sum()
    counted_in_reference = 2 * ignored.size - (exact['a'] == 255).sum()
    assert found.ignored_share == found.images[0].num_ignored / counted_in_reference


def test_what_got_better_and_worse(tmp_path):
    given = {'a': maps(shift=1)['a'], 'b': maps(shift=4)['b']}
    before = {'a': maps(shift=3)['a'], 'b': maps(shift=2)['b']}
    labels, reference, baseline = (
        png(write_maps(tmp_path / str(index), found))
        for index, found in enumerate((given, maps(), before))
    )
    found = compare_labels(labels, reference, baseline=baseline)
    assert [image.name for image in found.got_worse()] == ['b']
    assert found.images[0].change > 0 > found.images[1].change
    assert found.images[1].change == pytest.approx(12 / 20 - 14 / 18)
    assert found.of_class('car', baseline=True).iou < found.of_class('car').iou


def test_instances_have_outlines_between_them(tmp_path):
    labels = np.zeros(SIZE, np.uint8)
    labels[5:20, 4:24] = 1
    ids = [np.where(labels, 1 + (np.arange(SIZE[1]) >= split), 0) for split in (14, 18)]
    folder = write_maps(tmp_path / 'labels', {'a': labels})
    sides = [
        png(folder, instances=write_maps(tmp_path / str(index), {'a': found}))
        for index, found in enumerate(ids)
    ]
    assert compare_labels(*sides).mean() == (1, 0, 1)
    (image,) = compare_labels(*sides, instances=True).images
    (expected,) = label_agreement(
        labels, labels, 1, background=0, instance_map=ids[0], reference_instances=ids[1]
    )
    assert image.classes['car'] == expected
    assert expected.boundary_f < 1


def test_images_that_cannot_be_compared_are_named(tmp_path):
    sample = maps()
    labels = write_maps(tmp_path / 'a', {**maps(), 'c': sample['a'], 'only': sample['a']})
    reference = write_maps(
        tmp_path / 'b', {**sample, 'c': np.zeros((9, 9)), 'd': sample['a'], 'e': sample['a']}
    )
    write_maps(labels, {'e': sample['a'] + 100})
    found = compare_labels(png(labels), png(reference))
    assert [image.name for image in found.images] == ['a', 'b']
    assert found.num_unchecked == 1
    assert set(found.problems) == {'c', 'd', 'e'}
    assert '9 x 9 (width x height), but got 40 x 30; resize' in found.problems['c']
    assert f'labels: there is no label of it in {labels}' in found.problems['d']
    assert 'unknown values' in found.problems['e']


def test_label_without_image_is_named(tmp_path):
    folder = write_maps(tmp_path / 'a', maps())
    images = tmp_path / 'images'
    for name in ('a', 'c'):  # nobody labelled c
        write_image(images / f'{name}.jpg', SIZE)
    source = open_label_format('png', folder, images=images, background=(0,), classes=NAMES)
    found = compare_labels(source, source)
    (path,) = found.problems
    assert path.endswith('b.png')
    assert 'the label has no image' in found.problems[path]


def test_nothing_to_compare(tmp_path):
    labels = png(write_maps(tmp_path / 'a', maps()))
    other = png(write_maps(tmp_path / 'b', {'z': maps()['a']}))
    for tolerance_px in (-1, np.nan, np.inf):  # before any file is read
        with pytest.raises(ValueError, match=r'`tolerance_px` to be a finite number .* but got'):
            compare_labels(labels, other, tolerance_px=tolerance_px)
    with pytest.raises(ValueError, match=r'one name in all of the labels.*: a, b; reference.*: z'):
        compare_labels(labels, other)
    small = png(write_maps(tmp_path / 'c', {'a': np.ones((9, 9))}))
    with pytest.raises(ValueError, match=r'at least one image .* resize one of them'):
        compare_labels(labels, small)
    numbers = png(tmp_path / 'a', classes=None)
    names = write_labelme(tmp_path / 'd', {'a': [rectangle('car', 5, 20, 4, 20)]})
    with pytest.raises(
        ValueError,
        match=r'both know, but there is none\. Classes of the labels in .*: 1, 2\. '
        r'Classes of the reference in .*: car\. .*classes\.car=7',
    ):
        compare_labels(numbers, names)
    with pytest.raises(ValueError, match='classes that the labels know, but got bus'):
        compare_labels(labels, labels, classes=['car', 'bus'])


def test_worst_images_come_first():
    def image(name, iou, matched):
        agreement = LabelAgreement(iou, 10, matched, 5, 5)
        return ComparedImage(name, {'x': agreement} if iou else {}, {}, 10, 0)

    images = (image('a', 9, 5), image('b', 3, 4), image('c', 3, 1), image('none', 0, 0))
    found = LabelComparison(('x',), images, {})
    assert [one.name for one in found.worst()] == ['c', 'b', 'a']
    assert found.got_worse() == []
