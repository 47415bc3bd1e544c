"""Edge maps in files: per-class PNGs, and the uint32 files of CASENet and SEAL."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mmsteal.evaluation.prediction_files import PredictionFolder, write_png
from mmsteal.files import write_file

_IGNORE_BIT = 31
_PNG_EDGE, _PNG_IGNORE = 255, 128


def write_edge_bin(path: str | Path, edges: np.ndarray) -> None:
    """Write edge maps as CASENet and SEAL keep them: one uint32 a pixel, row by row.

    Bit c is set on an edge of class c (from 0), bit 31 where the label is ignored. The file has no
    header: the size of the image has to be known to read it.

    Args:
        path (str | Path): The file; written whole or not at all.
        edges (np.ndarray): (K, H, W) integers or bool: 1 on an edge, 255 where ignored.

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


def read_edge_bin(path: str | Path, num_classes: int, size: tuple[int, int]) -> np.ndarray:
    """Read what :func:`write_edge_bin`, CASENet or SEAL wrote.

    Args:
        path (str | Path): The file.
        num_classes (int): Number of classes K.
        size (tuple[int, int]): Height and width of the image.

    Returns:
        np.ndarray: (K, H, W) uint8: 1 on an edge, 255 where ignored.

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


def write_edge_pngs(out_dir: str | Path, name: str, edges: np.ndarray) -> None:
    """Write `out_dir/class_001/NAME.png` ...: 255 on an edge, 128 where ignored, else 0.

    Args:
        out_dir (str | Path): Folder; made if needed.
        name (str): Name of the image, without suffix.
        edges (np.ndarray): (K, H, W): 1 on an edge, 255 where ignored.
    """
    edges = np.asarray(edges)
    for k, edge in enumerate(edges):
        image = np.where(edge == 1, _PNG_EDGE, np.where(edge == 255, _PNG_IGNORE, 0))
        write_png(Path(out_dir) / f'class_{k + 1:03d}' / f'{name}.png', image.astype(np.uint8))


def read_edge_pngs(folder: PredictionFolder, name: str) -> np.ndarray:
    """Read what :func:`write_edge_pngs` wrote, or PNGs of 0 and 1.

    Args:
        folder (PredictionFolder): The files.
        name (str): Name of the image.

    Returns:
        np.ndarray: (K, H, W) uint8: 1 on an edge, 255 where ignored.

    Raises:
        FileNotFoundError: If the file of a class is missing; named.
        ValueError: If a file holds anything but 0, 128 and 255, or 0 and 1; named.
    """
    maps = folder.read(name)
    if maps.dtype != np.bool_:
        values = set(np.unique(maps).tolist())
        if not (values <= {0, 1} or values <= {0, _PNG_EDGE, _PNG_IGNORE}):
            raise ValueError(
                f'Expected the edge maps of {name} in {folder.root} to hold 0 and 255 (128: '
                f'ignored), or 0 and 1, but got {sorted(values)[:8]}; threshold scores first.'
            )
        ignored = maps == _PNG_IGNORE
        maps = (maps != 0).astype(np.uint8)
        maps[ignored] = 255
    return maps.astype(np.uint8)
