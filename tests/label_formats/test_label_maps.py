"""Label PNGs, VOC and SBD: maps of values."""

import dataclasses

import numpy as np
import pytest
import scipy.io
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from mmsteal.label_formats import (
    AnnotatedObject,
    FormatSpec,
    LabelError,
    LabelPngFormat,
    SbdFormat,
    VocFormat,
    open_label_format,
)
from mmsteal.label_formats.label_files import decode_png
from mmsteal.label_formats.label_maps import annotated_objects, present_values
from mmsteal.label_formats.sbd_mat import sbd_boundary
from mmsteal.label_formats.voc_labels import voc_palette
from tests.label_formats.helpers import SIZE, largest, move, rewritten, write_image

CAMVID = {'ignore': (11,), 'known': range(12)}


def labels_of(values=(0, 3, 7, 255)):
    labels = np.zeros(SIZE, np.uint8)
    for value, part in zip(values, np.array_split(np.arange(SIZE[1]), len(values)), strict=True):
        labels[:, part] = value
    return labels


def write_folder(root, labels, instances=None, mode=None):
    write_image(root / 'images' / 'sub' / 'a.jpg')
    image = Image.fromarray(labels)
    if mode == 'P':
        image.putpalette(list(range(256)) * 3)
    (root / 'labels' / 'sub').mkdir(parents=True)
    image.save(root / 'labels' / 'sub' / 'a.png')
    if instances is not None:
        (root / 'instances' / 'sub').mkdir(parents=True)
        Image.fromarray(instances).save(root / 'instances' / 'sub' / 'a.png')


def png(root, **options):
    return LabelPngFormat(root / 'labels', images=root / 'images', **options)


values = st.integers(0, 3)
small_maps = hnp.arrays(
    np.int32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=6), elements=values
)


@given(data=st.data(), background=st.sets(values), ignore=st.sets(values), paired=st.booleans())
def test_objects_are_those_of_a_loop(data, background, ignore, paired):
    """Runs of alike pixels, which may go on in the next row, change nothing."""
    labels = data.draw(small_maps)
    instances = None
    if paired:
        instances = data.draw(hnp.arrays(np.int32, labels.shape, elements=st.integers(0, 70000)))
    object_map, objects, ignored = annotated_objects(
        labels, instances, background=background, ignore=ignore
    )
    expected = np.full(labels.shape, -1)
    keys = []
    for place in np.ndindex(labels.shape):
        value = int(labels[place])
        assert ignored[place] == (value in ignore)
        if value not in background | ignore:
            keys.append((value, 0 if instances is None else int(instances[place]), place))
    order = sorted({key[:2] for key in keys})
    for value, instance, place in keys:
        expected[place] = order.index((value, instance))
    np.testing.assert_array_equal(object_map, expected)
    assert [(entry.category, entry.instance) for entry in objects] == order
    assert present_values(labels) == sorted(set(labels.ravel().tolist()))


@pytest.mark.parametrize('mode', ['L', 'P', 'I;16'])
def test_mode_palette_and_values_are_kept(tmp_path, mode):
    labels = labels_of((0, 3, 7, 255))
    labels = labels.astype(np.uint16) * 200 if mode == 'I;16' else labels
    write_folder(tmp_path, labels, mode=mode)
    reader = png(tmp_path, ignore=(255 * 200 if mode == 'I;16' else 255,))
    (item,) = reader.items()
    annotation = reader.read(item)
    assert item.name == 'sub/a'
    assert len(annotation.objects) == 3
    object_map = move(annotation, 1)
    (path,) = reader.write(item, annotation, object_map, tmp_path / 'out')
    assert path == tmp_path / 'out' / 'sub' / 'a.png'
    with Image.open(path) as image:
        assert image.mode == mode
        if mode == 'P':
            assert image.getpalette() == list(range(256)) * 3
        values = np.asarray(image).astype(int)
    expected = np.array([o.category for o in annotation.objects])[object_map]
    expected[object_map < 0] = reader.ignore[0]
    np.testing.assert_array_equal(values, expected)


