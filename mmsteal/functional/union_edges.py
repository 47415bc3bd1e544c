"""Class-agnostic edges: the edges of all classes in one map."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Maps = TypeVar('Maps', NDArray[Any], Tensor)


def union_edges(edge_maps: Maps, *, ignore_index: int = 255) -> Maps:
    r"""Unite the edge maps of K classes.

    .. math::
        u(p) = \max_k\, [e_k(p) = 1]

    A pixel that is an edge of one class is an edge, whatever the others say; a pixel that is not,
    and is ignored in any class, is ignored: it may be an edge of that class.

    Args:
        edge_maps: Edge maps (..., K, H, W): 1 edge, `ignore_index` ignored, else no edge; array or
            tensor on any device.
        ignore_index: Value of ignored pixels.

    Returns:
        (..., 1, H, W) uint8 in {0, 1, ignore_index}, of the kind of `edge_maps`.

    Raises:
        TypeError: `edge_maps` is neither an array nor a tensor.
        ValueError: It has fewer than three axes.

    Example:
        >>> union_edges(np.array([[[0, 1, 0, 255]], [[0, 0, 1, 255]]]))
        array([[[  0,   1,   1, 255]]], dtype=uint8)
    """
    if not isinstance(edge_maps, np.ndarray | Tensor):
        raise TypeError(
            'Expected argument `edge_maps` to be an array or a tensor, but got '
            f'{type(edge_maps).__name__}.'
        )
    if edge_maps.ndim < 3:
        raise ValueError(
            'Expected argument `edge_maps` to have shape (..., K, H, W), but got '
            f'{tuple(edge_maps.shape)}; a single map is edge_maps[None].'
        )
    edge = (edge_maps == 1).any(-3)[..., None, :, :]
    if not (0 <= ignore_index <= 255 and ignore_index != 1):
        raise ValueError(
            'Expected argument `ignore_index` to be from 0 to 255 and not 1, which is an edge, '
            f'but got {ignore_index}.'
        )
    ignored = (edge_maps == ignore_index).any(-3)[..., None, :, :]
    if isinstance(edge_maps, Tensor):
        united = edge.to(torch.uint8)
    else:
        united = edge.astype(np.uint8)
    united[ignored & ~edge] = ignore_index
    return united
