"""Regions without classes: what a class-agnostic edge detector learns from.

A region map is two label maps of an image: labels with 0 in every region and 255 where nobody
knows, and instance ids that tell the regions apart. :class:`EdgeDataset` reads both with the one
class `region`; the edges are the outlines of the instances.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mmsteal.input_files import read_mat_file

IGNORE = 255


@dataclass(frozen=True)
class RegionMap:
    """The regions of one image.

    Attributes:
        labels (NDArray): (H, W) uint8: 0 in a region, 255 where nobody knows.
        instances (NDArray): (H, W) uint16: 1, 2, ... of each region, 0 where nobody knows.
    """

    labels: NDArray[np.uint8]
    instances: NDArray[np.uint16]


def region_map(
    ids: NDArray[np.integer[Any]],
    *,
    unknown: Collection[int] = (),
    gaps: Collection[int] = (),
    gap_px: float = 0.0,
) -> RegionMap:
    """Make a region map of the ids of regions.

    Annotators leave gaps between regions, and the outline lies somewhere in the gap. A gap of
    `2 * gap_px` at most goes to the nearest region, so that its middle line becomes the outline;
    wider ones stay unknown, and so do their borders.

    Args:
        ids: Id of the region of each pixel (H, W).
        unknown: Ids that mean that nobody knows.
        gaps: Ids of pixels between regions that belong to none; unknown where they are not closed.
        gap_px: How far from a region a gap is filled, px; 0: not at all.

    Returns:
        The regions, numbered in the order of their ids.

    Raises:
        ValueError: If `ids` is no map of integers, or `gap_px` is negative.

    Example:
        >>> region_map(np.array([[7, 7, 0, 9, 9]]), gaps=(0,), gap_px=1).instances
        array([[1, 1, 1, 2, 2]], dtype=uint16)
    """
    if ids.ndim != 2 or not np.issubdtype(ids.dtype, np.integer):
        raise ValueError(
            f'Expected argument `ids` to be a map (H, W) of integers, but got {ids.dtype} of shape '
            f'{ids.shape}.'
        )
    if not 0 <= gap_px < np.inf:
        raise ValueError(f'Expected argument `gap_px` to be >= 0 and finite, but got {gap_px}.')
    gap = np.isin(ids, list(gaps))
    void = gap | np.isin(ids, list(unknown))
    known = ids[~void]
    values, compact = np.unique(known, return_inverse=True)
    if len(values) > np.iinfo(np.uint16).max:
        raise ValueError(f'Expected at most 65535 regions, but got {len(values)}.')
    instances = np.zeros(ids.shape, np.uint16)
    instances[~void] = compact + 1
    if gap_px and gap.any() and len(values):
        instances = _close_gaps(instances, gap, gap_px)
    labels = np.where(instances == 0, IGNORE, 0).astype(np.uint8)
    return RegionMap(labels, instances)


def panoptic_ids(colors: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Ids of the segments of a panoptic PNG of COCO: R + 256 G + 65536 B.

    Args:
        colors: RGB (H, W, 3).

    Returns:
        Ids (H, W); 0 is unlabelled.

    Raises:
        ValueError: If the picture has no three channels.

    Example:
        >>> panoptic_ids(np.array([[[1, 1, 0]]], np.uint8))
        array([[257]])
    """
    if colors.ndim != 3 or colors.shape[2] != 3:
        raise ValueError(
            f'Expected a panoptic PNG to have three channels, but got shape {colors.shape}; a map '
            'of one channel is no panoptic annotation.'
        )
    return colors.astype(np.int64) @ np.array([1, 1 << 8, 1 << 16])


def annotator_ids(path: Any) -> list[NDArray[np.uint16]]:
    """Segmentations (H, W) of a .mat file of BSDS500, one of each annotator.

    Raises:
        ValueError: If the file is none of BSDS.
    """
    try:
        annotations = read_mat_file(Path(path).read_bytes())['groundTruth'].ravel()
        return [a['Segmentation'][0, 0].astype(np.uint16) for a in annotations]
    except FileNotFoundError:
        raise
    except Exception as error:  # scipy raises what it likes on damaged files
        raise ValueError(
            f'Cannot read the annotations {path}: {type(error).__name__}: {error}. Expected a file '
            "of BSDS500's groundTruth folders; restore it."
        ) from error


def _close_gaps(
    instances: NDArray[np.uint16], gap: NDArray[np.bool_], gap_px: float
) -> NDArray[np.uint16]:
    distance, nearest = ndimage.distance_transform_edt(gap, return_indices=True)
    # What an opening keeps is wide and stays.
    core = distance > gap_px
    wide = ndimage.distance_transform_edt(~core) <= gap_px if core.any() else core
    narrow = gap & ~wide
    filled = instances.copy()
    # Beside a crowd the nearest may be unknown as well.
    filled[narrow] = instances[tuple(nearest[:, narrow])]
    return filled
