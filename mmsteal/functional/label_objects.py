"""Label maps as maps of objects, one index an object, and back.

Shape shorthand: M objects; H, W height and width.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import skimage
from numpy.typing import NDArray


@dataclass(frozen=True)
class LabelObjects:
    """The objects of a label map.

    Attributes:
        object_map: Index of the object of each pixel (H, W), int32; -1 where there is none.
        values: Label of each object (M,).
        instances: Instance id of each object (M,); 0 where instances are not told apart.
    """

    object_map: NDArray[np.int32]
    values: list[int]
    instances: list[int]


def label_objects(
    label_map: NDArray[Any],
    instance_map: NDArray[Any] | None = None,
    *,
    without: Collection[int] = (),
    components: bool = False,
) -> LabelObjects:
    """Tell the objects of a label map apart.

    Args:
        label_map: Labels (H, W), integers.
        instance_map: Instance ids (H, W), integers from 0 to 2^31: an object is what has one label
            and one id. None: an object is what has one label.
        without: Labels that are no objects, as background and ignored.
        components: Whether each 8-connected component is an object of its own.

    Returns:
        The objects, in ascending order of label and instance.

    Raises:
        TypeError: A map does not hold integers.
        ValueError: A map is not of shape (H, W), the two differ in shape, or an instance id is
            negative.

    Example:
        >>> found = label_objects(np.array([[0, 7, 7, 255, 3, 0, 7]]), without=(0, 255))
        >>> found.object_map, found.values
        (array([[-1,  1,  1, -1,  0, -1,  1]], dtype=int32), [3, 7])
    """
    labels = check_map('label_map', label_map)
    if labels.size and not (int(labels.min()) >= -(2**31) and int(labels.max()) < 2**31):
        raise ValueError(
            'Expected argument `label_map` to hold labels of 32 bits, '
            f'but got {labels.min()} to {labels.max()}.'
        )
    key = labels.astype(np.int64) << 32
    if instance_map is not None:
        ids = check_map('instance_map', instance_map)
        if ids.shape != labels.shape:
            raise ValueError(
                f'Expected argument `instance_map` to have the shape of `label_map`, '
                f'{labels.shape}, but got {ids.shape}; they must be of one image.'
            )
        if ids.size and not (ids.min() >= 0 and ids.max() <= 2**31):
            raise ValueError(
                'Expected argument `instance_map` to hold ids from 0 to 2^31, '
                f'but got {ids.min()} to {ids.max()}.'
            )
        key += ids.astype(np.int64)
    if not key.size:
        return LabelObjects(np.full(labels.shape, -1, np.int32), [], [])
    found, number = _unique_by_runs(key.ravel())
    if components:
        parts = skimage.measure.label(
            number.reshape(labels.shape) + 1, connectivity=2, background=0
        )
        # The component's first pixel tells the object that it is a part of.
        _, first = np.unique(parts, return_index=True)
        order = np.argsort(number[first], kind='stable')
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        found, number = found[number[first][order]], rank[parts.ravel() - 1]
    values = found >> 32
    is_object = ~np.isin(values, list(without))
    index = np.where(is_object, np.cumsum(is_object) - 1, -1).astype(np.int32)
    return LabelObjects(
        index[number].reshape(labels.shape),
        values[is_object].tolist(),
        (found & 0xFFFFFFFF)[is_object].tolist(),
    )


def check_map(name: str, value: Any) -> NDArray[Any]:
    """`value` if it is an array (H, W) of integers."""
    if not isinstance(value, np.ndarray) or not np.issubdtype(value.dtype, np.integer):
        raise TypeError(
            f'Expected argument `{name}` to be an array of integers, '
            f'but got {getattr(value, "dtype", type(value))}.'
        )
    if value.ndim != 2:
        raise ValueError(
            f'Expected argument `{name}` to have shape (H, W), but got {value.shape}; '
            'read a label file with its indices, not its colours.'
        )
    return value


def _unique_by_runs(flat: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """As np.unique with the inverse. Labels come in runs, far fewer than pixels to sort."""
    starts = np.flatnonzero(np.concatenate([[True], flat[1:] != flat[:-1]]))
    found, inverse = np.unique(flat[starts], return_inverse=True)
    return found, np.repeat(inverse, np.diff(np.append(starts, flat.size)))
