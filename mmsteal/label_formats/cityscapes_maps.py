"""Cityscapes' maps: label ids, instance ids, train ids and colors of each pixel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mmsteal.input_files import load_image
from mmsteal.label_formats.annotation import LabelError
from mmsteal.label_formats.cityscapes_labels import (
    CITYSCAPES_CLASSES,
    CITYSCAPES_LABELS,
    NO_TRAIN_ID,
)
from mmsteal.label_formats.label_maps import map_values, present_values

# The maps that tell objects; where an image has several, the first one decides.
DECIDING_ROLES = ('instanceIds', 'labelIds', 'labelTrainIds')
COLORS = np.array([label.color for label in CITYSCAPES_LABELS], np.uint8)


def read_ids(path: Path, image: Image.Image, role: str) -> NDArray[np.int32]:
    """Label ids or instance ids of a map; train ids become label ids.

    Args:
        path: The file, to be named.
        image: The map.
        role: One of `DECIDING_ROLES`.

    Returns:
        (H, W); 255 where a train id stands for no class.

    Raises:
        LabelError: If there are ids that Cityscapes does not have.
    """
    values = map_values(image)
    found = present_values(values)
    last = len(CITYSCAPES_LABELS) - 1
    if role == 'labelTrainIds':
        table = {label.train_id: label.id for label in CITYSCAPES_CLASSES}
        table[NO_TRAIN_ID] = NO_TRAIN_ID
        unknown = [value for value in found if value not in table]
        ids = np.zeros(256, np.int32)
        ids[list(table)] = list(table.values())
        values = values if unknown else ids[values]
    elif role == 'instanceIds':
        unknown = [v for v in found if (v // 1000 if v >= 1000 else v) > last]
    else:
        unknown = [v for v in found if v > last]
    if unknown:
        raise LabelError(
            f'{path}: unknown ids {unknown[:8]}; expected those of Cityscapes '
            f'(up to {last}, instances as id * 1000 + number).'
        )
    return values


def role_values(
    ids: NDArray[np.int32], instances: NDArray[np.int32], role: str
) -> NDArray[np.int32]:
    """Values of label ids and instance ids in one kind of map.

    Args:
        ids: Label ids.
        instances: Instance ids of the same shape; 0 where there is none.
        role: `'labelIds'`, `'instanceIds'` or `'labelTrainIds'`.
    """
    if role == 'instanceIds':
        return np.where(instances > 0, instances, ids)
    if role == 'labelTrainIds':
        return np.array([label.train_id for label in CITYSCAPES_LABELS], np.int32)[ids]
    return ids


def read_picture(path: Path) -> Image.Image:
    """The map in colors, as a loaded picture.

    Raises:
        LabelError: If it cannot be read.
    """
    try:
        image = load_image(path)
        return image.convert('RGBA' if 'A' in image.getbands() else 'RGB')
    except (OSError, ValueError) as error:
        raise LabelError(f'{path}: cannot read the picture ({error}); remove it.') from error
