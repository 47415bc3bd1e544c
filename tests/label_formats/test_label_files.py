"""Label files as arrays."""

import numpy as np
import pytest
from PIL import Image

from mmsteal.label_formats.label_files import compact_ids, decode_png, read_label_file


@pytest.mark.parametrize('mode', ['1', 'L', 'P', 'I;16', 'LA', 'RGB'])
def test_decoded_as_by_mmcv(tmp_path, mode):
    mmcv = pytest.importorskip('mmcv')
    values = np.arange(12).reshape(3, 4) * (1000 if mode == 'I;16' else 20)
    image = Image.fromarray(values.astype(np.uint16 if mode == 'I;16' else np.uint8))
    if mode != 'I;16':
        image = image.convert(mode)
    path = tmp_path / 'a.png'
    image.save(path)
    expected = mmcv.imfrombytes(path.read_bytes(), flag='unchanged', backend='pillow')
    if expected.ndim == 2:
        found = read_label_file(path)
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == expected.dtype
    else:
        with pytest.raises(ValueError, match=r'a\.png: ValueError: expected (.|\n)*one channel'):
            read_label_file(path)


def test_files_from_elsewhere():
    asked = []

    def fetch(path):
        asked.append(path)
        return b'7'

    found = read_label_file('s3://a.png', lambda content: np.array(int(content)), fetch=fetch)
    assert (found, asked) == (7, ['s3://a.png'])


def test_bad_files_are_named(tmp_path):
    path = tmp_path / 'b.png'
    with pytest.raises(FileNotFoundError, match=r'b\.png'):
        read_label_file(path)
    path.write_bytes(b'no image')
    with pytest.raises(ValueError, match=r'Cannot read the label file .*b\.png.* Restore the file'):
        read_label_file(path)
    with pytest.raises(OSError, match='cannot identify'):
        decode_png(b'no image')


def test_large_instance_ids_are_compacted():
    ids = np.array([[0, 70000], [123456789, 70000]], np.int32)
    compact = compact_ids(ids)
    assert compact.dtype == np.uint16
    assert compact.tolist() == [[0, 1], [2, 1]]
