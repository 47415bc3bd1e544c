"""Morphological thinning: boundary bands -> lines one pixel wide.

Shape shorthand: H, W height and width of a map; R = H + 2 rows and C = ceil(W / 64) + 2 words of a
packed map with its border of zeros.
"""

from __future__ import annotations

from math import prod
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Mask = TypeVar('Mask', NDArray[Any], Tensor)


def pack_words(masks: NDArray[Any]) -> NDArray[np.uint64]:
    """Pack boolean maps into 64-bit words, with a border of zero words around each map.

    Args:
        masks: Maps (N, H, W), bool or uint8, where not 0 counts as set.

    Returns:
        Array (N, R, C) of uint64; bit k of word [n, y + 1, 1 + j] is pixel [n, y, 64 * j + k].
    """
    num, height, width = masks.shape
    columns = -(-width // 64)
    words = np.zeros((num, height + 2, columns + 2), '<u8')
    packed = np.packbits(masks, axis=-1, bitorder='little')
    words.view(np.uint8)[:, 1:-1, 8 : 8 + packed.shape[-1]] = packed
    return words


def unpack_words(words: NDArray[np.uint64], width: int) -> NDArray[np.bool_]:
    """Undo :func:`pack_words`.

    Args:
        words: Packed maps (N, R, C).
        width: Width W of the maps in pixels.

    Returns:
        Boolean maps (N, H, W).
    """
    inner = np.ascontiguousarray(words[:, 1:-1, 1:-1]).view(np.uint8)
    return np.unpackbits(inner, axis=-1, count=width, bitorder='little').view(np.bool_)


def _thin_array(mask: NDArray[Any]) -> NDArray[np.bool_]:
    maps = mask.reshape(prod(mask.shape[:-2]), *mask.shape[-2:])
    out = np.zeros(maps.shape, np.bool_)
    busy = np.flatnonzero(maps.any(axis=(1, 2)))
    if busy.size:
        # Where it is used, since numba takes a while to import.
        from mmsteal.functional.edge_maps._thin_kernel import thin_maps

        words = pack_words(maps[busy])
        thin_maps(words)
        out[busy] = unpack_words(words, maps.shape[-1])
    return out.reshape(mask.shape)


def _thin_tensor(mask: Tensor) -> Tensor:
    """Thin with boolean tensor operations, on any device."""
    from mmsteal.functional.edge_maps._thin_kernel import removable

    out = torch.zeros_like(mask, dtype=torch.bool)
    maps = mask.reshape(prod(mask.shape[:-2]), *mask.shape[-2:]) != 0
    rows, columns = maps.any(dim=2).any(dim=0).nonzero(), maps.any(dim=1).any(dim=0).nonzero()
    if not len(rows):
        return out
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    left, right = int(columns[0]), int(columns[-1]) + 1
    height, width = bottom - top, right - left
    padded = maps.new_zeros(len(maps), height + 2, width + 2)
    inner = padded[:, 1:-1, 1:-1]
    inner.copy_(maps[:, top:bottom, left:right])
    # Starts of the eight shifted windows, in the order of the arguments of `removable`.
    starts = [(1, 2), (0, 2), (0, 1), (0, 0), (1, 0), (2, 0), (2, 1), (2, 2)]
    around = [padded[:, y : y + height, x : x + width] for y, x in starts]
    while True:
        first = inner & removable(*around)
        inner.logical_and_(~first)
        second = inner & removable(*around[4:], *around[:4])
        inner.logical_and_(~second)
        if not (first | second).any():
            break
    out.view(maps.shape)[:, top:bottom, left:right] = inner
    return out


def thin(mask: Mask) -> Mask:
    r"""Thin binary maps until nothing more can be taken away.

    The algorithm of Guo and Hall (1989) as in the survey of Lam, Lee and Suen (1992): with the
    neighbors :math:`x_1 \dots x_8` of a pixel counted from the east against the clock
    (:math:`x_9 = x_1`), the first sub-iteration removes, all at once, the pixels with

    .. math::
        &\textstyle\sum_{i=1}^{4} \bar{x}_{2i-1} \wedge (x_{2i} \vee x_{2i+1}) = 1, \\
        &2 \le \min\Bigl(\textstyle\sum_{i=1}^{4} x_{2i-1} \vee x_{2i},\;
            \sum_{i=1}^{4} x_{2i} \vee x_{2i+1}\Bigr) \le 3, \\
        &(x_2 \vee x_3 \vee \bar{x}_8) \wedge x_1 = 0,

    and the second one those of the same rule turned by 180 degrees; the loop ends when a whole pass
    changes nothing. The result equals `skimage.morphology.thin` and MATLAB's
    `bwmorph(mask, 'thin', inf)`; skeletonization and OpenCV's thinning differ from it.

    Args:
        mask: Maps of shape (..., H, W), bool or uint8, where not 0 counts as set. An array or a
            tensor; a tensor on an accelerator is thinned there.

    Returns:
        Boolean maps of the same shape, of the same kind and on the same device.

    Raises:
        TypeError: `mask` is no array or tensor of bool or uint8.
        ValueError: `mask` has fewer than two dimensions.

    Example:
        >>> import numpy as np
        >>> thin(np.ones((3, 5), dtype=bool)).astype(int)
        array([[0, 0, 0, 0, 0],
               [0, 1, 1, 1, 0],
               [0, 0, 0, 0, 0]])
    """
    if not isinstance(mask, np.ndarray | Tensor) or mask.dtype not in (
        (np.bool_, np.uint8) if isinstance(mask, np.ndarray) else (torch.bool, torch.uint8)
    ):
        kind = getattr(mask, 'dtype', type(mask).__name__)
        raise TypeError(
            f'Expected argument `mask` to be a bool or uint8 array or tensor, but got {kind}; '
            'threshold the scores first, for example `score >= 0.5`.'
        )
    if mask.ndim < 2:
        raise ValueError(
            'Expected argument `mask` to have shape (..., H, W), '
            f'but got shape {tuple(mask.shape)}; give at least two dimensions.'
        )
    if isinstance(mask, np.ndarray):
        return _thin_array(mask)
    if mask.device.type == 'cpu':
        return torch.from_numpy(_thin_array(mask.detach().numpy()))
    return _thin_tensor(mask)
