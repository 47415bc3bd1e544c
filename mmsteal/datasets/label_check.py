"""What the label files of a data set hold, before a training runs on nothing."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

import numpy as np
from mmengine.logging import print_log

from mmsteal.datasets.transforms.loading import LoadLabels
from mmsteal.label_formats.label_maps import present_values
from mmsteal.label_formats.value_map import told_values, value_meaning

# Label files that are looked at to tell a mask.
_SAMPLE = 50


def look_at_values(loader: LoadLabels, data: Sequence[dict]) -> set[int]:
    """Values of the label files, of evenly spaced images.

    Args:
        loader (LoadLabels): Reads them.
        data (Sequence[dict]): What the dataset says of its images.
    """
    num = min(len(data), _SAMPLE)
    some = [data[i * len(data) // num] for i in range(num)]
    return set().union(*(present_values(labels) for _, labels in _readable(loader, some)))


def check_edges(
    loader: LoadLabels, data: Sequence[dict], classes: Sequence[str], *, stop: bool
) -> None:
    """Refuse a set of which no label map has an edge; reads up to the first that has one.

    Files that cannot be read are passed over: that is told when their turn comes.

    Args:
        loader (LoadLabels): Reads the files.
        data (Sequence[dict]): What the dataset says of its images.
        classes (Sequence[str]): Names of the classes.
        stop (bool): Whether it is an error; otherwise a warning.

    Raises:
        ValueError: If there is none; the values that the files hold are named.
    """
    meanings: dict[int, str] = {}
    number = 0
    # In no order: an edge is found soon, whatever a list was sorted by.
    order = np.random.default_rng(0).permutation(len(data))
    for info, labels in _readable(loader, [data[i] for i in order]):
        value_map = info['value_map']
        found = {v: value_map.get(v, value_map.get(-1, -1)) for v in present_values(labels)}
        if len(set(found.values()) - {255}) > 1 or _has_instances(loader, info, labels):
            return
        meanings.update({v: value_meaning(label, classes) for v, label in found.items()})
        number += 1
    if not number:
        return
    message = (
        f'Expected label maps with edges, but none of the {number} label maps, such as '
        f'{data[0]["seg_map_path"]}, has two regions. They hold {told_values(meanings)}. Set '
        '`label_values`, `background` and `ignore_values` of the dataset, and `seg_map_path`.'
    )
    if stop:
        raise ValueError(message)
    print_log(message, logger='current', level=logging.WARNING)


def _readable(loader: LoadLabels, data: Sequence[dict]) -> Iterator[tuple[dict, np.ndarray]]:
    for info in data:
        try:
            labels = loader.read_values(info['seg_map_path'])
        except (ValueError, OSError):
            continue
        yield info, labels


def _has_instances(loader: LoadLabels, info: dict, labels: np.ndarray) -> bool:
    """Whether pixels of a label map of one region are of several instances."""
    path = info.get('instance_map_path')
    if path is None:
        return False
    try:
        instances = loader.read_instances(path)
    except (ValueError, OSError):
        return False
    ignored = [v for v in present_values(labels) if info['value_map'].get(v) == 255]
    kept = instances[~np.isin(labels, ignored)] if instances.shape == labels.shape else instances
    return bool(kept.size and (kept != kept.flat[0]).any())
