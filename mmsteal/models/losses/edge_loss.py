"""What the loss classes share: weight, name, size under DDP, and the geometry of the labels."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
from mmengine.dist import get_world_size
from torch import Tensor, nn

from mmsteal.functional.losses.edge_geometry import EdgeGeometry, edge_geometry
from mmsteal.functional.losses.loss_input import loss_dtype


class EdgeLoss(nn.Module):
    """Base of the losses on K boundary maps: a function with its options, a weight and a name.

    A summed loss is multiplied by the number of ranks: DDP averages gradients over ranks, so this
    makes the step the same as that of one GPU with the whole batch, and the paper's learning
    rates hold on any number of GPUs. Averaged losses need no such correction.

    Args:
        reduction (str): `'sum'`, the paper's, or `'mean'`.
        loss_weight (float): Factor.
        loss_name (str): Key in the log; it has to begin with `loss_` to be trained on.

    Attributes:
        geometry_options (dict | None): Options of :func:`mmsteal.functional.edge_geometry`. A loss
            along the label's normals sets them, and gets the result as `geometry` in
            :meth:`compute`; losses with the same options share it (:class:`SharedGeometry`).

    Raises:
        ValueError: If the reduction is unknown.
    """

    geometry_options: dict[str, Any] | None = None

    def __init__(self, reduction: str, loss_weight: float, loss_name: str) -> None:
        super().__init__()
        if reduction not in ('sum', 'mean'):
            raise ValueError(
                f"Expected argument `reduction` to be 'sum' or 'mean', but got {reduction!r}."
            )
        self.reduction = reduction
        self.loss_weight = loss_weight
        self._loss_name = loss_name

    @property
    def loss_name(self) -> str:
        """Key in the log."""
        return self._loss_name

    def check_options(self) -> None:
        """Compute the loss of one edge pixel: a wrong option shows here, not hours later."""
        self._compute(torch.zeros(1, 1, 8, 8), torch.ones(1, 1, 8, 8, dtype=torch.uint8), 255)

    @abstractmethod
    def compute(self, logits: Tensor, target: Tensor, ignore_index: int, **options) -> Tensor:
        """Compute the plain loss of this rank's samples."""

    def forward(
        self, logits: Tensor, target: Tensor, *, ignore_index: int = 255, **options
    ) -> Tensor:
        """Compute the weighted loss.

        Args:
            logits (Tensor): (N, K, H, W).
            target (Tensor): (N, K, H, W) in {0, 1, ignore_index}.
            ignore_index (int): Target value that pays nothing.
            **options: What :meth:`compute` takes further.

        Returns:
            Tensor: A scalar.
        """
        loss = self._compute(logits, target, ignore_index, **options)
        ranks = get_world_size() if self.reduction == 'sum' else 1
        return self.loss_weight * ranks * loss

    def _compute(self, logits: Tensor, target: Tensor, ignore_index: int, **options) -> Tensor:
        if self.geometry_options is not None and 'geometry' not in options:
            options['geometry'] = edge_geometry(
                target,
                ignore_index=ignore_index,
                dtype=loss_dtype(logits),
                **self.geometry_options,
            )
        return self.compute(logits, target, ignore_index, **options)


class SharedGeometry:
    """Geometries of one edge target: the normals cost more than the losses that read them.

    Args:
        target (Tensor): Edge target (N, K, H, W).
        ignore_index (int): Target value that pays nothing.
    """

    def __init__(self, target: Tensor, ignore_index: int = 255) -> None:
        self.target = target
        self.ignore_index = ignore_index
        self._made: dict[tuple, EdgeGeometry] = {}

    def options_for(self, loss: nn.Module) -> dict[str, EdgeGeometry]:
        """Options to call a loss with: `geometry` for one with `geometry_options`."""
        options = getattr(loss, 'geometry_options', None)
        if options is None:
            return {}
        key = tuple(sorted(options.items()))
        if key not in self._made:
            self._made[key] = edge_geometry(self.target, ignore_index=self.ignore_index, **options)
        return {'geometry': self._made[key]}
