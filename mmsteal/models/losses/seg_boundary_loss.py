"""Edge losses on the logits of a segmentation network, as one entry of its `loss_decode`."""

from __future__ import annotations

from collections.abc import Sequence

from mmseg.registry import MODELS
from torch import Tensor, nn

from mmsteal.functional.losses.soft_boundary import (
    boundary_logits,
    check_boundary_options,
    class_boundaries,
)
from mmsteal.models.losses.edge_loss import SharedGeometry

STEAL_LOSSES = (
    dict(type='BalancedBCELoss', reduction='mean'),
    dict(type='ThinningNMSLoss', reduction='mean'),
    dict(type='DirectionLoss', reduction='mean', loss_weight=0.1),
)


@MODELS.register_module()
class SegBoundaryLoss(nn.Module):
    r"""Edge losses between the boundaries of a soft segmentation and those of its labels.

    .. math::
        L = w \sum_i L_i(z, e), \qquad
        z_k = \operatorname{logit}\bigl(\varepsilon + (1 - 2\varepsilon)\, b_k\bigr), \qquad
        b_k(p) = \max_{\|q - p\| \le r} f_k(q) - \min_{\|q - p\| \le r} f_k(q)

    where f are the class probabilities (softmax of the logits), e the boundaries of the label map
    by the same rule (:func:`mmsteal.functional.class_boundaries`) and :math:`L_i` the
    edge losses, those of Eq. 7 by default. Ignored pixels count neither in b nor in e and pay
    nothing. Nothing is added to the network, and the pipeline stays as it is.

    Use it beside the loss that learns the classes: boundaries alone do not say which side is which.

    Args:
        losses (dict | Sequence[dict] | None): Edge losses. None: balanced cross entropy, thinning
            and direction with weights 1, 1 and 0.1, averaged.
        radius (float): r, px of the label map. The thinning loss reaches `length` = 2 px along the
            normal: at a radius above 1 the band of a sharp step fills that reach.
        eps (float): :math:`\varepsilon`; see :func:`mmsteal.functional.boundary_logits`.
        use_sigmoid (bool): Probabilities by the sigmoid of each class in place of the softmax; for
            heads with `out_channels=1`, whose one class is label 1.
        loss_weight (float): Factor w.
        loss_name (str): Key in the log; it has to begin with `loss_` to be trained on.

    Raises:
        ValueError: If an option is out of its range, or `losses` is empty.

    Example:
        >>> import torch
        >>> from mmengine.registry import init_default_scope
        >>> init_default_scope('mmseg')
        >>> label = torch.zeros(1, 8, 8, dtype=torch.long)
        >>> label[:, :, 4:] = 1
        >>> right = torch.nn.functional.one_hot(label, 2).permute(0, 3, 1, 2) * 20.0
        >>> loss = SegBoundaryLoss(losses=dict(type='BalancedBCELoss', reduction='mean'))
        >>> print(round(loss(right, label).item(), 3), round(loss(0 * right, label).item(), 3))
        0.01 2.308
    """

    def __init__(
        self,
        losses: dict | Sequence[dict] | None = None,
        *,
        radius: float = 1.0,
        eps: float = 0.01,
        use_sigmoid: bool = False,
        loss_weight: float = 1.0,
        loss_name: str = 'loss_boundary',
    ) -> None:
        super().__init__()
        configs = STEAL_LOSSES if losses is None else losses
        configs = [configs] if isinstance(configs, dict) else list(configs)
        if not configs or not all(isinstance(config, dict) for config in configs):
            raise ValueError(
                'Expected argument `losses` to be one or more dicts such as '
                f'dict(type="BalancedBCELoss"), but got {losses!r}.'
            )
        self.losses = nn.ModuleList(MODELS.build(config) for config in configs)
        self.radius = radius
        self.eps = eps
        self.use_sigmoid = use_sigmoid
        self.loss_weight = loss_weight
        self._loss_name = loss_name
        # A wrong option shows here, not when the first batch has been loaded.
        check_boundary_options(radius, eps)

    @property
    def loss_name(self) -> str:
        """Key in the log."""
        return self._loss_name

    def forward(
        self,
        cls_score: Tensor,
        label: Tensor,
        weight: Tensor | None = None,
        avg_factor: float | None = None,
        *,
        ignore_index: int = 255,
    ) -> Tensor:
        """Compute the weighted loss, as a decode head of mmseg calls it.

        Args:
            cls_score (Tensor): Segmentation logits (N, K, H, W) at the size of the labels.
            label (Tensor): Label maps (N, H, W), integers.
            weight (Tensor | None): Weight of each pixel (N, H, W), from a head's `sampler`. Pixels
                of weight 0 pay nothing; all others count alike.
            avg_factor (float | None): Not for this loss: the edge losses count their own pixels.
            ignore_index (int): Label of pixels that pay nothing.

        Returns:
            Tensor: A scalar.

        Raises:
            ValueError: If the shapes do not fit, or `avg_factor` is given.
        """
        if avg_factor is not None:
            raise ValueError(
                f'Expected no `avg_factor`, but got {avg_factor!r}: the edge losses are averaged '
                "over their own pixels; set the `reduction` of each of the loss's `losses`."
            )
        if cls_score.ndim == 4 and label.shape != cls_score.shape[:1] + cls_score.shape[2:]:
            raise ValueError(
                'Expected argument `label` to have the shape (N, H, W) of `cls_score` '
                f'{tuple(cls_score.shape)}, but got {tuple(label.shape)}.'
            )
        logits = boundary_logits(
            cls_score,
            radius=self.radius,
            valid=(label != ignore_index)[:, None],
            eps=self.eps,
            use_sigmoid=self.use_sigmoid,
        )
        target = self._target(label, cls_score.shape[1], ignore_index)
        if weight is not None:
            target = target.masked_fill((weight == 0)[:, None], 255)
        geometry = SharedGeometry(target)
        total = sum(loss(logits, target, **geometry.options_for(loss)) for loss in self.losses)
        return self.loss_weight * total

    def _target(self, label: Tensor, num_channels: int, ignore_index: int) -> Tensor:
        options = dict(radius=self.radius, ignore_index=ignore_index)
        if num_channels > 1:
            return class_boundaries(label, num_channels, **options)
        # The one map of a binary head is that of label 1.
        return class_boundaries(label, 2, **options)[:, 1:]
