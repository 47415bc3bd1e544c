"""True edges as per-class PNGs: 255 on an edge, 128 where the label is ignored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmsteal.edge_files.grey_images import write_grey_png
from mmsteal.edge_files.prediction_folder import PredictionFolder
from mmsteal.files import path_under

_EDGE, _IGNORED = 255, 128


def edge_png_paths(out_dir: str | Path, name: str, num_classes: int) -> list[Path]:
    """`out_dir/class_001/NAME.png` ... of an image.

    Args:
        out_dir: Folder.
        name: Name of the image, without suffix; may have folders, as `city/0001`.
        num_classes: How many.

    Raises:
        ValueError: If the name leads out of the folder.
    """
    folders = [Path(out_dir) / f'class_{k + 1:03d}' for k in range(num_classes)]
    return [path_under(folder, f'{name}.png') for folder in folders]


def write_edge_pngs(out_dir: str | Path, name: str, edges: NDArray[Any]) -> None:
    """Write `out_dir/class_001/NAME.png` ...: 255 on an edge, 128 where ignored, else 0.

    Args:
        out_dir: Folder; made if needed.
        name: Name of the image, without suffix.
        edges: (K, H, W): 1 on an edge, 255 where ignored.

    Raises:
        ValueError: If the name leads out of the folder.
    """
    for path, edge in zip(edge_png_paths(out_dir, name, len(edges)), edges, strict=True):
        image = np.where(edge == 1, _EDGE, np.where(edge == 255, _IGNORED, 0))
        write_grey_png(path, image.astype(np.uint8))


def read_edge_pngs(folder: PredictionFolder, name: str) -> NDArray[np.uint8]:
    """Read what :func:`write_edge_pngs` wrote, or PNGs of 0 and 1.

    Args:
        folder: The files.
        name: Name of the image.

    Returns:
        (K, H, W) uint8: 1 on an edge, 255 where ignored.

    Raises:
        FileNotFoundError: If the file of a class is missing; named.
        ValueError: If a file holds anything but 0, 128 and 255, or 0 and 1; named.
    """
    maps = folder.read(name, any_range=True)
    assert maps is not None  # missing files raise
    if maps.dtype != np.bool_:
        values = set(np.unique(maps).tolist())
        if not (values <= {0, 1} or values <= {0, _EDGE, _IGNORED}):
            raise ValueError(
                f'Expected the edge maps of {name} in {folder.root} to hold 0 and 255 (128: '
                f'ignored), or 0 and 1, but got {sorted(values)[:8]}; threshold scores first.'
            )
        ignored = maps == _IGNORED
        maps = (maps != 0).astype(np.uint8)
        maps[ignored] = 255
    return maps.astype(np.uint8)
