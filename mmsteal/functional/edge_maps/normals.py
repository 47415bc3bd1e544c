"""Direction of an edge at each pixel: triangle filter, second derivatives, angle of the normal."""

from __future__ import annotations

import math
from typing import Literal, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

NormalsMethod = Literal['hessian', 'dollar']
ArrayOrTensor = TypeVar('ArrayOrTensor', np.ndarray, Tensor)

_METHODS = ('hessian', 'dollar')
_DOLLAR_EPS = 1e-5


def triangle_filter(x: ArrayOrTensor, radius: int) -> ArrayOrTensor:
    r"""Smooth the last two axes with a separable triangle filter.

    .. math::
        w = \frac{[1, \dots, r, r + 1, r, \dots, 1]}{(r + 1)^2}

    along rows and along columns. The map is continued by reflection about its border, border pixel
    repeated, as often as the radius asks, so maps smaller than the radius are filtered correctly.

    Args:
        x: Maps of shape (..., H, W). Integers, booleans and half precision are computed in float32.
        radius: The filter's radius r in pixels; 0 leaves the map as it is.

    Returns:
        The smoothed maps, same shape; an array for an array, a tensor for a tensor.

    Raises:
        TypeError: `x` is neither an array nor a tensor.
        ValueError: `x` has fewer than two axes or an empty map, or `radius` is not an integer >= 0.

    Example:
        >>> triangle_filter(np.eye(5)[2:3], 1)[0]  # one row: the vertical pass changes nothing
        array([0.  , 0.25, 0.5 , 0.25, 0.  ])
    """
    check_radius('radius', radius)
    if isinstance(x, np.ndarray):
        return _triangle(_as_float_maps('x', x), radius).numpy()
    return _triangle(_as_float_maps('x', x), radius)


def hessian(
    x: ArrayOrTensor, filter_radius: int = 4
) -> tuple[ArrayOrTensor, ArrayOrTensor, ArrayOrTensor]:
    """Second derivatives of triangle-filtered maps.

    Each derivative is a central difference halved, one-sided at the border, applied twice.

    Args:
        x: Maps of shape (..., H, W); x points to the right, y down.
        filter_radius: Radius in pixels of the triangle filter that precedes the derivatives.

    Returns:
        `(oxx, oxy, oyy)`, each of the shape of `x`, per squared pixel. An axis of one pixel has
        derivative 0.

    Raises:
        TypeError: `x` is neither an array nor a tensor.
        ValueError: `x` has fewer than two axes or an empty map, or `filter_radius` is not an
            integer >= 0.

    Example:
        >>> y, x = np.mgrid[:9, :9].astype(float)
        >>> oxx, oxy, oyy = hessian(x * x + 3 * x * y, filter_radius=0)
        >>> print(oxx[4, 4], oxy[4, 4], oyy[4, 4])
        2.0 3.0 0.0
    """
    check_radius('filter_radius', filter_radius)
    if isinstance(x, np.ndarray):
        oxx, oxy, oyy = _second_derivatives(_as_float_maps('x', x), filter_radius)
        return oxx.numpy(), oxy.numpy(), oyy.numpy()
    return _second_derivatives(_as_float_maps('x', x), filter_radius)


def edge_normals(
    edge_map: ArrayOrTensor,
    *,
    method: NormalsMethod = 'hessian',
    filter_radius: int = 4,
) -> ArrayOrTensor:
    r"""Angle of the normal of the edge at each pixel.

    The direction d of Eq. 3-4 and Eq. 6. A normal is a line, not an arrow: angles are modulo pi.
    `'hessian'` takes the direction of the most negative curvature, the eigenvector of the Hessian,

    .. math::
        \theta = \tfrac{1}{2} \operatorname{atan2}(-2 O_{xy},\; O_{yy} - O_{xx}) \bmod \pi

    `'dollar'` is the published edge-NMS formula, kept for parity; it is some degrees off for
    oblique edges:

    .. math::
        \theta = \arctan\frac{O_{yy}\, \mathrm{sign}(-(O_{xy} + \epsilon))}
                             {O_{xx} + \epsilon} \bmod \pi, \quad \epsilon = 10^{-5}

    Args:
        edge_map: Edge responses or labels of shape (..., H, W), bright on the edge.
        method: `'hessian'` or `'dollar'`.
        filter_radius: Radius in pixels of the triangle filter that precedes the derivatives.

    Returns:
        Angles in [0, pi), radians, x to the right and y down (0 is the normal of a vertical line),
        of the shape of `edge_map`. Where the map is flat the `'hessian'` angle is 0 and its
        gradient is 0.

    Raises:
        TypeError: `edge_map` is neither an array nor a tensor.
        ValueError: Too few axes, an empty map, an unknown `method` or a bad `filter_radius`.

    Example:
        >>> vertical = np.zeros((15, 15))
        >>> vertical[:, 7] = 1
        >>> print(edge_normals(vertical)[7, 7])
        0.0
        >>> print(round(float(edge_normals(vertical.T)[7, 7]), 4))
        1.5708
    """
    check_radius('filter_radius', filter_radius)
    derivatives = _second_derivatives(_as_float_maps('edge_map', edge_map), filter_radius)
    angle = normal_angle(*derivatives, method=method)
    return angle.numpy() if isinstance(edge_map, np.ndarray) else angle


