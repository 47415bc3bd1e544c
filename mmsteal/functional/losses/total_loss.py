"""The total loss (Eq. 7): cross entropy, NMS loss and direction loss."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from torch import Tensor

from mmsteal.functional.losses.balanced_bce import Balance, balanced_bce_loss
from mmsteal.functional.losses.direction import direction_loss
from mmsteal.functional.losses.edge_geometry import edge_geometry
from mmsteal.functional.losses.loss_input import check_loss_input, loss_dtype
from mmsteal.functional.losses.nms_loss import thinning_nms_loss


def steal_loss(
    logits: Tensor,
    target: Tensor,
    *,
    alpha: Sequence[float] = (1.0, 10.0, 1.0),
    beta: Balance | float = 'batch',
    reduction: Literal['sum', 'mean'] = 'sum',
    ignore_index: int = 255,
) -> Tensor:
    r"""STEAL's total loss (Eq. 7).

    .. math::
        L = \alpha_1 L_{BCE} + \alpha_2 L_{nms} + \alpha_3 L_{dir}

    the sum of :func:`~mmsteal.functional.balanced_bce_loss`,
    :func:`~mmsteal.functional.thinning_nms_loss` and
    :func:`~mmsteal.functional.direction_loss`, each as it is by default. The positive
    pixels and normals of the label are found once for both losses that need them. For other options
    of a loss call the three functions, with one `geometry`.

    Args:
        logits: Logits of shape (N, K, H, W).
        target: Edge target of the same shape: 1 edge, 0 none, `ignore_index` ignored.
        alpha: The three weights. The default is the paper's for SBD and sums; averaged losses are
            of other sizes.
        beta: Weight of the edge pixels in the cross entropy.
        reduction: `'sum'`, the paper's, or `'mean'`, of each loss by itself.
        ignore_index: Value of the pixels that pay nothing.

    Returns:
        A scalar.

    Raises:
        TypeError: `logits` or `target` is no tensor, or `logits` is not floating point.
        ValueError: Shapes or devices do not fit, a value of `target` is no such one, an unknown
            mode, or `alpha` are not three finite numbers.

    Example:
        >>> import torch
        >>> target = torch.zeros(1, 1, 15, 15, dtype=torch.uint8)
        >>> target[..., 7] = 1
        >>> flat = steal_loss(torch.zeros(1, 1, 15, 15), target, reduction='mean')
        >>> right = steal_loss(20.0 * target - 10, target, reduction='mean')
        >>> print(round(flat.item(), 2), round(right.item(), 2))
        17.4 0.0
    """
    check_loss_input(logits, target, ignore_index)
    if len(alpha) != 3 or not all(map(math.isfinite, alpha)):
        raise ValueError(
            'Expected argument `alpha` to be the weights of cross entropy, NMS loss and direction '
            f'loss, but got {alpha!r}; give three numbers, finite.'
        )
    geometry = edge_geometry(target, ignore_index=ignore_index, dtype=loss_dtype(logits))
    cross_entropy = balanced_bce_loss(
        logits, target, beta=beta, reduction=reduction, ignore_index=ignore_index
    )
    thinning, direction = (
        loss(logits, target, reduction=reduction, ignore_index=ignore_index, geometry=geometry)
        for loss in (thinning_nms_loss, direction_loss)
    )
    return alpha[0] * cross_entropy + alpha[1] * thinning + alpha[2] * direction
