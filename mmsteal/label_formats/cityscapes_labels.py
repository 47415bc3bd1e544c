"""Cityscapes' table of labels, and what the two ways to ignore some of them are for."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class CityscapesLabel(NamedTuple):
    """A row of the table of Cityscapes' labels."""

    id: int
    name: str
    train_id: int
    has_instances: bool
    color: tuple[int, int, int]


# The published table of labels (cityscapesScripts, labels.py); id is the place in it.
_TABLE = (
    ('unlabeled', 255, False, (0, 0, 0)),
    ('ego vehicle', 255, False, (0, 0, 0)),
    ('rectification border', 255, False, (0, 0, 0)),
    ('out of roi', 255, False, (0, 0, 0)),
    ('static', 255, False, (0, 0, 0)),
    ('dynamic', 255, False, (111, 74, 0)),
    ('ground', 255, False, (81, 0, 81)),
    ('road', 0, False, (128, 64, 128)),
    ('sidewalk', 1, False, (244, 35, 232)),
    ('parking', 255, False, (250, 170, 160)),
    ('rail track', 255, False, (230, 150, 140)),
    ('building', 2, False, (70, 70, 70)),
    ('wall', 3, False, (102, 102, 156)),
    ('fence', 4, False, (190, 153, 153)),
    ('guard rail', 255, False, (180, 165, 180)),
    ('bridge', 255, False, (150, 100, 100)),
    ('tunnel', 255, False, (150, 120, 90)),
    ('pole', 5, False, (153, 153, 153)),
    ('polegroup', 255, False, (153, 153, 153)),
    ('traffic light', 6, False, (250, 170, 30)),
    ('traffic sign', 7, False, (220, 220, 0)),
    ('vegetation', 8, False, (107, 142, 35)),
    ('terrain', 9, False, (152, 251, 152)),
    ('sky', 10, False, (70, 130, 180)),
    ('person', 11, True, (220, 20, 60)),
    ('rider', 12, True, (255, 0, 0)),
    ('car', 13, True, (0, 0, 142)),
    ('truck', 14, True, (0, 0, 70)),
    ('bus', 15, True, (0, 60, 100)),
    ('caravan', 255, True, (0, 0, 90)),
    ('trailer', 255, True, (0, 0, 110)),
    ('train', 16, True, (0, 80, 100)),
    ('motorcycle', 17, True, (0, 0, 230)),
    ('bicycle', 18, True, (119, 11, 32)),
)
CITYSCAPES_LABELS = tuple(CityscapesLabel(i, *row) for i, row in enumerate(_TABLE))
NO_TRAIN_ID = 255
# The 19 classes that are trained on and evaluated, by train id.
CITYSCAPES_CLASSES = tuple(
    sorted(
        (label for label in CITYSCAPES_LABELS if label.train_id != NO_TRAIN_ID),
        key=lambda label: label.train_id,
    )
)

# What is ignored depends on the question. Where is there no boundary to be found? At the
# rectification border and out of the region of interest, and these two are all that the published
# boundaries leave out. The ego vehicle and other void are known not to be any of the classes, and
# so make edges.
BOUNDARY_IGNORED_IDS = (2, 3)
VOID_IDS = tuple(
    label.id
    for label in CITYSCAPES_LABELS
    if label.train_id == NO_TRAIN_ID and label.id not in BOUNDARY_IGNORED_IDS
)
# Which pixels must nothing change? The same, and the ego vehicle: it is no part of the scene, so
# an object that is outlined anew may not grow into it.
FIXED_IDS = (1, 2, 3)


def role_values(
    ids: NDArray[np.int32], instances: NDArray[np.int32], role: str
) -> NDArray[np.int32]:
    """Values of label ids and instance ids in one kind of map.

    Args:
        ids (np.ndarray): Label ids.
        instances (np.ndarray): Instance ids of the same shape; 0 where there is none.
        role (str): `'labelIds'`, `'instanceIds'` or `'labelTrainIds'`.
    """
    if role == 'instanceIds':
        return np.where(instances > 0, instances, ids)
    if role == 'labelTrainIds':
        return np.array([label.train_id for label in CITYSCAPES_LABELS], np.int32)[ids]
    return ids
