"""Thinning layer and NMS loss (Eq. 2-5).

Shape shorthand: N images, K classes, H x W pixels; P positive pixels; S = 2 * length + 1 samples.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from mmsteal.functional.losses.edge_geometry import EdgeGeometry, active_maps, edge_geometry
from mmsteal.functional.losses.loss_input import (
    at_least_float32,
    check_loss_input,
    check_option,
    loss_dtype,
)

# Rounding of cos(pi / 2) must not push a sample on the border pixel out of the image.
_BORDER_SLACK_PX = 1e-3


def thinning_nms_loss(
    logits: Tensor,
    target: Tensor,
    *,
    length: int = 2,
    temperature: float = 0.1,
    reduction: Literal['sum', 'mean'] = 'sum',
    ignore_index: int = 255,
    response: Literal['probability', 'logit'] = 'probability',
    geometry: EdgeGeometry | None = None,
) -> Tensor:
    r"""Make each edge pixel the maximum along the label's normal (Eq. 2-5).

    .. math::
        h_k(p) &= \frac{\exp(f_k(p) / \tau)}{\sum_{t=-L}^{L} \exp(f_k(p_t) / \tau)}, \qquad
        p_t = p + t\,(\cos \vec d_p, \sin \vec d_p) \\
        L_{nms} &= -\sum_k \sum_p \log h_k(p)

    where p runs over the positive pixels, :math:`\vec d_p` is the label's normal, and f between
    pixels is bilinear. Samples outside the image do not compete. A flat prediction costs
    :math:`\log(2L + 1)` a pixel. Computed in float32 at least, inside autocast too.

    Args:
        logits: Logits of shape (N, K, H, W).
        target: Edge target of the same shape: 1 edge, 0 none, `ignore_index` ignored.
        length: L, the reach of the samples on each side in pixels, at least 1.
        temperature: tau of the softmax.
        reduction: `'sum'`, the paper's, to which its learning rates belong; `'mean'` over the
            positive pixels.
        ignore_index: Value of pixels that are never positive.
        response: f as the sigmoid `'probability'` of section 3.1, or the `'logit'`.
        geometry: Positive pixels and normals of this target. None is
            `edge_geometry(target, ignore_index=ignore_index)`; other pixels or normals, or what
            another loss has made already, are passed as the result of
            :func:`~mmsteal.functional.edge_geometry`.

    Returns:
        A scalar; 0 with a gradient of 0 if there is no positive pixel.

    Raises:
        TypeError: `logits` or `target` is no tensor, or `logits` is not floating point.
        ValueError: Shapes or devices do not fit, a value of `target` is no such one, an unknown
            mode, or `length` or `temperature` is not positive and finite.

    Example:
        >>> target = torch.zeros(1, 1, 9, 9, dtype=torch.uint8)
        >>> target[..., 4] = 1
        >>> flat = thinning_nms_loss(torch.zeros(1, 1, 9, 9), target, reduction='mean')
        >>> thin = thinning_nms_loss(20.0 * target - 10, target, reduction='mean')
        >>> print(round(flat.item(), 4), round(thin.item(), 4))
        1.6094 0.0002
    """
    check_loss_input(logits, target, ignore_index)
    check_option('reduction', reduction, ('sum', 'mean'))
    check_option('response', response, ('probability', 'logit'))
    if not isinstance(length, int) or length < 1:
        raise ValueError(
            f'Expected argument `length` to be an integer of at least 1 pixel, but got {length!r}.'
        )
    if not 0 < temperature < math.inf:
        raise ValueError(
            'Expected argument `temperature` to be a positive number, finite, but got '
            f'{temperature!r}.'
        )
    if geometry is None:
        geometry = edge_geometry(target, ignore_index=ignore_index, dtype=loss_dtype(logits))
    maps = at_least_float32(active_maps(logits, target, geometry, ignore_index))
    steps = torch.arange(-length, length + 1, device=maps.device, dtype=maps.dtype)
    angle = geometry.angle.to(maps.dtype)[:, None]
    samples, inside = _sample(
        maps,
        geometry.slot[:, None],
        geometry.y[:, None] + steps * torch.sin(angle),
        geometry.x[:, None] + steps * torch.cos(angle),
        sigmoid=response == 'probability',
    )
    scores = (samples / temperature).masked_fill(~inside, -torch.inf)
    loss = (torch.logsumexp(scores, 1) - scores[:, length]).sum()
    return loss if reduction == 'sum' else loss / max(len(scores), 1)


def _sample(
    maps: Tensor, index: Tensor, y: Tensor, x: Tensor, *, sigmoid: bool
) -> tuple[Tensor, Tensor]:
    """Bilinear responses (P, S) of maps (M, H, W), and which samples lie inside the image."""
    height, width = maps.shape[-2:]
    slack = _BORDER_SLACK_PX
    inside = (y > -slack) & (y < height - 1 + slack) & (x > -slack) & (x < width - 1 + slack)
    y, x = y.clamp(0, height - 1), x.clamp(0, width - 1)
    top, left = y.floor(), x.floor()
    wy = torch.stack([top + 1 - y, y - top], -1)[..., :, None]
    wx = torch.stack([left + 1 - x, x - left], -1)[..., None, :]
    rows = torch.stack([top, (top + 1).clamp(max=height - 1)], -1).long()[..., :, None]
    columns = torch.stack([left, (left + 1).clamp(max=width - 1)], -1).long()[..., None, :]
    pixels = (index[..., None, None] * height + rows) * width + columns
    # Only the pixels that are read go through the sigmoid; index_select has the cheapest backward.
    corners = maps.reshape(-1).index_select(0, pixels.reshape(-1)).view(pixels.shape)
    if sigmoid:
        corners = torch.sigmoid(corners)
    return (corners * (wy * wx)).sum((-2, -1)), inside
