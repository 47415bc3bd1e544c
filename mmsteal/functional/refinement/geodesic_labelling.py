"""Coarse labels to fine ones by edges alone: every undecided pixel to its nearest label.

Shape shorthand: H, W height and width; M objects.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class GeodesicOptions:
    """Options of the geodesic labelling.

    Args:
        step_cost: Cost of a way of one pixel without any edge; a sure edge costs 1 more. From 0,
            where only edges count, to 100, where only the distance does.
    """

    step_cost: float = 0.05

    def __post_init__(self) -> None:
        if not 0 <= self.step_cost <= 100:
            raise ValueError(
                f'Expected option `step_cost` to be from 0 to 100, but got {self.step_cost!r}.'
            )


def geodesic_labelling(
    object_map: NDArray[np.int32],
    edge_map: NDArray[np.float32],
    error_px: float,
    options: GeodesicOptions = GeodesicOptions(),
    *,
    background: bool = False,
    frozen: NDArray[np.bool_] | None = None,
    fixed: NDArray[np.bool_] | None = None,
) -> NDArray[np.int32]:
    """Give every undecided pixel to the label that is nearest by ways that avoid edges.

    Pixels are undecided within the error of an outline, and where nobody labelled them near an
    object (:func:`~mmsteal.functional.joint.joint_scene.read_scene`).

    Args:
        object_map: Index of the object of each pixel (H, W), int32, -1 for none.
        edge_map: Edge strength (H, W) in [0, 1].
        error_px: How far the outlines may be off, in pixels.
        options: What ways cost.
        background: Whether pixels of no object are background, which grows too. Otherwise nobody
            labelled them: near objects are filled.
        frozen: Pixels (H, W), bool, that stay as they are, and that no way crosses.
        fixed: Objects (M,), bool, whose pixels stay theirs.

    Returns:
        The refined map (H, W), int32.

    Raises:
        ValueError: If `error_px` is not above 0 and finite.

    Example:
        >>> coarse = np.full((1, 9), -1, np.int32)
        >>> coarse[0, :2], coarse[0, 7:] = 0, 1
        >>> edge_map = np.zeros((1, 9), np.float32)
        >>> edge_map[0, 3] = 1
        >>> geodesic_labelling(coarse, edge_map, error_px=4)
        array([[0, 0, 0, 0, 1, 1, 1, 1, 1]], dtype=int32)
    """
    from mmsteal.functional.joint.geodesic import geodesic_growth
    from mmsteal.functional.joint.joint_scene import read_scene

    if not 0 < error_px < math.inf:
        raise ValueError(
            f'Expected argument `error_px` to be a number > 0 and finite, but got {error_px!r}.'
        )
    nowhere = np.zeros(object_map.shape, bool) if frozen is None else frozen
    still = np.zeros(int(object_map.max(initial=-1)) + 1, bool) if fixed is None else fixed
    scene = read_scene(object_map, nowhere, still, error_px, background=background)
    found = geodesic_growth(
        scene.decided, np.float32(options.step_cost) + edge_map, passable=scene.open
    )
    # Pixels that no label reaches stay as they are.
    labels = np.where(found < 0, scene.labels, found)
    refined = np.where((labels < 0) | (labels == scene.num_objects), -1, labels).astype(np.int32)
    np.copyto(refined, object_map, where=nowhere)
    return refined
