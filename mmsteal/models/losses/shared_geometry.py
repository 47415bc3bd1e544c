"""Normals of a target, made once for all losses that need them."""

from __future__ import annotations

from torch import Tensor, nn

from mmsteal.functional.edge_geometry import EdgeGeometry, edge_geometry


class SharedGeometry:
    """Geometries of one edge target; the normals cost more than the losses that read them.

    Args:
        target (Tensor): Edge target (N, K, H, W).
        ignore_index (int): Target value that pays nothing.
    """

    def __init__(self, target: Tensor, ignore_index: int = 255) -> None:
        self.target = target
        self.ignore_index = ignore_index
        self._made: dict[tuple, EdgeGeometry] = {}

    def options_for(self, loss: nn.Module) -> dict[str, EdgeGeometry]:
        """Options to call a loss with: `geometry` for one that has `geometry_settings`."""
        settings = getattr(loss, 'geometry_settings', None)
        if settings is None:
            return {}
        if settings not in self._made:
            self._made[settings] = edge_geometry(
                self.target, ignore_index=self.ignore_index, **dict(settings)
            )
        return {'geometry': self._made[settings]}
