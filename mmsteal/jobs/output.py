"""A disk that refuses the results, told so that one knows what to do."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_REMEDIES = {
    errno.ENOSPC: 'make room',
    errno.EDQUOT: 'make room',
    errno.EROFS: 'the folder must be writable',
    errno.EACCES: 'the folder must be writable',
    errno.EPERM: 'the folder must be writable',
}


class OutputError(OSError):
    """The results cannot be written, which no other image would change."""


@contextmanager
def writing_to(folder: str | Path) -> Iterator[None]:
    """Tell errors of the disk that would hit every image from those of a single input.

    Args:
        folder: Folder of the results.

    Raises:
        OutputError: If an `OSError` comes out of the block that concerns the folder. One that
            names a file elsewhere passes as it is.
    """
    try:
        yield
    except OutputError:
        raise
    except OSError as error:
        out_dir = Path(folder).resolve()
        if error.filename is not None:
            path = Path(error.filename).resolve()
            if out_dir not in (path, *path.parents):
                raise
        remedy = _REMEDIES.get(error.errno or 0, 'see to it')
        raise OutputError(
            f'Cannot write to {out_dir}: {error.strerror or error}; {remedy}, and the same '
            'command resumes.'
        ) from error
