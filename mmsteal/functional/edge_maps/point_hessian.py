"""Second derivatives at listed pixels only: the cost follows the edges, not the maps.

Shape shorthand: M maps of H x W pixels; P points; T = min(size, 2 * filter_radius + 5) taps along
an axis.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import once_differentiable

from mmsteal.functional.edge_maps.normals import check_radius

_POINTS_AT_ONCE = 8192  # bounds the memory: a point's window has T * T values


def hessian_at(
    maps: Tensor, index: Tensor, y: Tensor, x: Tensor, *, filter_radius: int = 4
) -> tuple[Tensor, Tensor, Tensor]:
    """Second derivatives of triangle-filtered maps at given pixels.

    Equal to :func:`mmsteal.functional.hessian` of the maps read at the pixels, borders
    included. Smoothing and differencing are linear, so each value is one weighted sum of a window
    of the map, and neither the forward nor the backward pass filters a whole map.

    Args:
        maps: Maps of shape (M, H, W): float32 or float64, or bool and integer maps (computed in
            float32). Gradients flow to them once (not twice).
        index: Which map each point is on, int64 of shape (P,).
        y: Row of each point, int64 of shape (P,).
        x: Column of each point, int64 of shape (P,).
        filter_radius: Radius in pixels of the triangle filter that precedes the derivatives.

    Returns:
        `(oxx, oxy, oyy)`, each of shape (P,), per squared pixel.

    Raises:
        ValueError: `filter_radius` is not an integer of at least 0.

    Example:
        >>> maps = torch.arange(7.0).square().expand(1, 7, 7)
        >>> oxx, oxy, oyy = hessian_at(maps, *torch.tensor([[0], [3], [3]]), filter_radius=0)
        >>> print(oxx.item(), oxy.item(), oyy.item())
        2.0 0.0 0.0
    """
    check_radius('filter_radius', filter_radius)
    out: Tensor = _HessianAt.apply(maps, index, y, x, filter_radius)
    oxx, oxy, oyy = out.unbind(-1)
    return oxx, oxy, oyy


@lru_cache(maxsize=64)
def _axis_taps(size: int, radius: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """First tap (size,) and weights (size, 3, T) of the smoothed value and derivatives 1 and 2."""
    # Filtering the identity writes the operators as matrices, with their behavior at the border.
    padded = np.pad(np.eye(size), ((radius, radius), (0, 0)), mode='symmetric')
    triangle = np.r_[1 : radius + 2, radius:0:-1] / (radius + 1) ** 2
    smooth = sum(w * padded[i : i + size] for i, w in enumerate(triangle))
    first = np.gradient(smooth, axis=0) if size > 1 else np.zeros_like(smooth)
    second = np.gradient(first, axis=0) if size > 1 else first
    reach = radius + 2
    taps = min(size, 2 * reach + 1)
    start = np.clip(np.arange(size) - reach, 0, size - taps)
    columns = (start[:, None] + np.arange(taps))[:, None, :]
    return start, np.take_along_axis(np.stack([smooth, first, second], 1), columns, 2)


class _HessianAt(torch.autograd.Function):
    # A function of its own so that the backward pass fills one gradient map, chunk by chunk, and
    # keeps nothing but the points.

    @staticmethod
    def forward(ctx: Any, maps: Tensor, index: Tensor, y: Tensor, x: Tensor, radius: int) -> Tensor:
        dtype = maps.dtype if maps.is_floating_point() else torch.float32
        ctx.save_for_backward(index, y, x)
        ctx.shape, ctx.radius, ctx.dtype = maps.shape, radius, dtype
        flat = maps.reshape(-1)
        out = flat.new_empty((len(index), 3), dtype=dtype)
        for part, pixels, wy, wx in _windows(ctx, index, y, x):
            window = flat[pixels].to(dtype)
            for k, (j, i) in enumerate(((0, 2), (1, 1), (2, 0))):
                row = (window * wx[:, None, i]).sum(-1)
                out[part, k] = (row * wy[:, j]).sum(-1)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        index, y, x = ctx.saved_tensors
        total = grad.new_zeros(ctx.shape)
        flat = total.view(-1)
        for part, pixels, wy, wx in _windows(ctx, index, y, x):
            g = grad[part, :, None]
            window = (g[:, 0] * wy[:, 0])[:, :, None] * wx[:, None, 2]
            window += (g[:, 1] * wy[:, 1])[:, :, None] * wx[:, None, 1]
            window += (g[:, 2] * wy[:, 2])[:, :, None] * wx[:, None, 0]
            flat.index_add_(0, pixels.flatten(), window.flatten())
        return total, None, None, None, None


def _windows(
    ctx: Any, index: Tensor, y: Tensor, x: Tensor
) -> Iterator[tuple[slice, Tensor, Tensor, Tensor]]:
    """Chunks of points: which, flat indices of their windows (P, T, T), weights along y and x."""
    _, height, width = ctx.shape
    device = y.device
    start_y, weights_y = (torch.from_numpy(a).to(device) for a in _axis_taps(height, ctx.radius))
    start_x, weights_x = (torch.from_numpy(a).to(device) for a in _axis_taps(width, ctx.radius))
    weights_y, weights_x = weights_y.to(ctx.dtype), weights_x.to(ctx.dtype)
    rows = torch.arange(weights_y.shape[-1], device=device)[:, None] * width
    window = rows + torch.arange(weights_x.shape[-1], device=device)
    for begin in range(0, len(index), _POINTS_AT_ONCE):
        part = slice(begin, begin + _POINTS_AT_ONCE)
        row, column = y[part], x[part]
        corner = (index[part] * height + start_y[row]) * width + start_x[column]
        yield part, corner[:, None, None] + window, weights_y[row], weights_x[column]
