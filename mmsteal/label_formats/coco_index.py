"""What a COCO file holds, image by image, whatever ids and names the tool that wrote it took."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmsteal.label_formats.annotation import LabelError

_EXPECTED = 'expected the instances JSON of COCO, an object with images, annotations and categories'


@dataclass(frozen=True)
class CocoImage:
    """An image of the file.

    Attributes:
        entry: The image as it is in the file, the first one where it is listed again.
        annotations: Places of its annotations in the file.
    """

    entry: dict[str, Any]
    annotations: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class CocoIndex:
    """The images of a file and its categories.

    Attributes:
        images: File name -> image.
        categories: Id -> name. Empty where the file has no list of them: then ids are the names.
        problems: Entries that belong to no image.
    """

    images: Mapping[str, CocoImage]
    categories: Mapping[Any, str]
    problems: tuple[str, ...]

    @classmethod
    def of(cls, path: Path, document: Any) -> CocoIndex:
        """Index the content of a file.

        Raises:
            LabelError: If it is not COCO's.
        """
        if isinstance(document, list):
            raise LabelError(
                f'{path}: {_EXPECTED}, but got a list, as the results of a detector are; put it '
                'into the file that has the images.'
            )
        if not isinstance(document, dict) or not all(
            isinstance(document.get(key), list) for key in ('images', 'annotations')
        ):
            raise LabelError(
                f'{path}: {_EXPECTED}, but a list of images or annotations is missing.'
            )
        problems: list[str] = []
        images: dict[str, CocoImage] = {}
        by_id: dict[Any, CocoImage] = {}
        for key, entry in _with_ids(document['images'], 'image', problems):
            file_name = entry.get('file_name')
            if not isinstance(file_name, str) or not file_name:
                problems.append(f'image {key!r} has no file_name.')
            elif key in by_id:
                problems.append(f'image {key!r} is there twice, also as {file_name!r}.')
            else:
                by_id[key] = images.setdefault(file_name, CocoImage(entry))
        for index, entry in enumerate(document['annotations']):
            given = entry.get('image_id') if isinstance(entry, dict) else None
            found = same_id(given, by_id)
            if found is None:
                name = entry.get('id') if isinstance(entry, dict) else f'at place {index}'
                problems.append(f'annotation {name} is of no image in the file.')
            else:
                by_id[found].annotations.append(index)
        listed = document.get('categories')
        categories = {
            key: str(entry.get('name', key))
            for key, entry in _with_ids(listed or [], 'category', problems)
        }
        return cls(images, categories, tuple(problems))

    def category(self, given: Any) -> tuple[int | str, str] | None:
        """Id and name of the category of an annotation; None where it is unknown."""
        if not self.categories:
            return (given, str(given)) if _is_id(given) else None
        found = same_id(given, self.categories)
        return None if found is None else (found, self.categories[found])


def same_id(given: Any, known: Mapping[Any, Any]) -> Any:
    """The id among the known ones that is meant: some tools write 1 here and '1' there."""
    if not _is_id(given):
        return None
    if given in known:
        return given
    other = str(given) if not isinstance(given, str) else _number(given)
    return other if other in known else None


def _number(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None


def _is_id(value: Any) -> bool:
    return isinstance(value, int | float | str)


def _with_ids(
    entries: Iterable[Any], what: str, problems: list[str]
) -> Iterator[tuple[Any, dict[str, Any]]]:
    for index, entry in enumerate(entries):
        key = entry.get('id') if isinstance(entry, dict) else None
        if _is_id(key):
            yield key, entry
        else:
            problems.append(
                f'{what} at place {index} has the id {key!r}; expected a number or text.'
            )
