"""What a comparison of labels found: by class, by image, and what could not be compared."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mmsteal.functional.labels.label_agreement import LabelAgreement


class MeanAgreement(NamedTuple):
    """Agreement averaged over classes; a class that has no such number is left out of its mean.

    Attributes:
        iou (float): Intersection over union; NaN without any.
        distance_px (float): Distance of the outlines in px; NaN without any.
        boundary_f (float): Boundary F; NaN without any.
    """

    iou: float
    distance_px: float
    boundary_f: float

    @classmethod
    def of(cls, agreements: Iterable[LabelAgreement]) -> MeanAgreement:
        """The means of some agreements."""
        rows = [(one.iou, one.distance_px, one.boundary_f) for one in agreements]
        return cls(*(_mean([row[k] for row in rows]) for k in range(3)))


@dataclass(frozen=True)
class ComparedImage:
    """One image.

    Attributes:
        name (str): Relative name of the image, without suffix.
        classes (Mapping[str, LabelAgreement]): Agreement of each class that the labels or the
            reference have in this image.
        baseline (Mapping[str, LabelAgreement]): The same of the labels before; empty without.
        num_pixels (int): Pixels that count.
        num_ignored (int): Pixels that the reference does not ignore, but the labels do, now or
            before: they do not count either.
    """

    name: str
    classes: Mapping[str, LabelAgreement]
    baseline: Mapping[str, LabelAgreement]
    num_pixels: int
    num_ignored: int

    @property
    def mean(self) -> MeanAgreement:
        """Means over the classes; NaN where neither the labels nor the reference have an object."""
        return MeanAgreement.of(self.classes.values())

    @property
    def baseline_mean(self) -> MeanAgreement:
        """The same of the labels before."""
        return MeanAgreement.of(self.baseline.values())

    @property
    def change(self) -> float:
        """What the mean IoU gained since before. An image without any object is all right."""
        before, now = (_or(found.iou, 1.0) for found in (self.baseline_mean, self.mean))
        return now - before


@dataclass(frozen=True)
class LabelComparison:
    """Labels beside a reference.

    Attributes:
        classes (tuple[str, ...]): Names of the compared classes.
        images (tuple[ComparedImage, ...]): The compared images, by name.
        problems (dict[str, str]): Why an image, or a file, could not be compared.
        only_in_labels (tuple[str, ...]): Classes that the reference does not know; left out.
        only_in_reference (tuple[str, ...]): Classes that the labels do not know; left out.
        num_unchecked (int): Images with labels that the reference does not have.
        has_baseline (bool): Whether there were labels before.
    """

    classes: tuple[str, ...]
    images: tuple[ComparedImage, ...]
    problems: dict[str, str]
    only_in_labels: tuple[str, ...] = ()
    only_in_reference: tuple[str, ...] = ()
    num_unchecked: int = 0
    has_baseline: bool = False

    def of_class(self, name: str, *, baseline: bool = False) -> LabelAgreement:
        """Agreement of a class over all images.

        Args:
            name (str): Name of the class.
            baseline (bool): Of the labels before.
        """
        per_image = ((image.baseline if baseline else image.classes) for image in self.images)
        return sum((found[name] for found in per_image if name in found), LabelAgreement())

    def num_images(self, name: str) -> int:
        """Number of images in which the labels or the reference have a class."""
        return sum(name in image.classes for image in self.images)

    def mean(self, *, baseline: bool = False) -> MeanAgreement:
        """Means over the classes of what each has over all images.

        Args:
            baseline (bool): Of the labels before.
        """
        return MeanAgreement.of(self.of_class(name, baseline=baseline) for name in self.classes)

    def worst(self) -> list[ComparedImage]:
        """All images with an object, the lowest mean IoU first, and of equal ones the lowest F."""
        found = [image for image in self.images if image.classes]
        return sorted(found, key=lambda image: (image.mean.iou, _or(image.mean.boundary_f, 1.0)))

    def got_worse(self) -> list[ComparedImage]:
        """Images whose mean IoU is lower than before, the largest loss first."""
        found = [image for image in self.images if self.has_baseline and image.change < 0]
        return sorted(found, key=lambda image: image.change)

    @property
    def ignored_share(self) -> float:
        """Share of the pixels of the reference that the labels ignore."""
        ignored = sum(image.num_ignored for image in self.images)
        pixels = ignored + sum(image.num_pixels for image in self.images)
        return ignored / pixels if pixels else 0.0


def _mean(values: Sequence[float]) -> float:
    kept = [value for value in values if not math.isnan(value)]
    return sum(kept) / len(kept) if kept else math.nan


def _or(value: float, other: float) -> float:
    return other if math.isnan(value) else value
