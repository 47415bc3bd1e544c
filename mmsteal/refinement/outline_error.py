"""How far the outlines of labels may be off, where nobody says so: by image and by set."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from mmsteal.functional.refinement.refine_objects import outline_error_px
from mmsteal.label_formats import Annotation, LabelError, LabelFormat, LabelItem
from mmsteal.label_formats.image_files import check_size, read_photo

# Images that are looked at for the typical error of a set.
_SAMPLE = 16
# Larger images are shrunk to this many pixels before they are looked at.
_ENOUGH_PX = 500_000
# Where no image has an object with an outline.
_DEFAULT_PX = 8.0


def image_error_px(
    annotation: Annotation, photo: NDArray[np.uint8], *, background: bool
) -> float | None:
    """Estimate the error of an image's labels from its colours.

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
    scale = min(1.0, math.sqrt(_ENOUGH_PX / labels.size))
    return outline_error_px(
        labels, photo, scale=scale, background=background, frozen=annotation.ignore
    )


def typical_error_px(source: LabelFormat, items: Sequence[LabelItem], *, background: bool) -> float:
    """Typical error of a set: the median over some of its images.

    Args:
        source: The labels.
        items: All images.
        background: Whether pixels of no object are background.

    Returns:
        The error in pixels.
    """
    step = max(1, len(items) // _SAMPLE)
    found = []
    for item in items[::step][:_SAMPLE]:
        with suppress(LabelError, OSError):  # told when its turn comes
            annotation, photo = source.read(item), read_photo(item.image)
            check_size(item.image, annotation.object_map.shape, item)
            error_px = image_error_px(annotation, photo, background=background)
            if error_px is not None:
                found.append(error_px)
    return round(statistics.median(found), 2) if found else _DEFAULT_PX


def drawn_together(image_px: float | None, set_px: float | None) -> float:
    """Error of an image, half way (of the logarithm) to what is typical of its set.

    Example:
        >>> drawn_together(16.0, 4.0)
        8.0
    """
    known = [value for value in (image_px, set_px) if value is not None]
    if not known:
        return _DEFAULT_PX
    return math.prod(known) ** (1 / len(known))
