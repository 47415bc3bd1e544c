"""Formats that have one file for all images of a set: COCO, CVAT, Label Studio."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

from mmsteal.files import path_under, write_file
from mmsteal.label_formats.base import LabelFormat, LabelItem
from mmsteal.label_formats.json_layout import load_json


class SetFileFormat(LabelFormat):
    """Base of the formats with one file a set.

    :meth:`write` makes one part an image in `OUT/.NAME_parts`, :meth:`finish` the file `OUT/NAME`
    of all.

    Args:
        root: The file; see the parent.
        images: Folder of the images.
        file_name: Name of the file when labels of another format are written.
        classes: See the parent.

    Attributes:
        file_name: Name of the file of the set.
    """

    verbatim: ClassVar[bool] = False

    def __init__(
        self,
        root: str | Path | None,
        *,
        images: str | Path | None,
        file_name: str,
        classes: Mapping[str, int | str] | None,
    ) -> None:
        super().__init__(root, classes=classes)
        self.images = None if images is None else Path(images)
        self.file_name = file_name if self.root is None else self.root.name
        self._raw = b''

    def outputs(self, item: LabelItem, out_dir: str | Path) -> list[Path]:
        """The part of the image; see the parent."""
        folder = Path(out_dir) / f'.{Path(self.file_name).stem}_parts'
        return [folder / f'{item.name}.json']

    def _part(self, item: LabelItem, out_dir: Path, part: dict[str, Any]) -> dict[Path, bytes]:
        """What :meth:`write` leaves of an image for :meth:`finish`."""
        (path,) = self.outputs(item, out_dir)
        return {path: json.dumps(part).encode()}

    def finish(self, out_dir: str | Path, items: Sequence[LabelItem]) -> list[Path]:
        """Write the file of all images from the parts; see the parent.

        Images that are not among `items` keep their labels as they came.

        Raises:
            LabelError: If the part of an item is missing or damaged.
        """
        ordered = sorted(items, key=lambda item: item.name)
        parts = [(item, load_json(self.outputs(item, out_dir)[0])[0]) for item in ordered]
        if self.root is None:
            content = self._new_set([part for _, part in parts])
        else:
            self._scan()
            content = self._changed_set(parts)
        target = path_under(out_dir, self.file_name)
        write_file(target, content)
        return [target]

    @abstractmethod
    def _new_set(self, parts: list[dict[str, Any]]) -> bytes | str:
        """The file of labels of another format."""

    @abstractmethod
    def _changed_set(self, parts: list[tuple[LabelItem, dict[str, Any]]]) -> bytes:
        """The file that was read, with what the parts change of it."""


def image_file_name(item: LabelItem) -> str:
    """The image as the file of a set names it: its own name, in the folder of the item.

    The name of an item may lack an ending that its image has.
    """
    return (PurePosixPath(item.name).parent / item.image.name).as_posix()
