"""Shapes painted over each other in the order of a file: who is visible, who lies beneath."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from mmsteal.label_formats.annotation import Region

# In an object map that is wanted: nobody, and what lies beneath does not come to light either.
NOBODY = -2


@dataclass(frozen=True, eq=False)
class Painting:
    """The shapes of an image in the order in which they are painted.

    Attributes:
        regions: Mask of each shape; None for those not painted.
        owner: (H, W) int32, index of the visible shape; -1 for none.
        objects: Index of the object that each shape belongs to; -1 for shapes that are no object
            (ignored ones).
    """

    regions: tuple[Region | None, ...]
    owner: NDArray[np.int32]
    objects: NDArray[np.int32]

    @classmethod
    def of(
        cls,
        regions: Sequence[Region | None],
        objects: Sequence[int],
        shape: tuple[int, int],
    ) -> Painting:
        """Paint shapes, the last one in front."""
        owner = np.full(shape, -1, np.int32)
        for index, region in enumerate(regions):
            if region is not None:
                owner[region.box][region.mask] = index
        return cls(tuple(regions), owner, np.array(objects, np.int32).reshape(len(regions)))

    def object_map(self) -> NDArray[np.int32]:
        """(H, W) index of the visible object, -1 for none."""
        return np.append(self.objects, np.int32(-1))[self.owner]

    def hidden(self) -> dict[int, Region]:
        """Parts of objects that lie behind others."""
        visible = self.object_map()
        found: dict[int, Region] = {}
        for region, entry in zip(self.regions, self.objects.tolist(), strict=True):
            if region is None or entry < 0:
                continue
            behind = Region(region.top, region.left, region.mask & (visible[region.box] != entry))
            if behind.mask.any():
                if entry in found:  # an object of several shapes
                    both = found[entry].full(visible.shape) | behind.full(visible.shape)
                    behind = Region.of(both)
                found[entry] = behind
        return found

    def repaint(
        self, before: NDArray[np.int32], after: NDArray[np.int32]
    ) -> tuple[NDArray[np.int32], dict[int, Region]]:
        """Find shapes that give another object map when they are painted.

        A pixel that lost its object goes to the topmost shape of another object that covers it. A
        pixel that came to an object of several shapes goes to the nearest of them. A shape is
        left alone as long as the shapes in front of it make it right. `NOBODY` is cut out of all
        shapes.

        Args:
            before: (H, W) object of each pixel.
            after: (H, W) object of each pixel wanted; -1 for what lies beneath, `NOBODY` for no
                shape.

        Returns:
            Index of the visible shape (H, W), and the masks of the shapes that have to change; an
            empty mask where nothing of one is left.
        """
        changed = before != after
        owner = self.owner.copy()
        if not changed.any():
            return owner, {}
        owner[changed & (after < 0)] = -1
        lost = changed & (after == -1)
        for index, region in enumerate(self.regions):
            if region is not None:
                box = region.box
                falls = region.mask & lost[box] & (before[box] != self.objects[index])
                owner[box][falls] = index
        claimed = changed & (after >= 0)
        of_entry = {
            entry: np.flatnonzero(self.objects == entry)
            for entry in np.unique(after[claimed]).tolist()
        }
        first = np.zeros(int(self.objects.max(initial=-1)) + 1, np.int32)
        for entry, shapes in of_entry.items():
            first[entry] = shapes[0]
        owner[claimed] = first[after[claimed]]
        for entry, shapes in of_entry.items():
            if len(shapes) > 1:
                self._share_out(owner, claimed & (after == entry), shapes)

        masks = {}
        boxes = scipy.ndimage.find_objects(owner + 1)
        came = np.bincount(owner[changed & (owner >= 0)], minlength=len(self.regions))
        for index, region in enumerate(self.regions):
            if region is None:
                continue
            inside = changed[region.box] & region.mask
            local = owner[region.box]
            grows = came[index] > (inside & (local == index)).sum()
            # Shapes that are painted later hide what this one covers too much.
            if grows or (inside & (local < index)).any():
                masks[index] = _united(owner, index, boxes, region)
        return owner, masks

    def _share_out(
        self, owner: NDArray[np.int32], gained: NDArray[np.bool_], shapes: NDArray[np.intp]
    ) -> None:
        """Give pixels to the topmost shape that covers them, else to the nearest visible one."""
        open_pixels = gained.copy()
        for index in shapes.tolist():
            region = self.regions[index]
            if region is not None:
                covers = region.mask & gained[region.box]
                owner[region.box][covers] = index
                open_pixels[region.box][covers] = False
        if not open_pixels.any():
            return
        visible = np.isin(owner, shapes) & ~gained
        if not visible.any():
            owner[open_pixels] = shapes[-1]
            return
        box = Region.of(open_pixels | visible).box
        _, nearest = scipy.ndimage.distance_transform_edt(~visible[box], return_indices=True)
        inside = open_pixels[box]
        owner[box][inside] = owner[box][nearest[0], nearest[1]][inside]


def _united(owner: NDArray[np.int32], index: int, boxes: Sequence[Any], region: Region) -> Region:
    """What is visible of a shape, and what it has behind shapes in front of it."""
    covered = region.box
    visible = boxes[index] if index < len(boxes) else None
    parts = [covered] if region.mask.size else []
    parts += [visible] if visible is not None else []
    if not parts:
        return region
    top, left = (min(part[axis].start for part in parts) for axis in (0, 1))
    bottom, right = (max(part[axis].stop for part in parts) for axis in (0, 1))
    mask = owner[top:bottom, left:right] == index
    if region.mask.size:
        rows, columns = covered
        inner = (
            slice(rows.start - top, rows.stop - top),
            slice(columns.start - left, columns.stop - left),
        )
        mask[inner] |= region.mask & (owner[covered] > index)
    return Region.of(mask, top, left)
