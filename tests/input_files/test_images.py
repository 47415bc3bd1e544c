import io

import cv2
import numpy as np
import pytest
from PIL import Image

from mmsteal.input_files import load_image, open_image, read_bgr
from tests.input_files.bad_files import huge_png


def png(array, **options):
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, 'PNG', **options)
    return buffer.getvalue()


@pytest.mark.parametrize('size', [(30_000, 30_000), (200_000, 1_000), (1 << 31, 1)])
@pytest.mark.parametrize('read', [open_image, load_image, read_bgr])
def test_large_headers_are_refused_before_a_pixel_is_read(tmp_path, read, size):
    (tmp_path / 'a.png').write_bytes(huge_png(*size))
    with pytest.raises((ValueError, OSError)):
        read(tmp_path / 'a.png')


def test_the_message_says_the_size_and_how_to_read_it(tmp_path, monkeypatch):
    (tmp_path / 'a.png').write_bytes(png(np.zeros((30, 50), np.uint8)))
    monkeypatch.setenv('MMSTEAL_MAX_MEGAPIXELS', '0.001')
    with pytest.raises(ValueError, match=r'50 x 30 pixels, but up to 0\.001 million.*MEGAPIXELS'):
        open_image(tmp_path / 'a.png')
    monkeypatch.setenv('MMSTEAL_MAX_MEGAPIXELS', '0.0015')
    assert load_image(tmp_path / 'a.png').size == (50, 30)


def test_the_limit_can_be_raised_above_pillows(tmp_path, monkeypatch):
    (tmp_path / 'a.png').write_bytes(huge_png(20_000, 20_000))
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', Image.MAX_IMAGE_PIXELS)
    with pytest.raises(ValueError, match='pixels'):
        open_image(tmp_path / 'a.png')
    monkeypatch.setenv('MMSTEAL_MAX_MEGAPIXELS', '400')
    with open_image(tmp_path / 'a.png') as image:
        assert image.size == (20_000, 20_000)


@pytest.mark.parametrize('text', ['0', '-3', 'many', 'nan', 'inf'])
def test_a_limit_that_is_none_is_refused(tmp_path, monkeypatch, text):
    monkeypatch.setenv('MMSTEAL_MAX_MEGAPIXELS', text)
    (tmp_path / 'a.png').write_bytes(png(np.zeros((3, 5), np.uint8)))
    with pytest.raises(ValueError, match=f'MMSTEAL_MAX_MEGAPIXELS to be a number.*{text}'):
        open_image(tmp_path / 'a.png')


@pytest.mark.parametrize('content', [b'', b'\x89PNG', b'GIF89a', b'%!PS-Adobe-3.0 EPSF-3.0\n'])
def test_what_is_no_image(tmp_path, content):
    (tmp_path / 'a.png').write_bytes(content)
    for read in (open_image, load_image, read_bgr):
        with pytest.raises((ValueError, OSError)):
            read(tmp_path / 'a.png')


def test_formats_that_start_programs_are_not_read(tmp_path):
    Image.new('RGB', (20, 20)).save(tmp_path / 'a.eps')
    (tmp_path / 'a.eps').rename(tmp_path / 'a.png')
    assert Image.open(tmp_path / 'a.png').format == 'EPS'
    with pytest.raises(OSError, match='cannot identify'):
        open_image(tmp_path / 'a.png')


@pytest.mark.parametrize('suffix', ['png', 'jpg', 'bmp', 'tif', 'webp'])
def test_pixels_are_those_of_opencv(tmp_path, suffix):
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    path = tmp_path / f'a.{suffix}'
    cv2.imwrite(str(path), image)
    np.testing.assert_array_equal(read_bgr(path), cv2.imread(str(path)))


def test_names_that_are_no_text(tmp_path):
    import os

    path = tmp_path / os.fsdecode(b'caf\xe9.png')
    try:
        path.write_bytes(png(np.full((4, 5), 7, np.uint8)))
    except OSError:
        pytest.skip('this file system takes no such names')
    assert (read_bgr(path) == 7).all()
    assert load_image(path).size == (5, 4)
