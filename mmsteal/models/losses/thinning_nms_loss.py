"""Registered form of the thinning (NMS) loss."""

from __future__ import annotations

from mmseg.registry import MODELS
from torch import Tensor

from mmsteal.functional.losses.edge_geometry import EdgeGeometry
from mmsteal.functional.losses.nms_loss import thinning_nms_loss
from mmsteal.models.losses.edge_loss import EdgeLoss


@MODELS.register_module()
class ThinningNMSLoss(EdgeLoss):
    """Each edge pixel the maximum along its normal (Eq. 2-5); see :func:`thinning_nms_loss`.

    Args:
        length (int): Reach L of the samples, px.
        temperature (float): tau.
        positives (str): `'center'` line or whole `'band'` of the label.
        normals (str): `'hessian'` or `'dollar'`.
        response (str): `'probability'` or `'logit'`.
        reduction (str): `'sum'` or `'mean'` over the positive pixels.
        loss_weight (float): alpha_2 of Eq. 7.
        loss_name (str): Key in the log.
    """

    def __init__(
        self,
        length: int = 2,
        temperature: float = 0.1,
        positives: str = 'center',
        normals: str = 'hessian',
        response: str = 'probability',
        reduction: str = 'sum',
        loss_weight: float = 1.0,
        loss_name: str = 'loss_nms',
    ) -> None:
        super().__init__(reduction, loss_weight, loss_name)
        self.length = length
        self.temperature = temperature
        self.response = response
        self.geometry_options = dict(positives=positives, normals=normals)
        self.check_options()

    def compute(
        self, logits: Tensor, target: Tensor, ignore_index: int, *, geometry: EdgeGeometry
    ) -> Tensor:
        """Compute the plain loss."""
        return thinning_nms_loss(
            logits,
            target,
            length=self.length,
            temperature=self.temperature,
            response=self.response,
            reduction=self.reduction,
            ignore_index=ignore_index,
            geometry=geometry,
        )
