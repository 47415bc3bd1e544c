"""How far the outlines of coarse labels may be off, estimated from the image.

Shape shorthand: H, W height and width; M objects.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmsteal.functional.joint.joint_scene import Scene, read_scene
from mmsteal.functional.joint.joint_solver import JointOptions, label_scene

# An error under which labels of most sets can be refined, well enough to see how far they move.
TRIED_PX = 12.0
# Gaps of at least this width in pixels are no accident.
_LEAST_GAP_PX = 2.0
# Outlines are never exact; it also keeps the logarithm finite to which the next one is fitted.
_LEAST_MEAN_PX = 0.3
# The largest error of an outline over its mean one, fitted to simulated errors of 4 to 16 px;
# `benchmarks/experiments/fit_joint_error.py` prints 2.4 with the weights of today.
_LARGEST_OVER_MEAN = 2.6
_LEAST_PX, _MOST_PX = 2.0, 48.0


def estimate_error_px(
    object_map: NDArray[np.int32],
    image: NDArray[np.uint8],
    edge_map: NDArray[np.float32],
    frozen: NDArray[np.bool_],
    fixed: NDArray[np.bool_],
    *,
    background: bool,
    options: JointOptions,
) -> float:
    """Estimate the largest error of the outlines.

    Labels with gaps between them err by as much as the gaps are wide: each of the two by half of
    it on average, and up to twice that. Of other labels, the joint labelling is run once with a
    middling error, and the pixels that it changes, by the length of all outlines, are their mean
    error.

    Args:
        object_map: Index of the object of each pixel (H, W), int32, -1 for none.
        image: RGB (H, W, 3) or grey (H, W), uint8.
        edge_map: Edge strength (H, W) in [0, 1].
        frozen: Pixels (H, W) that say nothing.
        fixed: Objects (M,) whose pixels are decided.
        background: Whether pixels of no object are background.
        options: Of the joint labelling.

    Returns:
        The error in pixels, from 2 to 48.
    """
    scene = read_scene(object_map, frozen, fixed, TRIED_PX, background=background)
    gap = 0.0 if background else _gap_px(scene)
    if gap >= _LEAST_GAP_PX:
        return float(np.clip(gap, _LEAST_PX, _MOST_PX))
    mean = mean_error_px(scene, image, edge_map, options)
    return float(np.clip(_LARGEST_OVER_MEAN * mean, _LEAST_PX, _MOST_PX))


def mean_error_px(
    scene: Scene, image: NDArray[np.uint8], edge_map: NDArray[np.float32], options: JointOptions
) -> float:
    """Pixels that the joint labelling changes by the length of all outlines, and a little.

    Args:
        scene: The labels, read with an error of :data:`TRIED_PX`.
        image: See :func:`estimate_error_px`.
        edge_map: See :func:`estimate_error_px`.
        options: See :func:`estimate_error_px`.
    """
    labels = label_scene(scene, image, edge_map, options).labels
    changed = np.count_nonzero(labels != scene.labels)
    return changed / max(_outline_length(scene.labels), 1) + _LEAST_MEAN_PX


def _outline_length(labels: NDArray[np.int32]) -> float:
    """Length of the outlines between labels (H, W) of 0 and above, in pixels."""
    steps = 0.0
    for a, b in ((labels[:, 1:], labels[:, :-1]), (labels[1:], labels[:-1])):
        steps += float(np.count_nonzero((a != b) & (a >= 0) & (b >= 0)))
    # Stairs are longer than what they stand for: by 4 / pi on average over all directions, and
    # drawn outlines have longer straight runs.
    return 0.8 * steps


def _gap_px(scene: Scene) -> float:
    """Typical width of the gaps between labels, in pixels; 0 where they touch."""
    parts = np.append(scene.part_labels, np.int32(-1))[scene.near.labels]
    none = scene.num_objects
    outline = (scene.labels >= 0) & (scene.labels < none) & (scene.depth < 0.75)
    if not outline.any():
        return 0.0
    # Across a gap the second nearest component is the next label.
    across = np.where(parts[..., 1] == none, scene.near.distances[..., 2] - 1, 0)
    return float(np.median(np.minimum(across[outline], scene.reach_px)))
