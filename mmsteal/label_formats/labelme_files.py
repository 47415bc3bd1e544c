"""Which image each file of LabelMe is of: the one of its name, or else the one that it names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from mmsteal.label_formats.annotation import LabelError
from mmsteal.label_formats.base import LabelItem, LabelProblem
from mmsteal.label_formats.image_files import (
    IMAGE_SUFFIXES,
    NO_LABEL,
    composed,
    files_below,
    find_named,
    item_name,
)
from mmsteal.label_formats.json_layout import load_json


def labelme_items(root: Path, images: Path) -> tuple[list[LabelItem], list[LabelProblem]]:
    """Pair the JSON files below a folder with images; most without reading them.

    Args:
        root: Folder of the JSON files.
        images: Folder of the images.

    Returns:
        The pairs, sorted by the names of the images; what has no partner.
    """
    by_name: dict[str, list[Path]] = {}
    for name, path in files_below(images, IMAGE_SUFFIXES, what='images'):
        by_name.setdefault(composed(name), []).append(path)
    items: dict[str, LabelItem] = {}
    problems: list[LabelProblem] = []
    used: set[str] = set()
    for name, path in files_below(root, ('.json',), what='labels'):
        beside = by_name.get(composed(name), [])
        try:
            image = beside[0] if len(beside) == 1 else _named_image(path, images, beside)
        except LabelError as error:
            problems.append(LabelProblem(path, str(error).removeprefix(f'{path}: ')))
            continue
        # `../images/a.jpg`, seen from the JSON, has no name below the folder.
        inside = image.is_relative_to(images)
        key = item_name(image, images) if inside else (Path(name).parent / image.stem).as_posix()
        used.update((composed(name), composed(key)))
        if key in items:
            told = f'{items[key].labels[0]} is of the image {image} too; remove one.'
            problems.append(LabelProblem(path, told))
            continue
        items[key] = LabelItem(key, image, (path,))
    # Folders without any label hold something else: edge maps, exports.
    folders = {item.image.parent for item in items.values()}
    problems[:0] = [
        LabelProblem(path, NO_LABEL)
        for name, paths in sorted(by_name.items())
        if name not in used
        for path in paths
        if images != root or not items or path.parent in folders
    ]
    return [items[key] for key in sorted(items)], problems


def _named_image(path: Path, images: Path, beside: list[Path]) -> Path:
    """The image that a file names in `imagePath`.

    Raises:
        LabelError: If it names none that is there.
    """
    document, _ = load_json(path)
    if not isinstance(document, dict) or 'shapes' not in document:
        raise LabelError('the label has no image, and it is no file of LabelMe; move it elsewhere.')
    named: Any = document.get('imagePath')
    if not isinstance(named, str) or not named:
        raise LabelError('the label has no image, and no imagePath; name it as its image.')
    file_name = named.replace('\\', '/').rpartition('/')[2]
    for candidate in beside:
        if composed(candidate.name) == composed(file_name):
            return candidate
    if beside:
        raise LabelError(
            f'its imagePath {named!r} is none of the images {", ".join(p.name for p in beside)} '
            'of its name; remove all of these but one.'
        )
    beside_label = Path(os.path.normpath(path.parent / named.replace('\\', '/')))
    if beside_label.is_file():
        return beside_label
    found = find_named(path.parent, file_name) or find_named(images, file_name)
    if found is None:
        raise LabelError(f'the label has no image; its imagePath {named!r} leads to none.')
    return found
