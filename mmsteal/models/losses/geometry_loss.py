"""What the losses along the label's normals share: which pixels pay, and their normals."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor

from mmsteal.functional.edge_geometry import EdgeGeometry
from mmsteal.models.losses.edge_loss import EdgeLoss


class GeometryLoss(EdgeLoss):
    """Base of the losses at the positive pixels of the labels.

    Args:
        positives (str): `'center'` line or whole `'band'` of the label.
        normals (str): `'hessian'` or `'dollar'`, for the label.
        reduction (str): `'sum'` or `'mean'` over the positive pixels.
        loss_weight (float): Factor.
        loss_name (str): Key in the log.

    Attributes:
        geometry_settings (tuple): What :func:`edge_geometry` is to be called with. A head makes
            one geometry a step for all losses with the same settings.
    """

    def __init__(
        self, positives: str, normals: str, reduction: str, loss_weight: float, loss_name: str
    ) -> None:
        super().__init__(reduction, loss_weight, loss_name)
        self.geometry_settings = (('positives', positives), ('normals', normals))

    @abstractmethod
    def at_edges(self, logits: Tensor, target: Tensor, **options) -> Tensor:
        """Call the function of the loss with its own and these options."""

    def compute(
        self,
        logits: Tensor,
        target: Tensor,
        ignore_index: int,
        geometry: EdgeGeometry | None = None,
    ) -> Tensor:
        """Compute the plain loss; `geometry` of the target saves work where losses share it."""
        return self.at_edges(
            logits,
            target,
            reduction=self.reduction,
            ignore_index=ignore_index,
            geometry=geometry,
            **dict(self.geometry_settings),
        )
