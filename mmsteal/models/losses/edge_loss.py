"""What the loss classes share: weight, name, and the size of a summed loss under DDP."""

from __future__ import annotations

from abc import abstractmethod

import torch
from mmengine.dist import get_world_size
from torch import Tensor, nn


class EdgeLoss(nn.Module):
    """Base of the losses on K boundary maps.

    A summed loss is multiplied by the number of ranks: DDP averages gradients over ranks, so this
    makes the step the same as that of one GPU with the whole batch, and the paper's learning
    rates hold on any number of GPUs. Averaged losses need no such correction.

    Args:
        reduction (str): `'sum'`, the paper's, or `'mean'`.
        loss_weight (float): Factor.
        loss_name (str): Key in the log; it has to begin with `loss_` to be trained on.

    Raises:
        ValueError: If the reduction is unknown.
    """

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
        self.compute(torch.zeros(1, 1, 8, 8), torch.ones(1, 1, 8, 8, dtype=torch.uint8), 255)

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
            **options: What a subclass takes further.

        Returns:
            Tensor: A scalar.
        """
        loss = self.compute(logits, target, ignore_index, **options)
        ranks = get_world_size() if self.reduction == 'sum' else 1
        return self.loss_weight * ranks * loss