def test_unclaimed_pixels(tmp_path):
    write_folder(tmp_path, labels_of())

    def lost(**options):
        reader = png(tmp_path, **options)
        (item,) = reader.items()
        annotation = reader.read(item)
        object_map = annotation.object_map.copy()
        object_map[0, 20] = -1
        (path,) = reader.write(item, annotation, object_map, tmp_path / 'out')
        return int(np.asarray(Image.open(path))[0, 20])

    assert lost() == 255
    assert lost(background=(0,)) == 0
    assert lost(background=(0,), unclaimed='ignore') == 255
    assert lost(unclaimed=9) == 9
    assert lost(ignore=(), unclaimed=9) == 9
    for options in ({}, {'unclaimed': 'background'}, {'unclaimed': 'ignore'}):
        with pytest.raises(ValueError, match='give `unclaimed` a number'):
            LabelPngFormat(ignore=(), **options)


def test_ignored_pixels_stay(tmp_path):
    write_folder(tmp_path, labels_of())
    reader = png(tmp_path)
    (item,) = reader.items()
    annotation = reader.read(item)
    everything = np.ones(SIZE, np.int32)
    (path,) = reader.write(item, annotation, everything, tmp_path / 'out')
    values = np.asarray(Image.open(path))
    assert (values[annotation.ignore] == 255).all()
    assert (values[~annotation.ignore] == 3).all()


def test_objects_are_values_components_or_instances(tmp_path):
    labels = labels_of((1, 2, 1, 255))
    instances = np.zeros(SIZE, np.uint16)
    instances[20:] = 700
    write_folder(tmp_path, labels, instances)
    item = png(tmp_path).items()[0]
    assert len(png(tmp_path).read(item).objects) == 2
    assert len(png(tmp_path, components=True).read(item).objects) == 3
    reader = png(tmp_path, instances=tmp_path / 'instances', classes={'a': 1, 'b': 2})
    (item,) = reader.items()
    annotation = reader.read(item)
    found = [(o.category, o.name, o.instance) for o in annotation.objects]
    assert found == [(1, 'a', 0), (1, 'a', 700), (2, 'b', 0), (2, 'b', 700)]
    again = rewritten(
        reader, item, annotation, move(annotation, 3), tmp_path / 'out',
        lambda out: LabelPngFormat(
            out / 'labels', images=tmp_path / 'images', instances=out / 'instances'
        ),
    )  # fmt: skip
    np.testing.assert_array_equal(again.object_map, move(annotation, 3))


def test_bad_files_are_named(tmp_path):
    write_folder(tmp_path, labels_of())
    path = tmp_path / 'labels' / 'sub' / 'a.png'
    item = png(tmp_path).items()[0]
    with pytest.raises(LabelError, match=r'a\.png: unknown values \[7\]'):
        png(tmp_path, known=(0, 3, 255)).read(item)
    with pytest.raises(LabelError, match=r'a\.png: the label is empty'):
        png(tmp_path, ignore=(0, 3, 7, 255)).read(item)
    for content, message in (
        (Image.fromarray(labels_of()[:20]), 'expected the size of the image'),
        (Image.new('RGB', SIZE[::-1]), 'mode RGB'),
    ):
        content.save(path)
        with pytest.raises(LabelError, match=rf'a\.png: {message}|a\.png: (.*){message}'):
            png(tmp_path).read(item)
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(LabelError, match=r'a\.png: cannot read the label map'):
        png(tmp_path).read(item)
    (tmp_path / 'images' / 'sub' / 'a.jpg').write_bytes(b'no image')
    Image.fromarray(labels_of()).save(path)
    with pytest.raises(LabelError, match=r'a\.jpg: cannot read the image'):
        png(tmp_path).read(item)


def test_unpaired_files_are_problems(tmp_path):
    write_folder(tmp_path, labels_of())
    write_image(tmp_path / 'images' / 'b.png')
    Image.fromarray(labels_of()).save(tmp_path / 'labels' / 'c.png')
    reader = png(tmp_path)
    assert [item.name for item in reader.items()] == ['sub/a']
    assert [p.path.name for p in reader.problems()] == ['b.png', 'c.png']


