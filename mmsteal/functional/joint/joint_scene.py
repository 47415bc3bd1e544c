"""Which pixels of a label map are undecided, if its outlines may be off by so much.

Shape shorthand: H, W height and width; M objects, label M being none of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numba import njit
from numpy.typing import NDArray
from skimage.measure import label as connected_components

from mmsteal.functional.joint.geodesic import NearestLabels, nearest_labels

# Pixels that nobody labelled are open up to this many errors from a label.
_FILL_REACH = 2.0
_LEAST_FILL_PX = 4.0
_LEAST_BAND_PX = 2.0
# Before a background that much is open outside of an outline, in errors: `narrowed` decides.
_OUTER_REACH = 1.5
# A side is closed as outlines lie on the other side by more than chance allows, which falls with
# the root of their length; by so much more, in errors, it is closed altogether.
_CHANCE = 4.5
_MOST_CHANCE = 0.2
_CLOSING = 0.22


@dataclass(frozen=True)
class Scene:
    """Labels as given, and what is decided about them.

    Attributes:
        labels: Given label of each pixel (H, W), int32: 0 to M - 1, M for none, -1 frozen.
        open: Undecided pixels (H, W).
        near: Nearest components of labels by straight ways; a pixel's own is the first, at 0.
        part_labels: Label of each component (P,), int32.
        part_thickness: Largest depth of each component (P,), float32.
        depth: Distance of each pixel to its component's outline (H, W), float32, up to `reach_px`.
        num_objects: M.
        error_px: Largest error of the outlines.
        reach_px: How far `near` looks.
        background: Whether pixels of no object are background, not just unlabelled.
    """

    labels: NDArray[np.int32]
    open: NDArray[np.bool_]
    near: NearestLabels
    part_labels: NDArray[np.int32]
    part_thickness: NDArray[np.float32]
    depth: NDArray[np.float32]
    num_objects: int
    error_px: float
    reach_px: float
    background: bool

    def narrowed(self, offset: float, steps: float) -> Scene:
        """The scene with the side closed that outlines do not lie on.

        Args:
            offset: How far outlines were drawn too small on average, in errors; negative for too
                large. Of outlines that are clearly too small, only the outside is open, further
                than the error, since a label may lack whole parts; of those too large the inside.
            steps: Length of the outlines that say so, in pixels.
        """
        chance = min(_CHANCE / max(steps, 1.0) ** 0.5, _MOST_CHANCE)
        closed = [min(max(side - chance, 0.0) / _CLOSING, 1.0) for side in (offset, -offset)]
        inside = self.error_px * (1 - closed[0])
        outside = self.error_px * (1 + (_OUTER_REACH - 1) * closed[0] - closed[1])
        own = self.labels < self.num_objects
        limit = np.where(own, inside, outside if self.background else self.reach_px)
        return replace(self, open=self.open & (self.depth <= limit))

    @property
    def beside(self) -> NDArray[np.int32]:
        """Label of the nearest other component (H, W); -1 where none is near."""
        return np.append(self.part_labels, np.int32(-1))[self.near.labels[..., 1]]

    @property
    def decided(self) -> NDArray[np.int32]:
        """Labels (H, W) of the decided pixels; -1 elsewhere."""
        return np.where(self.open, -1, self.labels).astype(np.int32)


def read_scene(
    object_map: NDArray[np.int32],
    frozen: NDArray[np.bool_],
    fixed: NDArray[np.bool_],
    error_px: float,
    *,
    background: bool,
) -> Scene:
    """Find the undecided pixels of a map of objects.

    Both sides of every outline are open by the error, but never more than the outer half of a
    component; pixels that nobody labelled are open up to twice the error from a label.

    Args:
        object_map: Index of the object of each pixel (H, W), int32, -1 for none.
        frozen: Pixels (H, W) that say nothing and stay as they are.
        fixed: Objects (M,) whose pixels are decided.
        error_px: Largest error of the outlines.
        background: Whether pixels of no object are background, not just unlabelled.
    """
    num = len(fixed)
    labels = np.where(frozen, -1, np.where(object_map < 0, num, object_map)).astype(np.int32)
    reach = max(_FILL_REACH * error_px, _LEAST_FILL_PX) + 2
    # Components are told apart by their labels first: two of one label never touch.
    parts = connected_components(labels, connectivity=2, background=-1).astype(np.int32) - 1
    near = nearest_labels(
        parts, np.ones(labels.shape, np.float32), num=3, passable=labels >= 0, limit=reach
    )
    away = np.where(labels >= 0, near.distances[..., 1] - np.float32(0.5), 0)
    depth = np.minimum(away, np.float32(reach)).astype(np.float32)
    part_labels, part_thickness = _describe(parts, labels, depth, int(parts.max()) + 1)
    none = labels == num
    if background:
        none_open = depth <= max(_OUTER_REACH * error_px, _LEAST_BAND_PX)
    else:
        none_open = depth <= max(_FILL_REACH * error_px, _LEAST_FILL_PX)
    thickness = np.append(part_thickness, np.float32(0))[parts]
    own_open = depth <= np.minimum(error_px, thickness / 2)
    if fixed.any():
        own_open &= ~np.append(fixed, [False, False])[labels]
    open_ = np.where(none, none_open, own_open) & (labels >= 0)
    return Scene(
        labels,
        open_,
        near,
        part_labels,
        part_thickness,
        depth,
        num,
        error_px,
        reach,
        background,
    )


@njit(cache=True, nogil=True)
def _describe(parts, labels, depth, num):
    """Label and largest depth of each component."""
    part_labels = np.full(num, -1, np.int32)
    thickness = np.zeros(num, np.float32)
    height, width = parts.shape
    for y in range(height):
        for x in range(width):
            part = parts[y, x]
            if part >= 0:
                part_labels[part] = labels[y, x]
                thickness[part] = max(thickness[part], depth[y, x])
    return part_labels, thickness
