"""Edge strength in units that mean the same for any edge map."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# The interior is taken to have at least this mean, and to say nothing with fewer pixels.
_LEAST_MEAN = 0.01
_LEAST_PIXELS = 100


def edge_surprise(
    edge_map: NDArray[np.float32], interior: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Edge strength in means of the interior of labels, where no outline is.

    If strengths in the interior are distributed exponentially, this is -log of the chance that one
    of them is so strong. A map of sure edges turns outlines into walls; a gradient, which texture
    raises everywhere, into steps.

    Args:
        edge_map: Edge strength (H, W), float32, 0 and above.
        interior: Pixels (H, W), bool, far from all outlines; of few the whole map is taken.

    Returns:
        Edge strength (H, W), float32.

    Example:
        >>> edge_map = np.full((1, 101), 0.25, np.float32)
        >>> edge_map[0, 50] = 1
        >>> float(edge_surprise(edge_map, edge_map < 1)[0, 50])
        4.0
    """
    enough = np.count_nonzero(interior) >= _LEAST_PIXELS
    mean = float(edge_map[interior].mean() if enough else edge_map.mean())
    return edge_map / np.float32(max(mean, _LEAST_MEAN))