def test_bad_arguments(tmp_path):
    write_folder(tmp_path, labels_of())
    reader = png(tmp_path)
    (item,) = reader.items()
    annotation = reader.read(item)
    with pytest.raises(ValueError, match='-1 or indices of its 3 objects'):
        reader.write(item, annotation, np.full(SIZE, 3), tmp_path / 'out')
    with pytest.raises(ValueError, match='integers of shape'):
        reader.write(item, annotation, np.zeros((2, 2), int), tmp_path / 'out')
    with pytest.raises(ValueError, match='Expected argument `name`'):
        open_label_format('bmp')
    with pytest.raises(ValueError, match=r"the format 'png' .* image_suffix, .* got image_sufix;"):
        FormatSpec('png', str(tmp_path), {'image_sufix': '.png'}).open()
    with pytest.raises(FileNotFoundError, match='there is nothing'):
        png(tmp_path / 'none')
    with pytest.raises(ValueError, match='unclaimed'):
        png(tmp_path, unclaimed='road')
    assert not (tmp_path / 'out').exists()


def test_a_failed_write_leaves_nothing(tmp_path, monkeypatch):
    write_folder(tmp_path, labels_of(), np.zeros(SIZE, np.uint8))
    reader = png(tmp_path, instances=tmp_path / 'instances')
    (item,) = reader.items()
    annotation = reader.read(item)
    out = tmp_path / 'out'
    (out / 'instances').mkdir(parents=True)
    (out / 'instances' / 'sub').write_text('a file where a folder has to be')
    with pytest.raises(OSError, match='sub'):
        reader.write(item, annotation, annotation.object_map, out)
    assert [p.name for p in out.rglob('*') if p.is_file()] == ['sub']


def test_voc(tmp_path):
    write_image(tmp_path / 'JPEGImages' / 'a.jpg')
    write_image(tmp_path / 'JPEGImages' / 'unlabelled.jpg')
    instances = labels_of((0, 1, 2, 255))
    for folder, values in (
        ('SegmentationClass', labels_of((0, 15, 15, 255))),
        ('SegmentationObject', instances),
    ):
        (tmp_path / folder).mkdir()
        image = Image.fromarray(values)
        image.putpalette(voc_palette().ravel().tolist())
        image.save(tmp_path / folder / 'a.png')
    reader = VocFormat(tmp_path)
    assert not reader.problems()
    (item,) = reader.items()
    annotation = reader.read(item)
    assert [(o.name, o.instance) for o in annotation.objects] == [('person', 1), ('person', 2)]
    object_map = move(annotation, 1)
    again = rewritten(
        reader, item, annotation, object_map, tmp_path / 'out',
        lambda out: VocFormat(out, images=tmp_path / 'JPEGImages'),
    )  # fmt: skip
    np.testing.assert_array_equal(again.object_map, object_map)
    np.testing.assert_array_equal(again.ignore, annotation.ignore)
    with Image.open(tmp_path / 'out' / 'SegmentationObject' / 'a.png') as image:
        assert image.getpalette() == voc_palette().ravel().tolist()


def write_sbd(root, labels, instances, categories):
    write_image(root / 'img' / 'a.jpg')
    for kind, struct, content in (
        ('cls', 'GTcls', {'CategoriesPresent': np.unique(categories)[:, None]}),
        ('inst', 'GTinst', {'Categories': np.array(categories)[:, None]}),
    ):
        (root / kind).mkdir()
        segmentation = labels if kind == 'cls' else instances
        content = {'Segmentation': segmentation, **content}
        scipy.io.savemat(root / kind / 'a.mat', {struct: content})


def test_bad_mats_are_named(tmp_path):
    write_sbd(tmp_path, labels_of((0, 99, 2, 3)), labels_of((0, 1, 2, 3)), [1, 2, 3])
    reader = SbdFormat(tmp_path)
    (item,) = reader.items()
    with pytest.raises(LabelError, match=r'a\.mat: unknown values \[99\]'):
        reader.read(item)
    path = tmp_path / 'cls' / 'a.mat'
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(LabelError, match=r'cls/a\.mat: cannot read the struct GTcls'):
        reader.read(item)
    path.unlink()
    reader = SbdFormat(tmp_path)
    assert 'only one of cls and inst' in str(reader.problems()[0])
    (tmp_path / 'cls').rmdir()
    reader = SbdFormat(tmp_path)
    annotation = reader.read(reader.items()[0])
    assert [o.category for o in annotation.objects] == [1, 2, 3]


