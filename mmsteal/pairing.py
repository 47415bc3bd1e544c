"""Which file belongs to which image: the one rule of data sets, evaluation and refinement."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

# Endings that datasets give to the names of their images.
_IMAGE_ENDINGS = ('_leftImg8bit',)


def list_files(folder: Path, suffixes: Collection[str]) -> dict[str, Path]:
    """List files below a folder by the names of their images; hidden ones are left out.

    Args:
        folder: The folder.
        suffixes: Endings of the files to list, in lower case.

    Returns:
        Files by their path in the folder, without endings; see :func:`image_name`.

    Raises:
        ValueError: If there are two files for one image; both are named.
    """
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob('*')):
        if path.suffix.lower() not in suffixes or path.name.startswith('.'):
            continue
        name = image_name(path.relative_to(folder).with_suffix('').as_posix())
        if name in found:
            raise ValueError(
                f'Expected one file for image {name}, but found {found[name]} and {path}; remove '
                'one of them.'
            )
        found[name] = path
    return found


def image_name(name: str) -> str:
    """A name as it is compared: without the endings that datasets give to images.

    Letters with accents are one character, whichever system wrote them.

    Example:
        >>> image_name('aachen/0001_leftImg8bit')
        'aachen/0001'
    """
    for ending in _IMAGE_ENDINGS:
        name = name.removesuffix(ending)
    return unicodedata.normalize('NFC', name)


class FilePairs:
    """Files by the images that they belong to.

    A file belongs to the image of its own path. Without one, `0001` and `city/0001` belong together
    too, since one is the end of the other; but only where neither could belong to another one. So
    a file is never given to an image if it may be that of a second image.

    Args:
        files: Files by name, as :func:`list_files` gives them.
        images: Names of all images of the set, those of no interest too. Without them an image
            that is asked for is taken for the only one.

    Attributes:
        files (dict[str, Path]): The files.

    Example:
        >>> files = {'b/0001': Path('b/0001.png'), '0002': Path('0002.png')}
        >>> pairs = FilePairs(files, ['a/0001', 'b/0001', 'a/0002'])
        >>> [pairs.find(name) is not None for name in ('a/0001', 'b/0001', 'a/0002')]
        [False, True, True]
    """

    def __init__(self, files: Mapping[str, Path], images: Iterable[str] = ()) -> None:
        self.files = dict(files)
        self._images = {image_name(name) for name in images}
        self._files_by_end = _by_end(self.files)
        self._images_by_end = _by_end(self._images)

    def find(self, name: str) -> Path | None:
        """The file of an image; None if it is missing, or nobody can tell which it is."""
        name = image_name(name)
        if name in self.files:
            return self.files[name]
        candidates = _related(name, self.files, self._files_by_end)
        if len(candidates) != 1:
            return None
        (candidate,) = candidates
        if candidate in self._images:
            return None  # the file of another image
        claims = _related(candidate, self._images, self._images_by_end)
        return self.files[candidate] if claims <= {name} else None


def _by_end(names: Iterable[str]) -> dict[str, list[str]]:
    """Names by each path that they end with, other than the whole."""
    found: dict[str, list[str]] = {}
    for name in names:
        for end in _ends(name):
            found.setdefault(end, []).append(name)
    return found


def _ends(name: str) -> Iterator[str]:
    """Ends of a path: `a/b/c` -> `b/c`, `c`."""
    parts = name.split('/')
    return ('/'.join(parts[i:]) for i in range(1, len(parts)))


def _related(name: str, known: Collection[str], by_end: Mapping[str, list[str]]) -> set[str]:
    """Known names of which one is the end of the other."""
    return {*by_end.get(name, ()), *(end for end in _ends(name) if end in known)}
