"""Sizes and pixels of images as people see them, and images under the names that labels give."""

from unicodedata import normalize

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from mmsteal.label_formats import LabelError, LabelItem
from mmsteal.label_formats.image_files import (
    check_size,
    find_named,
    image_size,
    item_name,
    pair_files,
    read_photo,
    size_in_file,
)


def save_turned(path, orientation, **options):
    pixels = np.zeros((24, 32, 3), np.uint8)
    pixels[:8, :16], pixels[8:, 24:] = (250, 0, 0), (0, 250, 0)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(path, exif=exif, **options)
    return pixels


@pytest.mark.parametrize('orientation', range(1, 9))
@pytest.mark.parametrize(
    ('ending', 'options'),
    [('png', {}), ('jpg', {'quality': 95}), ('webp', {'lossless': True}), ('tif', {})],
)
def test_every_turn_is_applied(tmp_path, orientation, ending, options):
    path = tmp_path / f'a.{ending}'
    save_turned(path, orientation, **options)
    with Image.open(path) as image:
        expected = np.asarray(ImageOps.exif_transpose(image).convert('RGB'))
    found = read_photo(path)
    assert image_size(path) == expected.shape[:2] == found.shape[:2]
    assert abs(found.astype(int) - expected).max() <= 2  # decoders of JPEG differ a little


def test_training_sees_the_same(tmp_path):
    mmcv = pytest.importorskip('mmcv')
    for orientation in (1, 3, 6):
        save_turned(tmp_path / 'a.jpg', orientation)
        loaded = mmcv.imfrombytes((tmp_path / 'a.jpg').read_bytes())
        np.testing.assert_array_equal(loaded[..., ::-1], read_photo(tmp_path / 'a.jpg'))


def test_damaged_exif_data_turns_nothing(tmp_path):
    path = tmp_path / 'a.jpg'
    Image.new('RGB', (30, 20)).save(path, exif=b'Exif\0\0MM\0*\0\0\0\xff')
    assert image_size(path) == read_photo(path).shape[:2] == (20, 30)


def test_labels_of_the_stored_pixels_are_told(tmp_path):
    path = tmp_path / 'a.jpg'
    save_turned(path, 6)
    item = LabelItem('a', path, ())
    check_size(tmp_path / 'a.png', (32, 24), item)
    with pytest.raises(LabelError, match=r'24 x 32 .*got 32 x 24; that is .*stored .*tion 6\)'):
        check_size(tmp_path / 'a.png', (24, 32), item)
    with pytest.raises(LabelError, match='got 9 x 8; resize one of them'):
        check_size(tmp_path / 'a.png', (8, 9), item)


@pytest.mark.parametrize(
    ('sides', 'message'),
    [
        ((float('inf'), 32), 'expected height and width of it to be numbers, but got inf and 32'),
        (('tall', 'wide'), "but got 'tall' and 'wide'"),
        (([32], 24), r'but got \[32\] and 24'),
        ((32, None), 'but got 32 and None'),
        ((32, 25), 'resize one of them'),
    ],
)
def test_sizes_in_files(tmp_path, sides, message):
    save_turned(tmp_path / 'a.jpg', 6)
    item = LabelItem('a', tmp_path / 'a.jpg', ())
    for good in ((None, None), (32, 24), ('32', '24'), (32.0, 24.0)):
        assert size_in_file(tmp_path / 'a.json', 'it', good, item) == (32, 24)
    with pytest.raises(LabelError, match=rf'a\.json: (.|\n)*{message}'):
        size_in_file(tmp_path / 'a.json', 'it', sides, item)


def test_deep_and_fractional_values_are_not_cut_off(tmp_path):
    ramp = np.linspace(0, 1, 48, dtype=np.float32).reshape(6, 8)
    expected = np.repeat((ramp * 255).astype(np.uint8)[..., None], 3, axis=2)
    for name, values in (('one', ramp), ('byte', ramp * 255)):
        Image.fromarray(values).save(tmp_path / f'{name}.tif')
        found = read_photo(tmp_path / f'{name}.tif')
        assert abs(found.astype(int) - expected).max() <= 1
    cv2.imwrite(str(tmp_path / 'deep.png'), (ramp * 65535).astype(np.uint16))
    assert abs(read_photo(tmp_path / 'deep.png').astype(int) - expected).max() <= 1
    Image.fromarray(ramp * 1e6).save(tmp_path / 'far.tif')
    with pytest.raises(LabelError, match=r'far\.tif: expected .* got 0 to 1e\+06; save it with 8'):
        read_photo(tmp_path / 'far.tif')


@pytest.mark.parametrize(
    'name',
    [
        'sub/é.png', 'sub\\é.png', 'images/sub/é.png', 'images\\sub\\é.png',
        'https://host.org/sub/%C3%A9.png?x=1', 'data/images/sub/é.png',
    ],
)  # fmt: skip
@pytest.mark.parametrize('form', ['NFC', 'NFD'])
def test_names_that_tools_write(tmp_path, name, form):
    folder = tmp_path / 'data' / 'images'
    image = folder / 'sub' / normalize(form, 'é.png')
    image.parent.mkdir(parents=True)
    Image.new('RGB', (4, 4)).save(image)
    ways = [name, f'../images/{name}', str(folder / name)] if '://' not in name else [name]
    for way in (*ways, normalize('NFD', name)):
        assert find_named(folder, way) == image
    assert find_named(folder, 'other/é.png') is None
    assert item_name(image, folder) == normalize(form, 'sub/é')


@pytest.mark.parametrize('name', ['../a.png', 'x/../../a.png', '/a.png', '..\\a.png', ''])
def test_names_never_lead_out_of_the_folder(tmp_path, name):
    with pytest.raises(ValueError, match='name of a file below the folder'):
        find_named(tmp_path, name)


def test_marks_of_letters_do_not_part_images_from_labels(tmp_path):
    one, two = normalize('NFC', 'é'), normalize('NFD', 'é')
    images = {two: tmp_path / 'image', 'b': tmp_path / 'b'}
    labels = {one: (tmp_path / 'label',), 'c': (tmp_path / 'c',)}
    items, problems = pair_files(images, labels)
    assert items == [LabelItem(two, tmp_path / 'image', (tmp_path / 'label',))]
    assert [str(p.path.name) for p in problems] == ['b', 'c']
    # Both are there: each belongs to its own.
    items, problems = pair_files({one: 1, two: 2}, {one: (3,), two: (4,)})
    assert [(item.image, item.labels) for item in items] == [(2, (4,)), (1, (3,))]
    assert problems == []