@pytest.mark.shared_data
@pytest.mark.parametrize('name', ['2008_000051', '2008_000195'])
def test_released_sbd(shared_data, tmp_path, name):
    root = shared_data / 'sbd' / 'SBD_bench' / 'datadir'
    reader = SbdFormat(root)
    item = next(item for item in reader.items() if item.name == name)
    annotation = reader.read(item)
    for path, source in zip(
        reader.write(item, annotation, annotation.object_map, tmp_path / 'same'),
        item.labels,
        strict=True,
    ):
        assert path.read_bytes() == source.read_bytes()
    for kind in ('cls', 'inst'):
        content = annotation.content[kind]
        for index, stored in enumerate(content['Boundaries'].ravel()):
            mask = content['Segmentation'] == index + 1
            np.testing.assert_array_equal(sbd_boundary(mask), stored.toarray() != 0)

    index = largest(annotation)
    object_map = move(annotation, index)
    again = rewritten(
        reader, item, annotation, object_map, tmp_path / 'out',
        lambda out: SbdFormat(out, images=root / 'img'),
    )  # fmt: skip
    np.testing.assert_array_equal(again.object_map, object_map)
    for kind, struct in (('cls', 'GTcls'), ('inst', 'GTinst')):
        before = scipy.io.loadmat(root / kind / f'{name}.mat')[struct]
        after = scipy.io.loadmat(tmp_path / 'out' / kind / f'{name}.mat')[struct]
        assert before.dtype.names == after.dtype.names
        for field in before.dtype.names:
            assert before[field][0, 0].shape == after[field][0, 0].shape
            assert before[field][0, 0].dtype == after[field][0, 0].dtype


@pytest.mark.shared_data
@pytest.mark.parametrize(
    'make',
    [
        lambda data: LabelPngFormat(
            data / 'camvid' / 'valannot', images=data / 'camvid' / 'val', **CAMVID
        ),
        lambda data: VocFormat(data / 'voc2012'),
        lambda data: VocFormat(
            data / 'labelme_voc' / 'instance_segmentation' / 'data_dataset_voc',
            images=data / 'labelme_voc/semantic_segmentation/data_dataset_voc/JPEGImages',
        ),
    ],
    ids=['camvid', 'voc2012', 'labelme_voc'],
)
def test_real_maps(shared_data, tmp_path, make):
    reader = make(shared_data)
    assert not reader.problems()
    for item in reader.items()[:3]:
        annotation = reader.read(item)
        paths = reader.write(item, annotation, annotation.object_map, tmp_path / 'same')
        for path, source in zip(paths, item.labels, strict=True):
            assert path.read_bytes() == source.read_bytes()
        # Written by way of the arrays the values and modes are the same too.
        object_map = annotation.object_map.copy()
        seen = np.argwhere(object_map >= 0)[0]
        object_map[tuple(seen)] = -1
        paths = reader.write(item, annotation, object_map, tmp_path / 'out')
        for path, source in zip(paths, item.labels, strict=True):
            with Image.open(path) as after, Image.open(source) as before:
                assert after.mode == before.mode
                assert after.getpalette() == before.getpalette()
                different = np.argwhere(np.asarray(after) != np.asarray(before))
            assert len(different) <= 1


def test_background_alone_is_no_object_but_a_label(tmp_path):
    write_folder(tmp_path, labels_of((0, 0, 0, 255)))
    reader = png(tmp_path, background=(0,), ignore=(255,))
    (item,) = reader.items()
    annotation = reader.read(item)
    assert not annotation.objects
    (path,) = reader.write(item, annotation, annotation.object_map, tmp_path / 'out')
    assert path.read_bytes() == item.labels[0].read_bytes()
    (path,) = VocFormat().write(item, annotation, annotation.object_map, tmp_path / 'voc')[:1]
    np.testing.assert_array_equal(np.asarray(Image.open(path)), labels_of((0, 0, 0, 255)))


