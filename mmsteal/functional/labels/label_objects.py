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
        The objects, in ascending order of label and instance; components of one label and
        instance in the order of their first pixels, row by row.

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
    maps = [labels]
    if instance_map is not None:
        maps.append(check_map('instance_map', instance_map))
        if maps[1].shape != labels.shape:
            raise ValueError(
                f'Expected argument `instance_map` to have the shape of `label_map`, '
                f'{labels.shape}, but got {maps[1].shape}; they must be of one image.'
            )
    starts = run_starts(*maps)
    value, *ids = (each.ravel()[starts] for each in maps)
    if len(starts) and not (int(value.min()) >= -(2**31) and int(value.max()) < 2**31):
        raise ValueError(
            'Expected argument `label_map` to hold labels of 32 bits, '
            f'but got {value.min()} to {value.max()}.'
        )
    key = value.astype(np.int64) << 32
    if ids:
        (instance,) = ids
        if len(starts) and not (instance.min() >= 0 and instance.max() <= 2**31):
            raise ValueError(
                'Expected argument `instance_map` to hold ids from 0 to 2^31, '
                f'but got {instance.min()} to {instance.max()}.'
            )
        key += instance.astype(np.int64)
    inside = ~np.isin(value, list(without))
    found, number = np.unique(key[inside], return_inverse=True)
    of_runs = np.full(len(starts), -1, np.int32)
    of_runs[inside] = number
    object_map = np.repeat(of_runs, np.diff(starts, append=labels.size)).reshape(labels.shape)
    if components:
        object_map, kinds = _split_components(object_map)
        found = found[kinds]
    return LabelObjects(object_map, (found >> 32).tolist(), (found & 0xFFFFFFFF).tolist())


def run_starts(*maps: NDArray[Any]) -> NDArray[np.intp]:
    """Indices into the flattened maps at which runs of pixels begin that are alike in all maps.

    Labels come in runs, which go on in the next row: far fewer than pixels to look up and sort.
    """
    starts = np.zeros(maps[0].size, np.bool_)
    starts[:1] = True
    for values in maps:
        flat = values.ravel()
        starts[1:] |= flat[1:] != flat[:-1]
    return np.flatnonzero(starts)


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
            'read a label file with its indices, not its colors.'
        )
    return value


def _split_components(
    object_map: NDArray[np.int32],
) -> tuple[NDArray[np.int32], NDArray[np.intp]]:
    """The 8-connected components of objects, and which object each is a part of."""
    parts = skimage.measure.label(object_map, connectivity=2, background=-1)
    # A component's first pixel tells the object that it is a part of; 0 is no component.
    present, first = np.unique(parts, return_index=True)
    first = first[present > 0]
    kinds = object_map.ravel()[first].astype(np.intp)
    order = np.lexsort((first, kinds))
    rank = np.full(len(order) + 1, -1, np.int32)
    rank[order + 1] = np.arange(len(order))
    return rank[parts], kinds[order]
