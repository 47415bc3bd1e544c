"""Registered form of the direction loss."""

from __future__ import annotations

from mmseg.registry import MODELS
from torch import Tensor

from mmsteal.functional.losses.direction import direction_loss
from mmsteal.functional.losses.edge_geometry import EdgeGeometry
from mmsteal.models.losses.edge_loss import EdgeLoss


@MODELS.register_module()
class DirectionLoss(EdgeLoss):
    """Normals of the prediction like those of the label (Eq. 6); see :func:`direction_loss`.

    Args:
        power (int): 2, squared angle, or 1.
        positives (str): `'center'` line or whole `'band'` of the label.
        normals (str): `'hessian'` or `'dollar'`, for the label.
        reduction (str): `'sum'` or `'mean'` over the positive pixels.
        loss_weight (float): alpha_3 of Eq. 7.
        loss_name (str): Key in the log.
    """

    def __init__(
        self,
        power: int = 2,
        positives: str = 'center',
        normals: str = 'hessian',
        reduction: str = 'sum',
        loss_weight: float = 1.0,
        loss_name: str = 'loss_dir',
    ) -> None:
        super().__init__(reduction, loss_weight, loss_name)
        self.power = power
        self.geometry_options = dict(positives=positives, normals=normals)
        self.check_options()

    def compute(
        self, logits: Tensor, target: Tensor, ignore_index: int, *, geometry: EdgeGeometry
    ) -> Tensor:
        """Compute the plain loss."""
        return direction_loss(
            logits,
            target,
            power=self.power,
            reduction=self.reduction,
            ignore_index=ignore_index,
            geometry=geometry,
        )
