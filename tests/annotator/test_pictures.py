"""Uploads of every odd kind are read or refused with a reason."""

import numpy as np
import pytest
from PIL import Image

from mmsteal.annotator import AnnotatorError, pictures, read_picture
from mmsteal.annotator.pictures import read_values


def saved(tmp_path, array, name='a.png', mode=None):
    path = tmp_path / name
    Image.fromarray(array, mode).save(path)
    return path


def test_color_comes_as_it_is(tmp_path, rng):
    pixels = rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)
    picture = read_picture(saved(tmp_path, pixels, 'my photo (1).png'))
    np.testing.assert_array_equal(picture.pixels, pixels)
    assert (picture.name, picture.file_name) == ('my_photo_1', 'my_photo_1.png')
    assert picture.notes == ()


def test_grey_is_repeated(tmp_path, rng):
    grey = rng.integers(0, 256, (20, 30), dtype=np.uint8)
    picture = read_picture(saved(tmp_path, grey))
    np.testing.assert_array_equal(picture.pixels, np.repeat(grey[..., None], 3, axis=2))
    assert 'grey' in picture.notes[0]


def test_transparency_lies_on_white(tmp_path):
    pixels = np.zeros((20, 30, 4), np.uint8)
    pixels[:, 15:, 3] = 255
    picture = read_picture(saved(tmp_path, pixels))
    assert (picture.pixels[:, :15] == 255).all()
    assert (picture.pixels[:, 15:] == 0).all()
    assert 'white' in picture.notes[0]


def test_sixteen_bits_are_scaled(tmp_path):
    values = np.linspace(1000, 3000, 400).reshape(20, 20).astype(np.uint16)
    picture = read_picture(saved(tmp_path, values))
    assert (picture.pixels.min(), picture.pixels.max()) == (0, 255)
    assert '1000 to 3000' in picture.notes[0]


def test_constant_sixteen_bits(tmp_path):
    picture = read_picture(saved(tmp_path, np.full((20, 20), 40000, np.uint16)))
    assert (picture.pixels == 0).all()


def test_photograph_is_turned(tmp_path):
    image = Image.fromarray(np.zeros((20, 30, 3), np.uint8))
    exif = image.getexif()
    exif[0x0112] = 6  # a quarter turn
    image.save(tmp_path / 'a.jpg', exif=exif)
    picture = read_picture(tmp_path / 'a.jpg')
    assert picture.pixels.shape == (30, 20, 3)
    assert 'turned' in picture.notes[0]


def test_tiny_image(tmp_path):
    with pytest.raises(AnnotatorError, match='8 x 8; at least 16'):
        read_picture(saved(tmp_path, np.zeros((8, 8), np.uint8)))


def test_huge_image_is_refused_by_its_header(tmp_path, monkeypatch):
    path = saved(tmp_path, np.zeros((5000, 4000), np.uint8))
    monkeypatch.setattr(Image.Image, 'load', lambda self: pytest.fail('decoded'))
    with pytest.raises(AnnotatorError, match='4000 x 5000; up to 16 million'):
        read_picture(path)


def test_decompression_bomb(tmp_path, monkeypatch):
    path = saved(tmp_path, np.zeros((50, 40), np.uint8))
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 100)
    with pytest.raises(AnnotatorError, match='is huge'):
        read_picture(path)


def test_big_file(tmp_path, monkeypatch, rng):
    path = saved(tmp_path, rng.integers(0, 256, (40, 40, 3), dtype=np.uint8))
    monkeypatch.setattr(pictures, 'MAX_BYTES', 1000)
    with pytest.raises(AnnotatorError, match='are taken'):
        read_picture(path)


@pytest.mark.parametrize('keep', [3000, 60, 0])
def test_cut_off_file(tmp_path, rng, keep):
    path = saved(tmp_path, rng.integers(0, 256, (60, 60, 3), dtype=np.uint8))
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(AnnotatorError, match='damaged'):
        read_picture(path)


def test_other_types_are_not_tried(tmp_path):
    path = tmp_path / 'a.png'
    path.write_bytes(b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n')
    with pytest.raises(AnnotatorError, match='cannot be read as image'):
        read_picture(path)


def test_missing_file(tmp_path):
    with pytest.raises(AnnotatorError, match='did not arrive'):
        read_picture(tmp_path / 'a.png')


def test_values_of_a_palette_are_its_indices(tmp_path):
    labels = np.repeat(np.arange(20, dtype=np.uint8)[:, None], 20, axis=1)
    image = Image.frombytes('P', (20, 20), labels.tobytes())
    image.putpalette([200] * 768)
    image.save(tmp_path / 'a.png')
    np.testing.assert_array_equal(read_values(tmp_path / 'a.png', 'label map'), labels)


def test_values_of_colors_are_refused(tmp_path):
    path = saved(tmp_path, np.zeros((20, 20, 3), np.uint8))
    with pytest.raises(AnnotatorError, match='color picture'):
        read_values(path, 'label map')
