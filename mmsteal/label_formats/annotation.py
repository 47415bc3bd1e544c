"""The labels of one image as objects, whatever format they came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmsteal.functional.labels.bounding_box import bounding_box


class LabelError(ValueError):
    """A label file that cannot be used; the message names the file and says what to do."""


@dataclass(frozen=True, eq=False)
class Region:
    """A mask cropped to a box.

    Attributes:
        top, left: Row and column of the box in the image.
        mask: (h, w) bool.
    """

    top: int
    left: int
    mask: NDArray[np.bool_]

    @classmethod
    def of(cls, mask: NDArray[np.bool_], top: int = 0, left: int = 0) -> Region:
        """The box around the pixels of a mask (h, w); 0 by 0 where it is empty.

        Args:
            mask: The mask of the image, or of a part of it.
            top: Row at which that part begins.
            left: Column at which it begins.
        """
        rows, columns = bounding_box(mask)
        return cls(rows.start + top, columns.start + left, mask[rows, columns].copy())

    @property
    def box(self) -> tuple[slice, slice]:
        """Where the mask lies: an index into arrays of the size of the image."""
        height, width = self.mask.shape
        return slice(self.top, self.top + height), slice(self.left, self.left + width)

    def full(self, shape: tuple[int, int]) -> NDArray[np.bool_]:
        """The mask at the size of the image."""
        whole = np.zeros(shape, bool)
        whole[self.box] = self.mask
        return whole


@dataclass(frozen=True)
class AnnotatedObject:
    """One object of an image.

    Attributes:
        category: Value, id or label in the files.
        name: Name of the class, where it is known.
        instance: Instance id in the files; 0 where there is none.
        sources: Entries of the file that make the object: indices into `objects` (Cityscapes),
            `shapes` (LabelMe) or `annotations` of the whole file (COCO). Empty for label maps.
    """

    category: int | str
    name: str | None
    instance: int = 0
    sources: tuple[int, ...] = ()

    @property
    def category_name(self) -> str:
        """What the category is called in reports."""
        return str(self.category) if self.name is None else self.name


@dataclass(frozen=True, eq=False)
class Annotation:
    """The objects of one image; none is an answer too.

    Attributes:
        name: Relative name of the image, without suffix; unique in the set.
        object_map: (H, W) int32, index into `objects` of the object that is visible at the pixel;
            -1 for none.
        objects: The objects. One that others hide wholly has no pixel in `object_map`.
        ignore: (H, W) bool, pixels that the writer leaves as they are: void, crowd, outside the
            region of interest.
        hidden: Parts of objects that others lie in front of.
        notes: What was odd in the files but could be read.
        format: Name of the format that the annotation was read by.
        content: What that format needs to write the files again.
        unread: Shapes of the files that are no objects (points, lines, boxes without a mask): kind
            -> how many. They are written again by the format that read them, and by no other.
    """

    name: str
    object_map: NDArray[np.int32]
    objects: tuple[AnnotatedObject, ...]
    ignore: NDArray[np.bool_]
    hidden: Mapping[int, Region] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    format: str = ''
    content: Any = None
    unread: Mapping[str, int] = field(default_factory=dict)


def counted(numbers: Mapping[str, int]) -> str:
    """Numbers of things by kind, in words.

    Example:
        >>> counted({'point': 2, 'line': 1})
        '1 line, 2 point'
    """
    return ', '.join(f'{number} {kind}' for kind, number in sorted(numbers.items()))
