"""Registered form of the class-balanced binary cross entropy."""

from __future__ import annotations

from mmseg.registry import MODELS
from torch import Tensor

from mmsteal.functional.balanced_bce import balanced_bce_loss
from mmsteal.models.losses.edge_loss import EdgeLoss


@MODELS.register_module()
class BalancedBCELoss(EdgeLoss):
    """Class-balanced binary cross entropy (Eq. 1); see :func:`balanced_bce_loss`.

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

    def compute(self, logits: Tensor, target: Tensor, ignore_index: int, **options) -> Tensor:
        """Compute the plain loss."""
        return balanced_bce_loss(
            logits, target, beta=self.beta, reduction=self.reduction, ignore_index=ignore_index
        )