def normal_angle(
    oxx: Tensor, oxy: Tensor, oyy: Tensor, *, method: NormalsMethod = 'hessian'
) -> Tensor:
    """Angle of the edge normal from second derivatives; the formulas of :func:`edge_normals`.

    Args:
        oxx: Second derivative along x, a float tensor of any shape.
        oxy: Mixed derivative, same shape.
        oyy: Second derivative along y, same shape.
        method: `'hessian'` or `'dollar'`.

    Returns:
        Angles in [0, pi), radians, of the same shape.

    Raises:
        ValueError: Unknown `method`.
    """
    if method not in _METHODS:
        raise ValueError(
            f'Expected the method of the normals to be one of {_METHODS}, but got {method!r}.'
        )
    if method == 'hessian':
        cos2, sin2 = oyy - oxx, -2.0 * oxy
        # atan2 has no gradient at (0, 0): a flat pixel takes the constant direction (1, 0).
        cos2 = cos2.masked_fill((cos2 == 0) & (sin2 == 0), 1.0)
        angle = 0.5 * torch.atan2(sin2, cos2)
    else:
        sign = torch.sign(-(oxy + _DOLLAR_EPS))
        angle = torch.atan(oyy * sign / (oxx + _DOLLAR_EPS))
    angle = torch.remainder(angle, math.pi)
    # A tiny negative angle plus pi rounds to pi itself, which is the line of angle 0; so is -0.
    return angle.masked_fill((angle >= math.pi) | (angle == 0), 0.0)


def _triangle(x: Tensor, radius: int) -> Tensor:
    # The triangle is a box of r + 1 pixels applied twice. Pooling, unlike a convolution, is left in
    # full precision by autocast and TF32, and with divisor 1 the sums of a 0/1 map are exact.
    if radius == 0:
        return x
    maps = x.reshape(-1, 1, *x.shape[-2:])
    maps = _pad_symmetric(_pad_symmetric(maps, radius, -1), radius, -2)
    side = radius + 1
    for _ in range(2):
        maps = F.avg_pool2d(maps, (1, side), stride=1, divisor_override=1)
        maps = F.avg_pool2d(maps, (side, 1), stride=1, divisor_override=1)
    return (maps / side**4).reshape(x.shape)


def _pad_symmetric(x: Tensor, radius: int, dim: int) -> Tensor:
    # Each turn reflects at most the whole map; a map padded by itself continues the same pattern.
    while radius > 0:
        size = x.shape[dim]
        width = min(radius, size)
        before = x.narrow(dim, 0, width).flip(dim)
        after = x.narrow(dim, size - width, width).flip(dim)
        x = torch.cat([before, x, after], dim)
        radius -= width
    return x


def _gradient(x: Tensor, dim: int) -> Tensor:
    size = x.shape[dim]
    if size == 1:
        return torch.zeros_like(x)
    first = x.narrow(dim, 1, 1) - x.narrow(dim, 0, 1)
    last = x.narrow(dim, size - 1, 1) - x.narrow(dim, size - 2, 1)
    inner = (x.narrow(dim, 2, size - 2) - x.narrow(dim, 0, size - 2)) / 2
    return torch.cat([first, inner, last], dim)


def _second_derivatives(maps: Tensor, filter_radius: int) -> tuple[Tensor, Tensor, Tensor]:
    smooth = _triangle(maps, filter_radius)
    oy = _gradient(smooth, -2)
    return _gradient(_gradient(smooth, -1), -1), _gradient(oy, -1), _gradient(oy, -2)


def _as_float_maps(name: str, x: np.ndarray | Tensor) -> Tensor:
    if isinstance(x, np.ndarray):
        # A copy where torch cannot wrap the memory (negative strides, read-only, odd byte order).
        kept = np.float64 if x.dtype.type is np.float64 else np.float32
        tensor = torch.from_numpy(np.array(x, dtype=kept, order='C'))
    elif isinstance(x, Tensor):
        tensor = x if x.dtype == torch.float64 else x.to(torch.float32)
    else:
        raise TypeError(
            f'Expected argument `{name}` to be a numpy array or a torch tensor, '
            f'but got {type(x).__name__}.'
        )
    if tensor.ndim < 2 or 0 in tensor.shape[-2:]:
        raise ValueError(
            f'Expected argument `{name}` to have shape (..., H, W) with H, W >= 1, '
            f'but got {tuple(tensor.shape)}.'
        )
    return tensor


def check_radius(name: str, radius: int) -> None:
    """Refuse a filter radius that is not a whole number of pixels.

    Args:
        name: Name of the argument, for the message.
        radius: Its value.

    Raises:
        ValueError: `radius` is not an integer of at least 0.
    """
    if not isinstance(radius, (int, np.integer)) or isinstance(radius, bool) or radius < 0:
        raise ValueError(
            f'Expected argument `{name}` to be an integer of at least 0 pixels, but got {radius!r}.'
        )
