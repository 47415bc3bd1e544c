"""Which file belongs to which image."""

from __future__ import annotations

from pathlib import Path

# Endings that datasets give to the names of their images.
_IMAGE_ENDINGS = ('_leftImg8bit',)


def image_name(path: Path, folder: Path) -> str:
    """Name of the image that a file belongs to: its path in the folder, without endings."""
    name = path.relative_to(folder).with_suffix('').as_posix()
    for ending in _IMAGE_ENDINGS:
        name = name.removesuffix(ending)
    return name


def index_files(folder: Path, suffixes: tuple[str, ...]) -> dict[str, Path]:
    """List files below a folder by the names of their images.

    Args:
        folder: The folder.
        suffixes: Endings of the files to list, in lower case.

    Returns:
        Files by their path without suffix, and by their name alone where it is unique.

    Raises:
        ValueError: If there are two files for one image.
    """
    by_path: dict[str, Path] = {}
    by_name: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob('*')):
        if path.suffix.lower() not in suffixes or path.name.startswith('.'):
            continue
        key = image_name(path, folder)
        if key in by_path:
            raise ValueError(
                f'Expected one file for image {key}, but found {by_path[key]} and {path}; remove '
                'one of them.'
            )
        by_path[key] = path
        by_name.setdefault(key.rpartition('/')[2], []).append(path)
    return {**{k: v[0] for k, v in by_name.items() if len(v) == 1}, **by_path}


def find_file(index: dict[str, Path], name: str) -> Path | None:
    """The file of an image in an index of :func:`index_files`, None if it is missing."""
    return index.get(name) or index.get(name.rpartition('/')[2])
