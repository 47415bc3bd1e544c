"""How far the outlines of an image's labels may be off, where nobody says so."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from mmsteal.functional.refinement.refine_objects import outline_error_px
from mmsteal.label_formats import Annotation

# Larger images are shrunk to this many pixels before they are looked at.
_ENOUGH_PX = 500_000
# Where no image has an object with an outline.
DEFAULT_PX = 8.0


def image_error_px(
    annotation: Annotation, photo: NDArray[np.uint8], *, background: bool
) -> float | None:
    """Estimate the error of an image's labels from its colors.

    Args:
        annotation: The labels.
        photo: The photograph (H, W, 3), RGB, of their size.
        background: Whether pixels of no object are background.

    Returns:
        The error in pixels; None where there is no outline.
    """
    labels = annotation.object_map
    if (labels == labels.flat[0]).all():
        return None
    return outline_error_px(
        labels,
        photo,
        scale=enough_scale(labels.size),
        background=background,
        frozen=annotation.ignore,
    )


def enough_scale(num_px: int) -> float:
    """Size, in sizes of an image of `num_px`, at which the outlines of an image are measured.

    Example:
        >>> enough_scale(100_000), enough_scale(2_000_000)
        (1.0, 0.5)
    """
    return min(1.0, math.sqrt(_ENOUGH_PX / num_px))


def drawn_together(image_px: float | None, set_px: float | None) -> float:
    """Error of an image, half way (of the logarithm) to what is typical of its set.

    Example:
        >>> drawn_together(16.0, 4.0)
        8.0
    """
    known = [value for value in (image_px, set_px) if value is not None]
    if not known:
        return DEFAULT_PX
    return math.prod(known) ** (1 / len(known))
