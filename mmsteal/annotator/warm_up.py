"""The first evolution compiles for seconds: better before the page opens than at a click."""

from __future__ import annotations

import numpy as np

from mmsteal.annotator.edge_maps import EdgeMaps
from mmsteal.annotator.evolution import Settings, evolve


def warm_up() -> None:
    """Move a small mask with each direction of the balloon, and jointly."""
    edge_prob = np.zeros((1, 32, 32), np.float32)
    edge_prob[:, 6:26, (6, 25)] = edge_prob[:, (6, 25), 6:26] = 1
    object_map = np.full((32, 32), -1, np.int32)
    object_map[10:22, 10:22] = 0
    image = np.zeros((32, 32, 3), np.uint8)
    for balloon in (-1.0, 0.0, 1.0):
        settings = Settings(error_px=4, balloon=balloon)
        edges = EdgeMaps(edge_prob, ('any',), '')
        evolve(object_map, ['any'], edges, settings, image=None if balloon else image)
