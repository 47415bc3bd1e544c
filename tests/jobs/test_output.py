"""Errors of the disk."""

import errno

import pytest

from mmsteal.jobs import OutputError, writing_to


@pytest.mark.parametrize(
    ('number', 'remedy'),
    [
        (errno.ENOSPC, 'No space left on device; make room, and the same command resumes'),
        (errno.EROFS, 'the folder must be writable'),
        (errno.EIO, 'Input/output error; see to it'),
    ],
)
def test_errors_say_what_to_do(tmp_path, number, remedy):
    for name in (None, str(tmp_path), str(tmp_path / 'deep/file.png')):
        with pytest.raises(OutputError, match=remedy) as told, writing_to(tmp_path):
            raise OSError(number, {errno.ENOSPC: 'No space left on device',
                                   errno.EROFS: 'Read-only file system',
                                   errno.EIO: 'Input/output error'}[number], name)  # fmt: skip
        assert str(tmp_path) in str(told.value)


def test_errors_of_other_files_pass(tmp_path):
    with pytest.raises(FileNotFoundError), writing_to(tmp_path / 'out'):
        (tmp_path / 'source.png').read_bytes()
    with pytest.raises(ValueError, match='mine'), writing_to(tmp_path):
        raise ValueError('mine')
