import random
import struct
import subprocess
import sys
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from mmsteal.input_files import read_mat_file
from mmsteal.label_formats.sbd_mat import (
    blank_fields,
    encode_mat,
    read_mat,
    segmentation,
    stored_boundaries,
)
from tests.input_files.bad_files import mat_bomb, mat_header

SAMPLES = Path(scipy.io.__file__).parent / 'matlab' / 'tests' / 'data'
# Of version 4, and what neither SBD nor BSDS has: functions and objects.
OTHERS = ('4.2c', '_mat4_', 'vec_4', 'func', 'object', 'parabola', 'sqr.mat')


def sbd_file(kind='cls'):
    values = np.zeros((30, 40), np.uint8)
    values[5:20, 8:30], values[10:25, 2:9] = 1, 2
    fields = blank_fields(kind, values.shape, 20 if kind == 'cls' else 2)
    if kind == 'inst':
        fields['Categories'] = np.array([[3], [7]], np.uint8)
    return encode_mat(Path('x.mat'), kind, fields, values), values


def plain(content):
    """A file with its elements decompressed."""
    kind, size = struct.unpack_from('<II', content, 128)
    assert (kind, size) == (15, len(content) - 136)
    return content[:128] + zlib.decompress(content[136:])


@pytest.mark.parametrize('path', sorted(SAMPLES.glob('*.mat')), ids=lambda path: path.name)
@pytest.mark.filterwarnings('ignore')
def test_matlabs_own_files_are_read_as_scipy_does(path):
    if any(part in path.name for part in OTHERS):
        with pytest.raises(ValueError, match=r'save -v7|not read'):
            read_mat_file(path.read_bytes())
        return
    try:
        expected = scipy.io.loadmat(path)
    except Exception:
        with pytest.raises(ValueError, match=r'.'):
            read_mat_file(path.read_bytes())
    else:
        assert repr(read_mat_file(path.read_bytes())) == repr(expected)


@pytest.mark.parametrize('kind', ['cls', 'inst'])
def test_sbd(kind):
    content, values = sbd_file(kind)
    for one in (content, plain(content)):
        np.testing.assert_array_equal(segmentation(one, kind), values)
    fields, expected = read_mat(content, kind), scipy.io.loadmat(BytesIO(content))
    assert list(fields) == list(expected[f'GT{kind}'].dtype.names)


def test_a_bomb_is_refused_before_it_goes_off(monkeypatch):
    with pytest.raises(ValueError, match='takes 4000 MB in memory'):
        read_mat_file(mat_bomb(1, announced=4_000_000_000))
    with pytest.raises(ValueError, match='does not have the 8 bytes'):
        read_mat_file(mat_bomb(1, announced=8))
    monkeypatch.setenv('MMSTEAL_MAX_MEGAPIXELS', '0.1')
    with pytest.raises(ValueError, match=r'takes 2 MB in memory, but up to 2 MB'):
        read_mat_file(mat_bomb(2))


def element(kind, data):
    return struct.pack('<II', kind, len(data)) + data + bytes(-len(data) % 8)


def matrix(kind, shape, *parts):
    flags = element(6, struct.pack('<II', kind, 0))
    return element(14, flags + element(5, np.array(shape, '<i4').tobytes()) + element(1, b'a')
                   + b''.join(parts))  # fmt: skip


def sparse(shape, rows, starts, values):
    return matrix(5, shape, *(element(5, np.array(v, '<i4').tobytes()) for v in (rows, starts)),
                  element(9, np.array(values, '<f8').tobytes()))  # fmt: skip


def nested(depth):
    inner = matrix(6, (1, 1), element(9, bytes(8)))
    for _ in range(depth):
        inner = matrix(1, (1, 1), inner)
    return inner


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (matrix(6, (1 << 20, 1 << 10), element(9, bytes(8))), 'expected 1073741824 values'),
        (matrix(6, (-1, 1), element(9, bytes(8))), r'shape \[-1, 1\]'),
        (matrix(6, (1,), element(9, bytes(8))), r'shape \[1\]'),
        (matrix(6, (1, 1), element(9, bytes(8)), element(9, bytes(8))), 'follow on the end'),
        (matrix(1, (1 << 20, 1 << 10)), 'fewer parts'),
        (matrix(2, (1 << 30, 1), element(5, bytes(4)), element(1, b'')), 'names of the fields'),
        (matrix(2, (1 << 30, 1), struct.pack('<HHi', 5, 4, 8), element(1, b'')), 'fewer parts'),
        (sparse((3, 2), [0, 5], [0, 1, 2], [1, 1]), 'rows of a sparse'),
        (sparse((3, 2), [0, -1], [0, 1, 2], [1, 1]), 'rows of a sparse'),
        (sparse((3, 2), [0], [0, 1, 2], [1, 1]), 'rows of a sparse'),
        (sparse((3, 2), [0, 1], [0, 2, 1], [1, 1]), 'columns of a sparse'),
        (sparse((3, 2), [0, 1], [0, 2], [1, 1]), 'columns of a sparse'),
        (sparse((3, 2), [0, 1], [0, 1, 2], [1]), 'expected 2 values'),
        (nested(100), 'nested too deeply'),
        (struct.pack('<II', 14, 1 << 30), 'beyond the end'),
        (struct.pack('<I', 14), 'within a tag'),
        (element(15, b'not compressed'), 'compressed data are damaged'),
        (element(15, zlib.compress(b'abc')), 'within a compressed tag'),
    ],
)
def test_sizes_that_do_not_fit(content, message):
    with pytest.raises(ValueError, match=message):
        read_mat_file(mat_header() + content)


def test_depth_that_is_fine():
    assert read_mat_file(mat_header() + nested(20))['a'].shape == (1, 1)


def test_sparse_boundaries_of_another_size_are_not_made_dense():
    _, values = sbd_file()
    fields = {**blank_fields('cls', values.shape, 1), 'Segmentation': values}
    huge = scipy.sparse.csc_matrix(((), ((), ())), shape=(2**31 - 1, 1), dtype=np.uint8)
    fields['Boundaries'][0, 0] = huge
    buffer = BytesIO()
    scipy.io.savemat(buffer, {'GTcls': fields})
    assert len(buffer.getvalue()) < 10_000
    with pytest.raises(ValueError, match='size of the Segmentation'):
        stored_boundaries(buffer.getvalue(), 'cls')


_ATTACK = """
import sys
from mmsteal.label_formats.sbd_mat import stored_boundaries
for path in sys.argv[1:]:
    try:
        stored_boundaries(open(path, 'rb').read(), 'cls')
    except Exception:
        pass
print('alive')
"""


def test_damaged_files_do_not_end_the_process(tmp_path):
    """A quarter of such files ended it when scipy read them as they were."""
    rng = random.Random(0)
    good = plain(sbd_file()[0])
    paths = []
    for number in range(200):
        content = bytearray(good)
        for _ in range(rng.choice([1, 2, 4])):
            at = rng.randrange(128, len(content) - 4)
            content[at : at + 4] = rng.randbytes(rng.choice([1, 4]))
        paths.append(tmp_path / f'{number}.mat')
        paths[-1].write_bytes(content)
    done = subprocess.run(
        [sys.executable, '-c', _ATTACK, *map(str, paths)], capture_output=True, text=True
    )
    assert done.stdout == 'alive\n', (done.returncode, done.stderr[-500:])
