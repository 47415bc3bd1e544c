"""Direction loss: normals of the prediction against normals of the label (Eq. 6)."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from mmsteal.functional.edge_maps.point_hessian import hessian_at
from mmsteal.functional.losses.edge_geometry import EdgeGeometry, active_maps, edge_geometry
from mmsteal.functional.losses.loss_input import (
    at_least_float32,
    check_loss_input,
    check_option,
    loss_dtype,
)


def direction_loss(
    logits: Tensor,
    target: Tensor,
    *,
    reduction: Literal['sum', 'mean'] = 'sum',
    ignore_index: int = 255,
    power: Literal[1, 2] = 2,
    filter_radius: int = 4,
    damping: float = 3e-4,
    geometry: EdgeGeometry | None = None,
) -> Tensor:
    r"""Angle between the normals of prediction and label (Eq. 6).

    .. math::
        L_{dir} = \sum_k \sum_p \varphi_p^{\,\mathrm{power}}, \qquad
        \varphi_p = \cos^{-1} |\langle \vec d_p, \vec e_p \rangle|
                  = \tfrac{1}{2} \bigl| \operatorname{atan2}(\vec D_p \times \vec E_p,\;
                                             \vec D_p \cdot \vec E_p) \bigr|

    where p runs over the positive pixels. A normal is a line, so :math:`\varphi` is at most
    :math:`\pi / 2`, and it is computed from the doubled angles D and E, whose gradient stays finite
    where that of the arc cosine does not: :math:`\vec E = (O_{yy} - O_{xx}, -2 O_{xy})` of the
    sigmoid probabilities. Computed in float32 at least, inside autocast too.

    Args:
        logits: Logits of shape (N, K, H, W).
        target: Edge target of the same shape: 1 edge, 0 none, `ignore_index` ignored.
        reduction: `'sum'`, the paper's, to which its learning rates belong; `'mean'` over the
            positive pixels.
        ignore_index: Value of pixels that are never positive.
        power: 2, the mean squared loss in the angular domain of the text and of the work that it
            cites; or 1, Eq. 6 as printed.
        filter_radius: Radius in pixels of the triangle filter that precedes the derivatives.
        damping: Anisotropy :math:`\|\vec E\|` (per squared pixel) below which the gradient fades,
            because a flat prediction has no direction and its angle an unbounded slope. The value
            of the loss does not depend on it. A sharp line one pixel wide has about 0.05.
        geometry: Positive pixels and normals of this target. None is
            `edge_geometry(target, filter_radius=filter_radius, ignore_index=ignore_index)`; other
            pixels or normals, or what another loss has made already, are passed as the result of
            :func:`~mmsteal.functional.edge_geometry`.

    Returns:
        A scalar; 0 with a gradient of 0 if there is no positive pixel. A flat prediction has the
        angle pi / 4, half way between right and wrong, and no gradient.

    Raises:
        TypeError: `logits` or `target` is no tensor, or `logits` is not floating point.
        ValueError: Shapes or devices do not fit, a value of `target` is no such one, an unknown
            mode, or `damping` is not positive and finite.

    Example:
        >>> target = torch.zeros(1, 1, 15, 15, dtype=torch.uint8)
        >>> target[..., 7] = 1  # a vertical line
        >>> same = direction_loss(20.0 * target - 10, target, power=1, reduction='mean')
        >>> flat = direction_loss(torch.zeros(1, 1, 15, 15), target, power=1, reduction='mean')
        >>> print(round(same.item(), 4), round(flat.item(), 4))
        0.0 0.7854
    """
    check_loss_input(logits, target, ignore_index)
    check_option('reduction', reduction, ('sum', 'mean'))
    if power not in (1, 2):
        raise ValueError(f'Expected argument `power` to be 1 or 2, but got {power!r}.')
    if not 0 < damping < math.inf:
        raise ValueError(
            f'Expected argument `damping` to be a positive number, finite, but got {damping!r}; '
            'without it the gradient of a flat prediction is not finite.'
        )
    if geometry is None:
        geometry = edge_geometry(
            target,
            filter_radius=filter_radius,
            ignore_index=ignore_index,
            dtype=loss_dtype(logits),
        )
    probability = torch.sigmoid(
        at_least_float32(active_maps(logits, target, geometry, ignore_index))
    )
    oxx, oxy, oyy = hessian_at(
        probability, geometry.slot, geometry.y, geometry.x, filter_radius=filter_radius
    )
    cos2, sin2 = oyy - oxx, -2.0 * oxy
    label = 2.0 * geometry.angle.to(cos2.dtype)
    cross = torch.cos(label) * sin2 - torch.sin(label) * cos2
    dot = torch.cos(label) * cos2 + torch.sin(label) * sin2
    # A flat pixel takes a constant angle of pi / 4; near it, only the gradient is scaled down.
    with torch.no_grad():
        square = cos2.square() + sin2.square()
        flat = square <= (1e-3 * damping) ** 2
        keep = square / (square + damping**2)
    angle = 0.5 * torch.atan2(cross.masked_fill(flat, 1.0), dot.masked_fill(flat, 0.0)).abs()
    angle = keep * angle + (1.0 - keep) * angle.detach()
    loss = angle.pow(power).sum()
    return loss if reduction == 'sum' else loss / max(len(angle), 1)
