"""How far the outlines of coarse labels may be off, estimated from the image.

Shape shorthand: H, W height and width; M objects.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmsteal.functional.colour_density import ColourLattice
from mmsteal.functional.edge_surprise import edge_surprise
from mmsteal.functional.joint_scene import Scene, read_scene
from mmsteal.functional.outline_offsets import outline_offsets

# Errors under which the outlines are looked at, in pixels.
_TRIED_PX = (4.0, 8.0, 16.0, 32.0)
_LEAST_PX, _MOST_PX = 2.0, 48.0
# Fitted to logarithms: constant, scatter of edges about the outlines under each of the tried
# errors, half of the gaps between labels.
_WEIGHTS = np.array([0.0, 0.25, 0.25, 0.25, 0.25, 0.0])


def estimate_error_px(
    object_map: NDArray[np.int32],
    image: NDArray[np.uint8],
    edge_map: NDArray[np.float32],
    frozen: NDArray[np.bool_],
    num_objects: int,
    *,
    background: bool,
) -> float:
    """Estimate the largest error of the outlines.

    Edges scatter about a drawn outline by as much as it is off, and gaps between labels are about
    as wide as their error.

    Args:
        object_map: Index of the object of each pixel (H, W), int32, -1 for none.
        image: RGB (H, W, 3) or grey (H, W), uint8.
        edge_map: Edge strength (H, W) in [0, 1].
        frozen: Pixels (H, W) that say nothing.
        num_objects: M.
        background: Whether pixels of no object are background.

    Returns:
        The error in pixels, from 2 to 48.
    """
    found = error_features(object_map, image, edge_map, frozen, num_objects, background=background)
    return float(np.clip(np.exp(_WEIGHTS @ found), _LEAST_PX, _MOST_PX))


def error_features(
    object_map: NDArray[np.int32],
    image: NDArray[np.uint8],
    edge_map: NDArray[np.float32],
    frozen: NDArray[np.bool_],
    num_objects: int,
    *,
    background: bool,
) -> NDArray[np.float64]:
    """What the estimate is made of; see the weights."""
    lattice = ColourLattice.of(image)
    fixed = np.zeros(num_objects, bool)
    found = [1.0]
    gap = 0.0
    for error_px in _TRIED_PX:
        scene = read_scene(object_map, frozen, fixed, error_px, background=background)
        decided = scene.decided
        edge = edge_surprise(edge_map, decided >= 0)
        offsets = outline_offsets(
            scene.labels,
            scene.beside,
            scene.depth,
            edge,
            lattice.index,
            lattice.costs(decided, num_objects + 1),
            error_px,
        )
        scatter = offsets.by_edges**2 + offsets.spread**2
        found.append(np.log(error_px * np.sqrt(offsets.pooled(scatter, num_objects)) + 0.5))
        gap = _half_gap(scene) if not background else 0.0
    return np.array([*found, np.log(gap + 0.5) - np.log(0.5)])


def _half_gap(scene: Scene) -> float:
    """Half of the typical width of gaps between labels, in pixels; 0 where they touch."""
    parts = np.append(scene.part_labels, -1)[scene.near.labels]
    outline = (scene.labels >= 0) & (scene.labels < scene.num_objects) & (scene.depth < 0.75)
    if not outline.any():
        return 0.0
    across = np.where(parts[..., 1] == scene.num_objects, scene.near.distances[..., 2], 1)
    width = across[outline] - 1
    return float(np.median(np.minimum(width, scene.reach_px))) / 2
