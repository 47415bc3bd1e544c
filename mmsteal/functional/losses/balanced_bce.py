"""Class-balanced binary cross entropy of edge maps (Eq. 1)."""

from __future__ import annotations

from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from mmsteal.functional.losses.loss_input import at_least_float32, check_loss_input, check_option

Balance = Literal['batch', 'image', 'class']


def balanced_bce_loss(
    logits: Tensor,
    target: Tensor,
    *,
    beta: Balance | float = 'batch',
    reduction: Literal['sum', 'mean', 'none'] = 'sum',
    ignore_index: int = 255,
) -> Tensor:
    r"""Class-balanced binary cross entropy (Eq. 1).

    .. math::
        L_{BCE} = -\sum_k \sum_m \beta\, y_k^m \log f_k(m)
                  + (1 - \beta)(1 - y_k^m) \log(1 - f_k(m)), \qquad
        \beta = \frac{|Y^-|}{|Y|}

    where f is the sigmoid of the logits, and :math:`|Y^-|` and :math:`|Y|` count the non-edge and
    all pixels of all classes of the mini-batch that are not ignored. So beta is near 1, and a
    target without an edge has beta 1 and loss 0. Computed in float32 at least, inside autocast too.

    Args:
        logits: Logits of shape (N, K, H, W).
        target: Edge target of the same shape: 1 edge, 0 none, `ignore_index` ignored.
        beta: Weight of the edge pixels; 1 - beta is that of the others. `'batch'` counts as the
            paper does; `'image'` counts each image, `'class'` each class of the mini-batch by
            itself; a number in [0, 1] is taken as it is (0.5 is half the unweighted loss, 0 removes
            the edge term).
        reduction: `'sum'`, the paper's, to which its learning rates belong; `'mean'`, weighted:
            the sum divided by the sum of the weights, log 2 for a logit of 0 whatever the number
            of edge pixels (0 where there is no weight at all); `'none'`.
        ignore_index: Value of the pixels that pay nothing.

    Returns:
        A scalar, or the loss of each pixel (N, K, H, W) with `'none'`.

    Raises:
        TypeError: `logits` or `target` is no tensor, or `logits` is not floating point.
        ValueError: Shapes or devices do not fit, a value of `target` is no such one, an unknown
            mode, or `beta` outside [0, 1].

    Example:
        >>> logits = torch.zeros(1, 1, 1, 4)
        >>> target = torch.tensor([[[[1, 0, 0, 255]]]])  # beta = 2/3: 4/3 pixels times log 2
        >>> print(round(balanced_bce_loss(logits, target).item(), 4))
        0.9242
    """
    check_loss_input(logits, target, ignore_index)
    check_option('reduction', reduction, ('sum', 'mean', 'none'))
    logits = at_least_float32(logits)
    edge = target == 1
    ignored = target == ignore_index
    if isinstance(beta, str):
        check_option('beta', beta, get_args(Balance))
    elif not (isinstance(beta, int | float) and 0 <= beta <= 1):
        raise ValueError(
            f'Expected argument `beta` to be a number in [0, 1] or one of {get_args(Balance)}, '
            f'but got {beta!r}.'
        )
    over: Balance = beta if isinstance(beta, str) else 'batch'
    num_edge = _count(edge & ~ignored, over).to(logits.dtype)
    num_other = _count(~ignored, over).to(logits.dtype) - num_edge
    if isinstance(beta, str):
        num_valid = (num_edge + num_other).clamp(min=1)
        # Not 1 - beta: edges are rare, and the difference would lose their digits.
        edge_weight, other_weight = num_other / num_valid, num_edge / num_valid
    else:
        edge_weight, other_weight = logits.new_tensor(beta), logits.new_tensor(1.0 - beta)
    # -log sigmoid(z) = softplus(-z). Ignored pixels get z = -inf, whose loss and gradient are 0:
    # an infinite loss times 0 would be NaN, and so would the gradient of a logit that is.
    signed = (logits * torch.where(edge, -1.0, 1.0)).masked_fill(ignored, -torch.inf)
    loss = F.softplus(signed) * torch.where(edge, edge_weight, other_weight)
    if reduction == 'none':
        return loss
    if reduction == 'sum':
        return loss.sum()
    total_weight = (edge_weight * num_edge + other_weight * num_other).sum()
    # No weight at all, as without an edge: the loss is zero, and stays in the graph.
    return loss.sum() / torch.where(total_weight > 0, total_weight, 1.0)


def _count(mask: Tensor, over: Balance) -> Tensor:
    if over == 'batch':
        return torch.count_nonzero(mask)  # many times faster than the sum of a boolean map
    return mask.sum((1, 2, 3) if over == 'image' else (0, 2, 3), keepdim=True)
