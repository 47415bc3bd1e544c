"""Morphological thinning: boundary bands -> lines one pixel wide.

Shape shorthand: H, W height and width of a map; R = H + 2 rows and C = ceil(W / 64) + 2 words of a
packed map with its border of zeros.
"""

from __future__ import annotations

from math import prod
from typing import Any, TypeVar

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray
from torch import Tensor

Mask = TypeVar('Mask', NDArray[Any], Tensor)


def _removable(e, ne, n, nw, w, sw, s, se):
    """Which pixels the first sub-iteration takes away, if they are set at all.

    The eight arguments are the neighbours by compass direction: boolean tensors, or words of which
    each bit is a pixel. The second sub-iteration is the same rule turned by 180 degrees.
    """
    # Exactly one crossing from 0 to 1 around the pixel: taking it away cuts nothing apart.
    a, b, c, d = ~e & (ne | n), ~n & (nw | w), ~w & (sw | s), ~s & (se | e)
    one_crossing = (a ^ b ^ c ^ d) & ~((a & b) | (c & d))
    # 2 <= min(n1, n2) <= 3: neither the end of a line nor an inner pixel.
    a, b, c, d = e | ne, n | nw, w | sw, s | se
    one_enough = (a & b) | (c & d) | ((a | b) & (c | d))
    one_full = a & b & c & d
    a, b, c, d = ne | n, nw | w, sw | s, se | e
    other_enough = (a & b) | (c & d) | ((a | b) & (c | d))
    border = one_enough & other_enough & ~(one_full & a & b & c & d)
    # Each sub-iteration takes from one side only, so that lines two pixels wide survive.
    return one_crossing & border & ~((ne | n | ~se) & e)


_removable_bits = njit(inline='always')(_removable)


@njit(cache=True, nogil=True)
def thin_words(words: NDArray[np.uint64]) -> None:
    """Thin one packed map in place.

    Sixty-four pixels are judged at once, and only rows near a change of the last two
    sub-iterations are looked at again.

    Args:
        words: Map of :func:`pack_words` with shape (R, C).
    """
    height, width = words.shape[0] - 2, words.shape[1] - 2
    gone = np.zeros((height + 2, width + 2), np.uint64)
    one, top = np.uint64(1), np.uint64(63)
    # changed[y]: last sub-iteration that changed row y; rows that are empty never wake up.
    changed = np.full(height + 2, -9)
    for y in range(1, height + 1):
        for x in range(1, width + 1):
            if words[y, x] != 0:
                changed[y] = 0
                break
    step = 1
    last = 0
    while last >= step - 2:
        for y in range(1, height + 1):
            if max(changed[y - 1], changed[y], changed[y + 1]) < step - 2 or changed[y] < 0:
                continue
            for x in range(1, width + 1):
                n, s, m = words[y - 1, x], words[y + 1, x], words[y, x]
                w = (m << one) | (words[y, x - 1] >> top)
                e = (m >> one) | (words[y, x + 1] << top)
                nw = (n << one) | (words[y - 1, x - 1] >> top)
                ne = (n >> one) | (words[y - 1, x + 1] << top)
                sw = (s << one) | (words[y + 1, x - 1] >> top)
                se = (s >> one) | (words[y + 1, x + 1] << top)
                if step & 1:
                    gone[y, x] = m & _removable_bits(e, ne, n, nw, w, sw, s, se)
                else:
                    gone[y, x] = m & _removable_bits(w, sw, s, se, e, ne, n, nw)
        # All pixels of a sub-iteration are judged before the first one goes.
        for y in range(1, height + 1):
            hit = np.uint64(0)
            for x in range(1, width + 1):
                hit |= gone[y, x]
                words[y, x] &= ~gone[y, x]
                gone[y, x] = 0
            if hit != 0:
                changed[y] = step
                last = step
        step += 1


@njit(cache=True, nogil=True)
def _thin_maps(words: NDArray[np.uint64]) -> None:
    for i in range(len(words)):
        thin_words(words[i])


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
        words = pack_words(maps[busy])
        _thin_maps(words)
        out[busy] = unpack_words(words, maps.shape[-1])
    return out.reshape(mask.shape)


def _thin_tensor(mask: Tensor) -> Tensor:
    """Thin with boolean tensor operations, on any device."""
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
    # Starts of the eight shifted windows, in the order of the arguments of _removable.
    starts = [(1, 2), (0, 2), (0, 1), (0, 0), (1, 0), (2, 0), (2, 1), (2, 2)]
    around = [padded[:, y : y + height, x : x + width] for y, x in starts]
    while True:
        first = inner & _removable(*around)
        inner.logical_and_(~first)
        second = inner & _removable(*around[4:], *around[:4])
        inner.logical_and_(~second)
        if not (first | second).any():
            break
    out.view(maps.shape)[:, top:bottom, left:right] = inner
    return out


def thin(mask: Mask) -> Mask:
    r"""Thin binary maps until nothing more can be taken away.

    The algorithm of Guo and Hall (1989) as in the survey of Lam, Lee and Suen (1992): with the
    neighbours :math:`x_1 \dots x_8` of a pixel counted from the east against the clock
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
