"""Label files as arrays, for training and evaluation: nothing of them is written again."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmsteal.input_files import load_image


def decode_png(content: bytes) -> NDArray[Any]:
    """A label map or instance map (H, W) of a PNG file, in the values of its pixels.

    Raises:
        ValueError: If it has colors in place of values.
        OSError: If it is no image.
    """
    values = np.array(load_image(BytesIO(content)))
    if values.ndim != 2:
        raise ValueError(
            'expected a label map with one channel (grey or palette PNG), but got shape '
            f'{values.shape}'
        )
    return values


def read_label_file(
    path: str | Path,
    decode: Callable[[bytes], NDArray[Any]] = decode_png,
    *,
    fetch: Callable[[str], bytes] | None = None,
) -> NDArray[Any]:
    """Read a label file; whatever is wrong with it, the error names it and says what to do.

    Args:
        path: The file.
        decode: Makes an array of its bytes.
        fetch: Gets its bytes; None: from the disk.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be read.
    """
    try:
        return decode(Path(path).read_bytes() if fetch is None else fetch(str(path)))
    except FileNotFoundError:
        raise
    except Exception as error:  # decoders raise what they like on damaged files
        raise ValueError(
            f'Cannot read the label file {path}: {type(error).__name__}: {error}. Restore the '
            'file or leave its image out of the list.'
        ) from error


def compact_ids(instances: NDArray[Any]) -> NDArray[np.uint16]:
    """Instance ids as uint16, which every geometric transform of mmcv can handle.

    Ids that do not fit are numbered anew, in their order.
    """
    if instances.dtype == np.uint8 or (instances.min() >= 0 and instances.max() < 65536):
        return instances.astype(np.uint16)
    _, compact = np.unique(instances, return_inverse=True)
    return compact.reshape(instances.shape).astype(np.uint16)
