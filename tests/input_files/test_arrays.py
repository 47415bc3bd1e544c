import io
import pickle
import resource
import zipfile

import numpy as np
import pytest

from mmsteal.input_files import read_array
from tests.input_files.bad_files import npy_header, npz_bomb


def zipped(content, name='a.npy'):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, 'w') as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize('save', [np.save, np.savez, np.savez_compressed])
@pytest.mark.parametrize('order', ['C', 'F'])
def test_arrays_are_those_of_numpy(tmp_path, save, order):
    array = np.asarray(np.random.default_rng(0).random((3, 5, 7)), order=order)
    path = tmp_path / ('a.npy' if save is np.save else 'a.npz')
    save(path, array)
    np.testing.assert_array_equal(read_array(path), array)


@pytest.mark.parametrize('wrap', [bytes, zipped])
@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (npy_header((1 << 40,)), 'takes 1099512 MB'),
        (npy_header((1 << 60, 1 << 60)), 'takes .* MB'),
        (npy_header((10, 10)), 'announces 100 bytes'),
        (npy_header((10,), '|O') + pickle.dumps([1]), 'pickled'),
        (b'\x93NUMPY\x09\x00', 'version'),
        (b'no array at all', 'magic'),
        (b'', 'EOF|magic|[Ff]ailed'),
    ],
)
def test_damaged_arrays(tmp_path, wrap, content, message):
    (tmp_path / 'a.npz').write_bytes(wrap(content))
    with pytest.raises(ValueError, match=message):
        read_array(tmp_path / 'a.npz')


def test_archives_that_are_none(tmp_path):
    whole = zipped(npy_header((2,)) + b'ab')
    for content in (whole[:-30], whole[:4], whole.replace(b'ab', b'ax')):
        (tmp_path / 'a.npz').write_bytes(content)
        with pytest.raises(ValueError, match='npz'):
            read_array(tmp_path / 'a.npz')


def test_a_bomb_is_refused_before_it_goes_off(tmp_path, monkeypatch):
    monkeypatch.setenv('MMSTEAL_MAX_MEGAPIXELS', '1')  # 16 MB
    (tmp_path / 'a.npz').write_bytes(npz_bomb(300))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ValueError, match='takes 300 MB in memory, but up to 16 MB'):
        read_array(tmp_path / 'a.npz')
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kB
