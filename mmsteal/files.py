"""The one way in which files are written: whole, or not at all."""

from __future__ import annotations

import csv
import io
import math
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

# A file is `.NAME.TOKEN.part`, beside its place, until it is whole.
_PARTIAL = '.part'


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
    partial = _begin(Path(path))
    try:
        yield partial
        _flush(partial)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write_files(contents: Mapping[Path, bytes]) -> None:
    """Write files that belong together: all under other names first, then each gets its own.

    Args:
        contents: Bytes of each file; they get their names in this order.

    Raises:
        OSError: If the disk refuses. If it has no room for the contents, no file has changed.
    """
    partial: dict[Path, Path] = {}
    try:
        for path, content in contents.items():
            partial[path] = _begin(path)
            partial[path].write_bytes(content)
            _flush(partial[path])
        for path in contents:
            os.replace(partial[path], path)
    finally:
        for left in partial.values():
            left.unlink(missing_ok=True)


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


def remove_partial_files(folder: str | Path) -> None:
    """Remove what killed runs left of the files that they were writing below a folder.

    Args:
        folder: The folder; no other process may be writing to it.
    """
    for partial in Path(folder).rglob(f'.*{_PARTIAL}'):
        partial.unlink(missing_ok=True)


def _begin(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not the process id: threads, and ranks on several machines, share folders.
    return path.with_name(f'.{path.name}.{secrets.token_hex(4)}{_PARTIAL}')


def _flush(path: Path) -> None:
    with open(path, 'rb+') as file:
        os.fsync(file.fileno())
