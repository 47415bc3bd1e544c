"""The pixels that pay the thinning and the direction loss, and the label's normal at each.

Shape shorthand: N images, K classes, H x W pixels; M of the N * K maps hold an edge; P positive
pixels.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor

from mmsteal.functional.edge_maps.normals import NormalsMethod, normal_angle
from mmsteal.functional.edge_maps.point_hessian import hessian_at
from mmsteal.functional.edge_maps.thin import thin
from mmsteal.functional.losses.loss_input import check_option, check_target

# A logit whose probability is 0.
_NO_EDGE = -100.0

Positives = Literal['center', 'band']


class EdgeGeometry(NamedTuple):
    """Positive pixels of an edge target and their normals; made by :func:`edge_geometry`.

    Attributes:
        shape: Shape (N, K, H, W) of the target.
        maps: Which maps hold a positive pixel: ascending indices n * K + k, int64 (M,).
        slot: Map of each positive pixel, as an index into `maps`, int64 (P,).
        y: Row of each positive pixel, int64 (P,).
        x: Column of each positive pixel, int64 (P,).
        angle: Angle of the label's normal in [0, pi), radians, x to the right, y down, (P,).
    """

    shape: torch.Size
    maps: Tensor
    slot: Tensor
    y: Tensor
    x: Tensor
    angle: Tensor


@torch.no_grad()
def edge_geometry(
    target: Tensor,
    *,
    positives: Positives = 'center',
    normals: NormalsMethod = 'hessian',
    filter_radius: int = 4,
    ignore_index: int = 255,
    dtype: torch.dtype = torch.float32,
) -> EdgeGeometry:
    """Find the positive pixels of an edge target and the direction of its normal at each.

    The thinning and the direction loss take the result as `geometry`, so that a training step
    that has both does this work once. Pixels of `ignore_index` are never positive, and count as no
    edge where the normals are estimated.

    Args:
        target: Edge target of shape (N, K, H, W): 1 edge, 0 none, `ignore_index` ignored.
        positives: `'center'`, the thinned label: of a label band only the center line is to be a
            maximum. Or `'band'`, every edge pixel of the label.
        normals: Method of :func:`mmsteal.functional.edge_normals`. The normals are those of the
            whole label band, which is smoother than its center line.
        filter_radius: Radius in pixels of the triangle filter that precedes the derivatives.
        ignore_index: Value of ignored pixels.
        dtype: Precision of the angles, float32 or float64.

    Returns:
        The positive pixels and their normals, on the device of `target`.

    Raises:
        TypeError: `target` is no tensor.
        ValueError: `target` is not of shape (N, K, H, W) or holds another value, or an unknown
            mode, or a negative `filter_radius`.

    Example:
        >>> target = torch.zeros(1, 1, 9, 9, dtype=torch.uint8)
        >>> target[..., 3:6] = 1  # a vertical band; the ends of its center line are worn off
        >>> geometry = edge_geometry(target)
        >>> print(geometry.x.unique(), geometry.angle.unique())
        tensor([4]) tensor([0.])
    """
    if not isinstance(target, Tensor):
        raise TypeError(
            f'Expected argument `target` to be a torch tensor, but got {type(target).__name__}.'
        )
    if target.ndim != 4:
        raise ValueError(
            f'Expected argument `target` to have shape (N, K, H, W), but got {tuple(target.shape)}.'
        )
    check_option('positives', positives, get_args(Positives))
    check_target(target, ignore_index)
    edge = (target == 1).flatten(0, 1)
    if ignore_index == 1:
        edge = torch.zeros_like(edge)
    maps = edge.flatten(1).any(1).nonzero().flatten()
    edge = edge.index_select(0, maps)
    slot, y, x = (thin(edge) if positives == 'center' else edge).nonzero(as_tuple=True)
    derivatives = hessian_at(edge.to(dtype), slot, y, x, filter_radius=filter_radius)
    return EdgeGeometry(target.shape, maps, slot, y, x, normal_angle(*derivatives, method=normals))


def active_maps(
    logits: Tensor, target: Tensor, geometry: EdgeGeometry, ignore_index: int
) -> Tensor:
    """The logits of the maps that hold a positive pixel.

    Near a positive pixel the losses also look at ignored ones. A prediction there that is no
    number counts as no edge, and has no gradient.

    Without a positive pixel the result is empty but still part of the graph: sums over it are an
    exact zero whose gradient is zero everywhere, also where a logit is infinite.

    Args:
        logits: Logits of shape (N, K, H, W).
        target: Edge target of the same shape.
        geometry: Geometry of a target of the same shape.
        ignore_index: Value of ignored pixels.

    Returns:
        Logits of shape (M, H, W).

    Raises:
        ValueError: `geometry` belongs to a target of another shape.
    """
    if geometry.shape != logits.shape:
        raise ValueError(
            f'Expected argument `geometry` to be of a target of shape {tuple(logits.shape)}, '
            f'but got {tuple(geometry.shape)}; make it from the target of this call.'
        )
    active = logits.flatten(0, 1).index_select(0, geometry.maps)
    ignored = target.flatten(0, 1).index_select(0, geometry.maps) == ignore_index
    return active.masked_fill(ignored & active.isnan(), _NO_EDGE)
