"""True edges as CASENet and SEAL keep them: one uint32 a pixel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmsteal.files import write_file

_IGNORE_BIT = 31


def write_edge_bin(path: str | Path, edges: NDArray[Any]) -> None:
    """Write edge maps, one uint32 a pixel, row by row.

    Bit c is set on an edge of class c (from 0), bit 31 where the label is ignored. The file has no
    header: the size of the image has to be known to read it.

    Args:
        path: The file; written whole or not at all.
        edges: (K, H, W) integers or bool: 1 on an edge, 255 where ignored.

    Raises:
        ValueError: If there are more than 31 classes.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp(), 'a.bin')
        >>> write_edge_bin(file, np.array([[[0, 1]], [[1, 1]]], np.uint8))
        >>> np.fromfile(file, '<u4')
        array([2, 3], dtype=uint32)
    """
    edges = np.asarray(edges)
    if edges.ndim != 3 or len(edges) > _IGNORE_BIT:
        raise ValueError(
            f'Expected edge maps (K, H, W) of at most {_IGNORE_BIT} classes, because 32 bits hold '
            f'no more, but got shape {edges.shape}; write PNGs instead.'
        )
    words = np.zeros(edges.shape[1:], '<u4')
    for k, edge in enumerate(edges):
        words |= (edge == 1).astype('<u4') << np.uint32(k)
    words |= (edges == 255).any(axis=0).astype('<u4') << np.uint32(_IGNORE_BIT)
    write_file(path, words.tobytes())


def read_edge_bin(path: str | Path, num_classes: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Read what :func:`write_edge_bin`, CASENet or SEAL wrote.

    Args:
        path: The file.
        num_classes: Number of classes K.
        size: Height and width of the image.

    Returns:
        (K, H, W) uint8: 1 on an edge, 255 where ignored.

    Raises:
        ValueError: If the size does not fit, or there are edges of a class beyond K; named.
    """
    words = np.fromfile(path, '<u4')
    if words.size != size[0] * size[1]:
        raise ValueError(
            f'Expected {path} to hold {size[0]} x {size[1]} (height x width) uint32, but it holds '
            f'{words.size}; these files have no header, so give the size of their own image.'
        )
    words = words.reshape(size)
    used = int(np.bitwise_or.reduce(words, axis=None)) & ((1 << _IGNORE_BIT) - 1)
    if used >> num_classes:
        raise ValueError(
            f'Expected {path} to hold edges of {num_classes} classes, but it has bit '
            f'{used.bit_length() - 1} set; give the number of classes that it was made with.'
        )
    edges = (words >> np.arange(num_classes, dtype=np.uint32)[:, None, None] & 1).astype(np.uint8)
    edges[:, words >> np.uint32(_IGNORE_BIT) == 1] = 255
    return edges
