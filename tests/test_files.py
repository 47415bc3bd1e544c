"""Files are whole or not there, whatever fails."""

import errno
import os

import pytest

from mmsteal.files import remove_partial_files, whole_file, write_csv, write_file, write_files


def names(folder):
    return sorted(path.name for path in folder.rglob('*') if path.is_file())


def test_write_file(tmp_path):
    path = tmp_path / 'new/folder/a.txt'
    write_file(path, 'grün\r\n')
    assert path.read_bytes() == 'grün\r\n'.encode()
    write_file(str(path), b'\x00\xff')
    assert path.read_bytes() == b'\x00\xff'
    assert names(tmp_path) == ['a.txt']


def test_a_file_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    events = []
    monkeypatch.setattr(os, 'fsync', lambda descriptor: events.append('fsync'))
    replace = os.replace

    def watched(source, target):
        events.append('replace')
        replace(source, target)

    monkeypatch.setattr(os, 'replace', watched)
    write_files({tmp_path / 'a': b'1', tmp_path / 'b': b'2'})
    assert events == ['fsync', 'fsync', 'replace', 'replace']
    with whole_file(tmp_path / 'c') as partial:
        partial.write_bytes(b'3')
    assert events[4:] == ['fsync', 'replace']
    assert names(tmp_path) == ['a', 'b', 'c']


@pytest.mark.parametrize('refuses', ['fsync', 'replace'])
def test_a_disk_that_refuses_leaves_the_old_files(tmp_path, monkeypatch, refuses):
    write_files({tmp_path / 'a': b'old', tmp_path / 'b': b'old'})

    def refuse(*_):
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(os, refuses, refuse)
    with pytest.raises(OSError, match='No space left'):
        write_files({tmp_path / 'a': b'new', tmp_path / 'b': b'new'})
    with pytest.raises(OSError, match='No space left'), whole_file(tmp_path / 'a') as partial:
        partial.write_bytes(b'new')
    assert (tmp_path / 'a').read_bytes() == (tmp_path / 'b').read_bytes() == b'old'
    assert names(tmp_path) == ['a', 'b']


def test_a_block_that_fails_leaves_the_old_file(tmp_path):
    write_file(tmp_path / 'a', 'old')

    def interrupted():
        with whole_file(tmp_path / 'a') as partial:
            partial.write_text('half')
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (tmp_path / 'a').read_text() == 'old'
    assert names(tmp_path) == ['a']


def test_what_a_killed_run_left_is_removed(tmp_path):
    write_file(tmp_path / 'labels/a.png', b'whole')
    (tmp_path / 'labels/.b.png.12ab34cd.part').write_bytes(b'half')
    (tmp_path / '.hidden').write_bytes(b'of somebody else')
    remove_partial_files(tmp_path)
    assert names(tmp_path) == ['.hidden', 'a.png']


def test_table_is_written_whole(tmp_path):
    path = tmp_path / 'new/table.csv'
    write_csv(path, [['image', 'iou'], ['a, b', 0.5], ['c', None]])
    assert path.read_bytes() == b'image,iou\n"a, b",0.5\nc,\n'

    def broken():
        yield ['image']
        raise ValueError('a row')

    with pytest.raises(ValueError, match='a row'):
        write_csv(path, broken())
    assert path.read_bytes().startswith(b'image,iou\n')
    assert [file.name for file in path.parent.iterdir()] == ['table.csv']
