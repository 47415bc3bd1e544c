"""Files are whole or not there, whatever fails."""

import errno
import os
import time

import pytest

from mmsteal import files
from mmsteal.files import (
    is_same_file,
    path_under,
    remove_partial_files,
    whole_file,
    write_csv,
    write_file,
    write_files,
)


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


def test_what_was_left_of_a_file_alone(tmp_path):
    for name in ('.a.csv.12ab34cd.part', '.b.csv.12ab34cd.part', 'a.csv'):
        (tmp_path / name).touch()
    remove_partial_files(tmp_path / 'a.csv')
    assert names(tmp_path) == ['.b.csv.12ab34cd.part', 'a.csv']
    remove_partial_files(tmp_path / 'none/a.csv')


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


@pytest.mark.parametrize('name', ['../a', 'b/../../a', '/a', '..', '', '.'])
def test_names_that_lead_out_are_refused(tmp_path, name):
    with pytest.raises(ValueError, match='below the folder'):
        path_under(tmp_path, name)
    with pytest.raises(ValueError, match='below the folder'):
        path_under(tmp_path, name, links=False)


def test_links_that_lead_out_are_refused_for_files_to_write(tmp_path):
    (tmp_path / 'out').mkdir()
    (tmp_path / 'elsewhere').mkdir()
    (tmp_path / 'out/labels').symlink_to(tmp_path / 'elsewhere')
    with pytest.raises(ValueError, match='remove the link'):
        path_under(tmp_path / 'out', 'labels/new/a.png')
    expected = tmp_path / 'out/labels/a.png'
    assert path_under(tmp_path / 'out', 'labels/a.png', links=False) == expected
    # A folder that is a link itself, and one that leads to another place in it.
    (tmp_path / 'link').symlink_to(tmp_path / 'out')
    (tmp_path / 'out/b').symlink_to(tmp_path / 'out')
    assert path_under(tmp_path / 'link', 'b/a.png') == tmp_path / 'link/b/a.png'


def test_the_same_file_by_another_name(tmp_path):
    (tmp_path / 'a').write_bytes(b'')
    (tmp_path / 'link').symlink_to(tmp_path / 'a')
    (tmp_path / 'folder').symlink_to(tmp_path)
    assert is_same_file(tmp_path / 'folder/a', tmp_path / 'a')
    assert is_same_file(tmp_path / 'a', tmp_path / 'link')  # the link leads to it
    # A file that is written takes the place of a link, and what it leads to stays.
    assert not is_same_file(tmp_path / 'link', tmp_path / 'a')
    assert not is_same_file(tmp_path / 'b', tmp_path / 'a')


def test_files_that_are_being_written_are_no_leftovers(tmp_path):
    with whole_file(tmp_path / 'a') as partial:
        partial.write_bytes(b'half')
        remove_partial_files(tmp_path)
        assert partial.exists()
    assert (tmp_path / 'a').read_bytes() == b'half'


def test_without_locks_old_leftovers_alone_are_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(files, 'fcntl', None)  # as on Windows
    write_file(tmp_path / 'a', b'1')
    old, young = (tmp_path / f'.{name}.12ab34cd.part' for name in 'bc')
    for path in (old, young):
        path.touch()
    os.utime(old, (time.time() - 7200,) * 2)
    remove_partial_files(tmp_path)
    assert names(tmp_path) == ['.c.12ab34cd.part', 'a']
