"""Test-time non-maximum suppression: keep the crest of each edge response."""

from __future__ import annotations

import math
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mmsteal.functional.edge_maps.normals import edge_normals, triangle_filter

Score = TypeVar('Score', NDArray[Any], Tensor)


def _bilinear(maps: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """Values of maps (N, H, W) at positions (N, H, W) in pixels, clamped inside the map."""
    height, width = maps.shape[-2:]
    y, x = y.clamp(0, height - 1), x.clamp(0, width - 1)
    top, left = y.long(), x.long()
    bottom, right = (top + 1).clamp(max=height - 1), (left + 1).clamp(max=width - 1)
    down, across = y - top, x - left
    flat = maps.flatten(1)

    def at(row: Tensor, column: Tensor) -> Tensor:
        return flat.gather(1, (row * width + column).flatten(1)).view_as(maps)

    upper = at(top, left) * (1 - across) + at(top, right) * across
    lower = at(bottom, left) * (1 - across) + at(bottom, right) * across
    return upper * (1 - down) + lower * down


def _border_weight(size: int, border: int, like: Tensor) -> Tensor:
    position = torch.arange(size, device=like.device, dtype=like.dtype)
    to_edge = torch.minimum(position, position.flip(0))
    return (to_edge / border).clamp(max=1) if border else torch.ones_like(position)


def edge_nms(
    score: Score,
    *,
    radius: int = 2,
    multiplier: float = 1.0,
    smooth_radius: int = 2,
    normal_radius: int = 4,
    border: int = 5,
) -> Score:
    r"""Suppress edge responses that are not maximal across the edge ("Test NMS" of the paper).

    With :math:`E` the score after a triangle filter and :math:`\theta` the angle of its normal (see
    `edge_normals(method='dollar')`), a pixel at :math:`(x, y)` is set to 0 if for any offset
    :math:`d \in \{\pm 1, \dots, \pm \text{radius}\}`

    .. math::
        \text{multiplier} \cdot E(x, y) < E(x + d \cos\theta,\; y + d \sin\theta)

    with bilinear interpolation and coordinates clamped inside the map. The responses near the
    border of the image are then faded out linearly. All in float32.

    Args:
        score: Edge probability (..., H, W), floating point; an array or a tensor.
        radius: How far to look along the normal, in pixels; 0 suppresses nothing.
        multiplier: Above 1, a response may be that much lower than its neighbors and stay.
        smooth_radius: Radius in pixels of the triangle filter that makes E. E is also what comes
            out where nothing is suppressed.
        normal_radius: Radius in pixels of the triangle filter for the normals.
        border: Rows and columns that are faded out: weights 0, 1 / border, 2 / border, ...

    Returns:
        The suppressed map of the same shape, float32, an array for an array and a tensor (on the
        same device) for a tensor.

    Raises:
        TypeError: `score` is no floating point array or tensor.
        ValueError: It has fewer than two dimensions, an empty map or a value that is not finite,
            or an option is negative or not finite.

    Example:
        >>> import numpy as np
        >>> score = np.zeros((15, 15), dtype=np.float32)
        >>> score[:, 6:9] = [0.5, 1.0, 0.5]
        >>> np.flatnonzero(edge_nms(score)[7])
        array([7])
    """
    if not isinstance(score, (np.ndarray, Tensor)) or not (
        score.is_floating_point() if isinstance(score, Tensor) else score.dtype.kind == 'f'
    ):
        kind = getattr(score, 'dtype', type(score).__name__)
        raise TypeError(
            'Expected argument `score` to be a floating point array or tensor, '
            f'but got {kind}; divide 8-bit scores by 255.'
        )
    if score.ndim < 2 or 0 in score.shape[-2:]:
        raise ValueError(
            'Expected argument `score` to have shape (..., H, W), '
            f'but got {tuple(score.shape)}; give at least one pixel.'
        )
    options = (radius, multiplier, smooth_radius, normal_radius, border)
    if not all(0 <= option < math.inf for option in options):
        raise ValueError(
            'Expected radius, multiplier, smooth_radius, normal_radius and border to be at least '
            f'0 and finite, but got {options}.'
        )
    if not bool((np if isinstance(score, np.ndarray) else torch).isfinite(score).all()):
        raise ValueError(
            'Expected argument `score` to hold finite numbers, but got NaN or infinity; look for '
            'the cause in the network, or replace them with 0.'
        )
    if isinstance(score, np.ndarray):
        tensor = torch.from_numpy(np.array(score, dtype=np.float32, order='C'))
        return edge_nms(
            tensor,
            radius=radius,
            multiplier=multiplier,
            smooth_radius=smooth_radius,
            normal_radius=normal_radius,
            border=border,
        ).numpy()

    maps = triangle_filter(score.detach().float().reshape(-1, *score.shape[-2:]), smooth_radius)
    angle = edge_normals(maps, method='dollar', filter_radius=normal_radius)
    height, width = maps.shape[-2:]
    rows = torch.arange(height, device=maps.device, dtype=maps.dtype)[:, None]
    columns = torch.arange(width, device=maps.device, dtype=maps.dtype)
    dx, dy = angle.cos(), angle.sin()
    raised = maps * multiplier
    keep = torch.ones_like(maps, dtype=torch.bool)
    for d in range(1, radius + 1):
        for offset in (-d, d):
            # Always against the map before any suppression, so that the order does not matter.
            keep &= raised >= _bilinear(maps, rows + offset * dy, columns + offset * dx)
    fade = _border_weight(height, border, maps)[:, None] * _border_weight(width, border, maps)
    return (maps * keep * fade).view(score.shape)
