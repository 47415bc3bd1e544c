"""Where results go: never over what a run reads; and a disk that refuses them."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from mmsteal.files import is_same_file

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


def check_out_dir(
    out_dir: str | Path,
    folders: Iterable[str],
    sources: Mapping[str, str | Path | None],
    *,
    inside: bool = False,
) -> None:
    """Refuse an output folder before anything is written, if that would harm what a run reads.

    Args:
        out_dir: Folder of the results.
        folders: Names of the folders below it that are written to.
        sources: What is read -> its folder or file; None, and what is not there, is passed over.
        inside: Whether results may lie in the folder of a source, where no file of the two can have
            one name.

    Raises:
        ValueError: If a folder is one of the sources, holds it or, unless `inside`, lies in it; or
            if a link leads out of the output folder. Links are followed.
    """
    root = Path(out_dir).resolve()
    places = [(root / name).resolve() for name in folders]
    for name, place in zip(folders, places, strict=True):
        if not place.is_relative_to(root):
            raise ValueError(
                f'Expected {Path(out_dir) / name} to lie in the output folder {root}, but it is a '
                f'link to {place}; remove the link, or take another folder.'
            )
    for what, given in sources.items():
        path = Path(given or '.').resolve()
        if given is None or not path.exists():  # which is told when it is opened
            continue
        folder = path if path.is_dir() else path.parent
        for place in places:
            if folder.is_relative_to(place) or (not inside and place.is_relative_to(folder)):
                raise ValueError(
                    f'Expected the output folder to be apart from the {what} in {folder}, but got '
                    f'{root}; the sources are never written to.'
                )


def check_out_file(path: str | Path, sources: Mapping[str, str | Path | None]) -> None:
    """Refuse an output file that is one of the files that a run reads.

    Args:
        path: The file to write.
        sources: What is read -> the file; None, and what is no file, is passed over.

    Raises:
        ValueError: If it is one of them.
    """
    for what, source in sources.items():
        if source is not None and Path(source).is_file() and is_same_file(path, source):
            raise ValueError(
                f'Expected another file than {what} to write to, but got {path}; the sources are '
                'never written to.'
            )
