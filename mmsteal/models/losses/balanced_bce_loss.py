"""Registered form of the class-balanced binary cross entropy."""

from __future__ import annotations

import torch
from mmengine.dist import all_reduce, get_world_size
from mmseg.registry import MODELS
from torch import Tensor

from mmsteal.functional.losses.balanced_bce import balanced_bce_loss
from mmsteal.models.losses.edge_loss import EdgeLoss


@MODELS.register_module()
class BalancedBCELoss(EdgeLoss):
    """Class-balanced binary cross entropy (Eq. 1); see :func:`balanced_bce_loss`.

    With `beta='batch'` the edges are counted over the samples of all ranks, so that the weights are
    those of one GPU with the whole batch.

    Args:
        beta (str | float): Weight of the edge pixels: `'batch'`, `'image'`, `'class'` or a number.
        reduction (str): `'sum'` or `'mean'`.
        loss_weight (float): alpha_1 of Eq. 7.
        loss_name (str): Key in the log.
    """

    def __init__(
        self,
        beta: str | float = 'batch',
        reduction: str = 'sum',
        loss_weight: float = 1.0,
        loss_name: str = 'loss_bce',
    ) -> None:
        super().__init__(reduction, loss_weight, loss_name)
        self.beta = beta
        self.check_options()

    def compute(
        self,
        logits: Tensor,
        target: Tensor,
        ignore_index: int,
        beta: float | None = None,
    ) -> Tensor:
        """Compute the plain loss; `beta` takes the place of the loss's own."""
        return balanced_bce_loss(
            logits,
            target,
            beta=self.beta if beta is None else beta,
            reduction=self.reduction,
            ignore_index=ignore_index,
        )

    def forward(
        self, logits: Tensor, target: Tensor, *, ignore_index: int = 255, **options
    ) -> Tensor:
        """Compute the weighted loss; see the parent."""
        if self.beta == 'batch' and get_world_size() > 1:
            options['beta'] = _beta_of_all_ranks(target, ignore_index)
        return super().forward(logits, target, ignore_index=ignore_index, **options)


def _beta_of_all_ranks(target: Tensor, ignore_index: int) -> float:
    """|Y-| / |Y| of Eq. 1 over the samples of every rank."""
    edge = torch.count_nonzero((target == 1) & (target != ignore_index))
    counts = torch.stack([edge, torch.count_nonzero(target != ignore_index)])
    all_reduce(counts)
    num_edge, num_valid = counts.tolist()
    return 1 - num_edge / max(num_valid, 1)
