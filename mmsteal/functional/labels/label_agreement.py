"""How far two labelings of one image agree: area, and distance of the outlines, class by class.

Shape shorthand: K classes; H, W height and width of a map.
"""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmsteal.functional.edge_maps.edges import label_map_to_edges
from mmsteal.functional.labels.bounding_box import bounding_box
from mmsteal.functional.labels.class_values import class_values
from mmsteal.functional.labels.outline_distance import outline_distances
from mmsteal.functional.scores.matching import edge_counts

_NAN = float('nan')


@dataclass(frozen=True)
class LabelAgreement:
    """Agreement of two labelings about one class, as counts: those of several images add up.

    The outline of a class is made of its pixels that have a 4-neighbor outside of it.

    Attributes:
        intersection: Pixels that both labelings give to the class.
        union: Pixels that at least one of them gives to it.
        matched: Pairs of outline pixels, one of each labeling, within the tolerance.
        outline: Outline pixels of the labeling that is judged.
        reference_outline: Outline pixels of the reference.
        distance_sum: Distances in px of the outline pixels of either labeling to the outline of the
            other one, added up, where both have an outline.
        num_distances: Number of these distances.

    Example:
        >>> first, second = LabelAgreement(30, 40), LabelAgreement(0, 10)
        >>> first.iou, (first + second).iou
        (0.75, 0.6)
    """

    intersection: int = 0
    union: int = 0
    matched: int = 0
    outline: int = 0
    reference_outline: int = 0
    distance_sum: float = 0.0
    num_distances: int = 0

    def __add__(self, other: LabelAgreement) -> LabelAgreement:
        return LabelAgreement(*map(sum, zip(astuple(self), astuple(other), strict=True)))

    @property
    def iou(self) -> float:
        """Intersection over union; NaN where neither has the class."""
        return self.intersection / self.union if self.union else _NAN

    @property
    def distance_px(self) -> float:
        """Mean distance of the outlines in px, both ways; NaN where one of them has none."""
        return self.distance_sum / self.num_distances if self.num_distances else _NAN

    @property
    def boundary_precision(self) -> float:
        """Share of the judged outline that is matched; NaN where there is none."""
        return self.matched / self.outline if self.outline else _NAN

    @property
    def boundary_recall(self) -> float:
        """Share of the reference's outline that is matched; NaN where there is none."""
        return self.matched / self.reference_outline if self.reference_outline else _NAN

    @property
    def boundary_f(self) -> float:
        """Harmonic mean of precision and recall; NaN where neither has an outline."""
        pixels = self.outline + self.reference_outline
        return 2 * self.matched / pixels if pixels else _NAN


def label_agreement(
    label_map: NDArray[Any],
    reference: NDArray[Any],
    num_classes: int,
    *,
    instance_map: NDArray[Any] | None = None,
    reference_instances: NDArray[Any] | None = None,
    background: int | None = None,
    ignore_index: int = 255,
    tolerance_px: float = 2.0,
) -> list[LabelAgreement]:
    r"""Compare two labelings of one image.

    With the outlines :math:`A` and :math:`B` of a class and :math:`d(p, B)` the distance of a pixel
    to the nearest one of :math:`B`, the mean distance is

    .. math::
        \frac{\sum_{p \in A} d(p, B) + \sum_{q \in B} d(q, A)}{|A| + |B|}

    and the boundary F is :math:`2 |M| / (|A| + |B|)` for the largest one-to-one matching
    :math:`M \subset A \times B` of pixels at most `tolerance_px` apart, as :func:`edge_counts` has
    it. All three numbers stay the same when the labelings change places.

    Pixels that either labeling ignores do not count, and make no outline.

    Args:
        label_map: Class of each pixel, integers (H, W), of the labeling that is judged.
        reference: The same of the one that it is compared with.
        num_classes: Number of classes K; their values are those of :func:`label_map_to_edges`.
        instance_map: Instance of each pixel, integers (H, W): then outlines between two instances
            of one class count, too.
        reference_instances: The same of the reference.
        background: Value that belongs to no class, or None where every value is a class.
        ignore_index: Value of pixels whose class is not known.
        tolerance_px: How far apart two outline pixels may be to match, in px; 0: at one place.

    Returns:
        The K agreements, in ascending order of the values.

    Raises:
        TypeError: A map does not hold integers.
        ValueError: The maps differ in shape, one holds an unknown value, or `tolerance_px` is
            negative or not finite.

    Example:
        >>> label_map, reference = np.zeros((2, 9, 9), np.uint8)
        >>> label_map[2:7, 2:7] = reference[2:7, 3:8] = 1
        >>> (found,) = label_agreement(label_map, reference, 1, background=0, tolerance_px=1)
        >>> round(found.iou, 2), found.distance_px, found.boundary_f
        (0.67, 0.5, 1.0)
    """
    check_tolerance(tolerance_px)
    maps = [np.asarray(label_map), np.asarray(reference)]
    if maps[0].shape != maps[1].shape:
        raise ValueError(
            f'Expected argument `reference` to have the shape of `label_map`, {maps[0].shape}, '
            f'but got {maps[1].shape}; they must be of one image.'
        )
    ignored = (maps[0] == ignore_index) | (maps[1] == ignore_index)
    edges = []
    for index, instances in enumerate((instance_map, reference_instances)):
        if ignored.any():
            maps[index] = np.where(ignored, np.int64(ignore_index), maps[index])
        edges.append(
            label_map_to_edges(
                maps[index],
                num_classes,
                radius=1,
                instance_map=instances,
                background=background,
                ignore_index=ignore_index,
            )
        )
    found = []
    values = class_values(num_classes, without=(background, ignore_index))
    for channel, value in enumerate(values):
        masks = [labels == value for labels in maps]
        # Of the band on both sides, the pixels inside.
        outlines = [mask & (band[channel] == 1) for mask, band in zip(masks, edges, strict=True)]
        found.append(_agreement(masks, outlines, tolerance_px))
    return found


def check_tolerance(tolerance_px: float) -> None:
    """Raise a ValueError unless `tolerance_px` is finite and at least 0."""
    if not 0 <= tolerance_px < math.inf:
        raise ValueError(
            'Expected argument `tolerance_px` to be a finite number that is not negative, '
            f'but got {tolerance_px!r}.'
        )


def _agreement(
    masks: list[NDArray[np.bool_]], outlines: list[NDArray[np.bool_]], tolerance_px: float
) -> LabelAgreement:
    """Agreement of two masks with their outlines."""
    areas = [int(np.count_nonzero(mask)) for mask in masks]
    intersection = int(np.count_nonzero(masks[0] & masks[1])) if all(areas) else 0
    union = sum(areas) - intersection
    lengths = [int(np.count_nonzero(outline)) for outline in outlines]
    if not all(lengths):
        return LabelAgreement(intersection, union, outline=lengths[0], reference_outline=lengths[1])
    box = bounding_box(outlines[0] | outlines[1])
    first, second = (np.ascontiguousarray(outline[box]) for outline in outlines)
    # As a fraction of the diagonal; whole squares of pixels must not be rounded down.
    max_dist = (tolerance_px + 1e-6) / math.hypot(*first.shape)
    counts = edge_counts(first, second, max_dist=max_dist, thin=False, thresholds=[0.5])
    return LabelAgreement(
        intersection,
        union,
        matched=int(counts[0, 0]),
        outline=lengths[0],
        reference_outline=lengths[1],
        distance_sum=float(outline_distances(first, second).sum()),
        num_distances=sum(lengths),
    )