def test_sbd_of_background_alone(tmp_path):
    write_sbd(tmp_path, labels_of((0, 0, 0, 255)), labels_of((0, 0, 0, 0)), [])
    reader = SbdFormat(tmp_path)
    (item,) = reader.items()
    annotation = reader.read(item)
    assert not annotation.objects
    reader.write(item, annotation, annotation.object_map, tmp_path / 'out')


@pytest.mark.parametrize(
    ('make', 'limits', 'bad'),
    [(SbdFormat, 'from 1 to 254', (0, 255, 300)), (LabelPngFormat, 'from 0 to 65535', (-1, 65536))],
)
def test_class_values_fit_the_files(make, limits, bad):
    for value in (*bad, 'x', None):
        with pytest.raises(ValueError, match=rf"`classes` to give 'cat' .* {limits}"):
            make(classes={'cat': value})
    assert make(classes={'cat': '7'}).classes == {'cat': 7}
    with pytest.raises(ValueError, match='`unclaimed` to be from 0'):
        make(unclaimed=70000)


def test_sbd_does_not_wrap(tmp_path):
    write_sbd(tmp_path, labels_of((0, 1, 2, 3)), labels_of((0, 1, 2, 3)), [1, 2, 3])
    reader = SbdFormat(tmp_path)
    (item,) = reader.items()
    annotation = reader.read(item)
    odd = tuple(AnnotatedObject(300, 'odd', o.instance) for o in annotation.objects)
    odd = dataclasses.replace(annotation, objects=odd)
    with pytest.raises(LabelError, match=r'cls/a\.mat: expected values from 0 to 255.* 300'):
        reader.write(item, odd, move(odd, 1), tmp_path / 'out')
    assert not (tmp_path / 'out').exists()


def test_one_bit_masks(tmp_path):
    write_image(tmp_path / 'images/a.png')
    (tmp_path / 'labels').mkdir()
    mask = np.zeros(SIZE, bool)
    mask[5:20, 10:30] = True
    Image.fromarray(mask).save(tmp_path / 'labels/a.png')
    assert Image.open(tmp_path / 'labels/a.png').mode == '1'
    reader = LabelPngFormat(tmp_path / 'labels', images=tmp_path / 'images', background=(0,))
    (item,) = reader.items()
    annotation = reader.read(item)
    np.testing.assert_array_equal(annotation.object_map, np.where(mask, 0, -1))
    object_map = annotation.object_map.copy()
    object_map[20:25, 10:30] = 0
    (path,) = reader.write(item, annotation, object_map, tmp_path / 'out')
    with Image.open(path) as image:
        assert image.mode == '1'
        np.testing.assert_array_equal(np.asarray(image), object_map == 0)
    np.testing.assert_array_equal(decode_png((tmp_path / 'labels/a.png').read_bytes()), mask)


@pytest.mark.parametrize(
    ('mode', 'make', 'cure'),
    [
        ('LA', lambda v: np.dstack([v, v * 0 + 255]), 'without the transparency'),
        ('RGB', lambda v: np.dstack([v, v, v]), 'its channels are equal: save one'),
        ('RGB', lambda v: np.dstack([v * 0, v, v]), 'convert colors to class values'),
        ('RGBA', lambda v: np.dstack([v * 0, v * 0, v * 0, v]), 'save the transparency alone'),
    ],
)
def test_what_to_do_with_channels(tmp_path, mode, make, cure):
    write_image(tmp_path / 'images/a.png')
    (tmp_path / 'labels').mkdir()
    values = np.arange(SIZE[0], dtype=np.uint8)[:, None].repeat(SIZE[1], 1) // 20
    Image.fromarray(make(values)).save(tmp_path / 'labels/a.png')
    reader = LabelPngFormat(tmp_path / 'labels', images=tmp_path / 'images')
    with pytest.raises(LabelError, match=rf'a\.png: (.|\n)*mode {mode}; .*{cure}'):
        reader.read(reader.items()[0])
