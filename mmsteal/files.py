"""The one way in which files are written: whole, or not at all."""

from __future__ import annotations

import csv
import errno
import glob
import io
import math
import os
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

# A file is `.NAME.TOKEN.part`, beside its place, until it is whole.
_PARTIAL = '.part'
# For how long nothing is known of one, on file systems without locks.
_UNSURE_S = 3600.0


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Give a path to write to, which becomes `path` when the block ends well.

    The content is on the disk before the file gets its name: a reader finds the old file or the
    new one, even after a power cut. If the block or the disk fails, the old file stays, and nothing
    is left beside it.

    Args:
        path: The file. Its folder is made if needed.

    Yields:
        The path to write to, in the same folder.

    Raises:
        OSError: If the disk refuses.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp(), 'scores.txt')
        >>> with whole_file(file) as partial:
        ...     _ = partial.write_text('0.71')
        >>> file.read_text(), [p.name for p in file.parent.iterdir()]
        ('0.71', ['scores.txt'])
    """
    partial = _PartialFile(Path(path))
    try:
        partial.create()
        yield partial.path
        partial.put_on_disk()
        partial.rename()
    finally:
        partial.leave()


def write_files(contents: Mapping[Path, bytes]) -> None:
    """Write files that belong together: all under other names first, then each gets its own.

    Args:
        contents: Bytes of each file; they get their names in this order.

    Raises:
        OSError: If the disk refuses. If it has no room for the contents, no file has changed.
    """
    partials = [_PartialFile(path) for path in contents]
    try:
        for partial, content in zip(partials, contents.values(), strict=True):
            partial.create()
            partial.path.write_bytes(content)
            partial.put_on_disk()
        for partial in partials:
            partial.rename()
    finally:
        for partial in partials:
            partial.leave()


def write_file(path: str | Path, content: bytes | str) -> None:
    """Write one file, whole or not at all.

    Args:
        path: The file. Its folder is made if needed.
        content: Bytes, or text, which is written as :func:`as_bytes` makes it.

    Raises:
        OSError: If the disk refuses; the old file stays.
    """
    write_files({Path(path): as_bytes(content)})


def as_bytes(content: bytes | str) -> bytes:
    r"""Text as UTF-8 with the line ends that it has; bytes as they are.

    A file name need not be text. What is none of it becomes `\\udcXX`, which JSON reads as the same
    name again.

    Example:
        >>> import os
        >>> as_bytes(os.fsdecode(b'caf\xe9.png'))
        b'caf\\udce9.png'
    """
    return content.encode(errors='backslashreplace') if isinstance(content, str) else content


def path_under(folder: str | Path, name: str | Path, *, links: bool = True) -> Path:
    """Place of a file below a folder; names out of files of other people are joined by this alone.

    Args:
        folder: The folder, which itself may be a link.
        name: Relative name of the file.
        links: Follow the links that are there below the folder, as for a file that is written.
            False: look at the name alone, as for images to read, whose folders may be links.

    Returns:
        The path, as it was given.

    Raises:
        ValueError: If the name is absolute, goes up with `..`, or a link leads out of the folder.

    Example:
        >>> path_under('labels', 'city/a.png').as_posix()
        'labels/city/a.png'
        >>> path_under('labels', '../a.png')  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ValueError: Expected the name of a file below the folder labels, but got '../a.png', ...
    """
    folder, relative = Path(folder), Path(name)
    path = folder / relative
    if relative.is_absolute() or '..' in relative.parts or not relative.name:
        raise ValueError(
            f'Expected the name of a file below the folder {folder}, but got {str(name)!r}, which '
            'leads out of it; rename the file, or give a folder that holds all of them.'
        )
    # The last name may be a link: a file that is written takes its place.
    if links and not path.parent.resolve().is_relative_to(folder.resolve()):
        raise ValueError(
            f'Expected {path} to lie in the folder {folder.resolve()}, but a link leads to '
            f'{path.parent.resolve()}; remove the link, or take another folder.'
        )
    return path


def is_same_file(path: str | Path, other: str | Path) -> bool:
    """Whether writing to a path would replace another file, however both are spelled.

    Args:
        path: Where a file would be written; it need not exist.
        other: The other file.

    Example:
        >>> is_same_file('labels/../a.png', 'a.png')
        True
    """
    places = [Path(one) for one in (path, other)]
    target, source = (place.parent.resolve() / place.name for place in places)
    return target in (source, places[1].resolve())


def json_value(value: Any, decimals: int | None = None) -> Any:
    """Lists and numbers that JSON holds; numbers that are not finite become null.

    Args:
        value: Mappings, sequences and arrays of numbers, text, bool and None.
        decimals: To how many floats are rounded; None: not at all.

    Example:
        >>> json_value({'iou': float('nan'), 'px': (1.23456, 2)}, decimals=2)
        {'iou': None, 'px': [1.23, 2]}
    """
    if isinstance(value, Mapping):
        return {key: json_value(entry, decimals) for key, entry in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [json_value(entry, decimals) for entry in value]
    if isinstance(value, float | np.floating):
        number = float(value)
        if not math.isfinite(number):
            return None
        return number if decimals is None else round(number, decimals)
    return int(value) if isinstance(value, np.integer) else value


def write_csv(path: str | Path, rows: Iterable[Sequence[Any]]) -> None:
    """Write a table as CSV, whole or not at all; lines end with a newline alone.

    Args:
        path: The file. Its folder is made if needed.
        rows: Cells of each line, the header first; None is an empty cell.

    Raises:
        OSError: If the disk refuses; the old file stays.
    """
    text = io.StringIO()
    csv.writer(text, lineterminator='\n').writerows(rows)
    write_file(path, text.getvalue())


def lock_file(descriptor: int) -> None:
    """Take the lock of an open file or folder, without waiting; the system gives it back.

    Args:
        descriptor: As `os.open` returns it.

    Raises:
        BlockingIOError: If somebody else has it.
        OSError: If the file system has no locks.
    """
    if fcntl is None:
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def remove_partial_files(place: str | Path) -> None:
    """Remove what killed runs left of a file, or of those below a folder, that they were writing.

    Files that another process is writing at this moment stay. Where the file system cannot tell
    them, all stay that have changed within the last hour.

    Args:
        place: The file or the folder, which need not be there.
    """
    place = Path(place)
    of_file = place.parent.glob(f'.{glob.escape(place.name)}.*{_PARTIAL}')
    for partial in place.rglob(f'.*{_PARTIAL}') if place.is_dir() else of_file:
        with suppress(OSError):  # somebody else was faster, or may do it
            if not _is_being_written(partial):
                partial.unlink()


class _PartialFile:
    """A file until it is whole: `.NAME.TOKEN.part`, locked as long as its writer lives."""

    def __init__(self, target: Path) -> None:
        self.target = target
        # Not the process id: threads, and ranks on several machines, share folders.
        self.path = target.with_name(f'.{target.name}.{secrets.token_hex(4)}{_PARTIAL}')
        self._descriptor = -1

    def create(self) -> None:
        # Apart from __init__: a signal may come at any time, and then somebody must know of it.
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666)
        with suppress(OSError):  # not every file system has locks
            lock_file(self._descriptor)

    def put_on_disk(self) -> None:
        os.fsync(self._descriptor)

    def rename(self) -> None:
        if fcntl is None:  # Windows renames no file that is open
            self._close()
        os.replace(self.path, self.target)

    def leave(self) -> None:
        try:
            with suppress(OSError):  # what has gone wrong is told already
                self.path.unlink()
        finally:
            self._close()

    def _close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _is_being_written(partial: Path) -> bool:
    with open(partial, 'rb+') as file:
        try:
            lock_file(file.fileno())
        except BlockingIOError:
            return True
        except OSError:
            return time.time() - partial.stat().st_mtime < _UNSURE_S
    return False
