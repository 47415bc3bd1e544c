"""Formats that have one file for all images of a set: COCO, CVAT, Label Studio."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

from mmsteal.label_formats.base import LabelFormat, LabelItem, load_json


class SetFileFormat(LabelFormat):
    """Base of the formats with one file a set.

    :meth:`write` makes one part an image in `OUT/.NAME_parts`, :meth:`finish` the file `OUT/NAME`
    of all.

    Attributes:
        file_name (str): Name of the file of the set.
    """

    verbatim: ClassVar[bool] = False
    file_name: str

    def outputs(self, item: LabelItem, out_dir: str | Path) -> list[Path]:
        """The part of the image; see the parent."""
        folder = Path(out_dir) / f'.{Path(self.file_name).stem}_parts'
        return [folder / f'{item.name}.json']

    def load_parts(
        self, out_dir: str | Path, items: Sequence[LabelItem]
    ) -> list[tuple[LabelItem, dict[str, Any]]]:
        """The images, ordered by name, with the part that was written of each.

        Raises:
            LabelError: If a part is missing or damaged.
        """
        ordered = sorted(items, key=lambda item: item.name)
        return [(item, load_json(self.outputs(item, out_dir)[0])[0]) for item in ordered]


def image_file_name(item: LabelItem) -> str:
    """The image as the file of a set names it: its own name, in the folder of the item.

    The name of an item may lack an ending that its image has.
    """
    return (PurePosixPath(item.name).parent / item.image.name).as_posix()
