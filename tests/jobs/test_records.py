"""Records on disk."""

import json
import os

import numpy as np
import pytest

from mmsteal.jobs import ArrayRecords, Origin, Records, file_hash, fingerprint


def test_record_as_it_lies_on_disk(tmp_path):
    (tmp_path / 'in').write_bytes(b'12345')
    origin = Origin.of('f' * 16, [tmp_path / 'in'])
    records = Records(tmp_path / 'reports', results=tmp_path / 'labels')
    records.write('city/a', origin, {'notes': ['x']}, files=[tmp_path / 'labels/city/a.png'])
    stored = json.loads((tmp_path / 'reports/city/a.json').read_text())
    assert list(stored) == ['name', 'fingerprint', 'input', 'files', 'notes']
    assert stored == {
        'name': 'city/a', 'fingerprint': 'f' * 16, 'files': ['city/a.png'], 'notes': ['x'],
        'input': [[5, (tmp_path / 'in').stat().st_mtime_ns]],
    }  # fmt: skip
    assert records.read('city/a') == stored
    assert records.read_current('city/a', origin) is None  # its file is not there
    (tmp_path / 'labels/city').mkdir(parents=True)
    (tmp_path / 'labels/city/a.png').touch()
    assert records.read_current('city/a', origin) == stored
    records.remove('city/a')
    assert records.read('city/a') is None
    records.wait_for([])


@pytest.mark.parametrize('kind', [Records, ArrayRecords])
def test_only_what_was_made_of_the_same_is_current(tmp_path, kind):
    origin = Origin('a', ((3, 4),))
    records = kind(tmp_path)
    records.write('x', origin, {'number': 1})
    assert records.read_current('x', origin)['number'] == 1
    for other in (Origin('b', ((3, 4),)), Origin('a', ((3, 5),)), Origin('a')):
        assert records.read_current('x', other) is None
    for content in (b'', b'{', b'[1]', b'PK cut off'):
        records.path('x').write_bytes(content)
        assert records.read_current('x', origin) is None


def test_arrays(tmp_path):
    records = ArrayRecords(tmp_path)
    counts = np.arange(6, dtype=np.int32).reshape(2, 3)
    records.write('a', Origin('f'), {'counts': counts, 'mean': 0.1, 'none': None})
    found = records.read('a')
    np.testing.assert_array_equal(found.pop('counts'), counts, strict=True)
    assert found == {
        'name': 'a', 'fingerprint': 'f', 'input': [], 'files': [], 'mean': 0.1, 'none': None
    }  # fmt: skip
    with np.load(tmp_path / 'a.npz') as file:  # for everybody else
        np.testing.assert_array_equal(file['counts'], counts)


def test_hashes(tmp_path):
    assert fingerprint({'a': [1.5, None], 'b': 'c'}) == fingerprint({'b': 'c', 'a': (1.5, None)})
    assert fingerprint({'a': 1}) != fingerprint({'a': 2})
    (tmp_path / 'a').write_bytes(b'abc')
    assert file_hash(tmp_path / 'a') == 'ba7816bf8f01cfea'  # of FIPS 180-2
    with pytest.raises(FileNotFoundError):
        Origin.of('f', [tmp_path / 'none'])


def test_places_of_files_may_matter(tmp_path):
    """Two files of one size and time, swapped."""
    for name in 'ab':
        (tmp_path / name).write_bytes(name.encode())
        os.utime(tmp_path / name, ns=(1, 1))
    paths = [tmp_path / 'a', tmp_path / 'b']
    assert Origin.of('f', paths) == Origin.of('f', paths[::-1])
    assert Origin.of('f', paths, places=True) == Origin.of('f', iter(paths), places=True)
    assert Origin.of('f', paths, places=True) != Origin.of('f', paths[::-1], places=True)
