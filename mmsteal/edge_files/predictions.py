"""Predictions as this project writes them: a grey PNG per class and image."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmsteal.edge_files.edge_pngs import edge_png_paths
from mmsteal.edge_files.grey_images import write_grey_png


def probability_levels(prob: NDArray[Any]) -> NDArray[np.uint8]:
    """Round probabilities to the 256 levels of the files: uint8, 255 = probability 1."""
    return np.rint(np.clip(prob, 0, 1) * 255).astype(np.uint8)


def write_prediction(out_dir: str | Path, name: str, prob: NDArray[Any]) -> None:
    """Write `out_dir/class_001/NAME.png` ... `class_KKK/NAME.png`.

    A file that is there is whole.

    Args:
        out_dir: Folder; made if needed.
        name: Name of the image, without suffix; may have folders, as `city/0001`.
        prob: (K, H, W) float in [0, 1]; rounded to 1/255.

    Raises:
        OSError: If the disk refuses; named.
        ValueError: If the name leads out of the folder.
    """
    for path, level in zip(
        edge_png_paths(out_dir, name, len(prob)), probability_levels(prob), strict=True
    ):
        write_grey_png(path, level)


def check_distinct_names(paths: Iterable[str | Path]) -> None:
    """Check that no two images would write to the same file.

    Args:
        paths: Paths of the images.

    Raises:
        ValueError: If two have the same name, without folder and suffix; both are named.
    """
    seen: dict[str, str | Path] = {}
    for path in paths:
        other = seen.setdefault(Path(path).stem, path)
        if other != path:
            raise ValueError(
                f'Expected images of different names, but the results of {other} and {path} would '
                'go to the same file; write them to different folders.'
            )
