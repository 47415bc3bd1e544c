"""How the outlines of a set were drawn: what some of its images say together."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from mmsteal.label_formats import LabelItem
from mmsteal.label_formats.image_files import check_size, read_photo
from mmsteal.refinement.outline_error import DEFAULT_PX, enough_scale, image_error_px
from mmsteal.refinement.refine_file import FileRefiner, RefineTask
from mmsteal.refinement.settings import RefineSettings

if TYPE_CHECKING:
    pass

Predict = Callable[[Path], NDArray[Any]]

# Images that are looked at.
_SAMPLE = 30
# Fewer images say nothing about the manner of a set.
_FEWEST = 3


@dataclass(frozen=True)
class SetOutlines:
    """What is known of the outlines of a set.

    Attributes:
        error_px (float | None): Typical error in pixels, the median over images; None where it is
            not needed.
        offset (float | None): How far outlines were drawn too small, in errors, the mean over
            images; None where it is not needed, or too few images tell.
    """

    error_px: float | None = None
    offset: float | None = None

    @classmethod
    def of_settings(cls, settings: RefineSettings) -> SetOutlines:
        """What the settings say."""
        return cls(settings.set_error_px, getattr(settings.options, 'set_offset', None))

    def added_to(self, settings: RefineSettings) -> RefineSettings:
        """Settings of a run that takes it."""
        options: Any = settings.options
        if settings.engine == 'joint':
            options = replace(options, set_offset=self.offset)
        return replace(settings, set_error_px=self.error_px, options=options)


def measure_set(
    refiner: FileRefiner, items: Sequence[LabelItem], predict: Predict | None = None
) -> SetOutlines:
    """Measure what the settings of a run do not say yet, on some images of the set.

    Images that cannot be read are passed over; they are told when their turn comes.

    Args:
        refiner: Refines an image of the set.
        items: All images; evenly spaced ones are looked at.
        predict: Makes the edge maps of an image; None where they come from files.

    Returns:
        What the settings say, and what was measured.
    """
    settings = refiner.settings
    known = SetOutlines.of_settings(settings)
    if settings.independent:
        return known
    some = sample(items)
    if settings.error_px is None and known.error_px is None:
        known = replace(known, error_px=_typical_error_px(refiner, some))
        print(
            f'error of the outlines: estimated for each image, about {known.error_px:g} px',
            flush=True,
        )
    if settings.engine == 'joint' and known.offset is None:
        offset = _mean_offset(FileRefiner(known.added_to(settings), refiner.source), some, predict)
        known = replace(known, offset=offset)
        if offset is not None:
            side = 'small' if offset >= 0 else 'large'
            print(
                f'offset of the outlines: drawn too {side} by {abs(offset):g} of their error',
                flush=True,
            )
    return known


def sample(items: Sequence[Any]) -> list[Any]:
    """Those of all images that are looked at, evenly spaced."""
    num = min(len(items), _SAMPLE)
    return [items[i * len(items) // num] for i in range(num)]


def _typical_error_px(refiner: FileRefiner, items: Sequence[LabelItem]) -> float:
    found = []
    for item in items:
        with suppress(ValueError, OSError):
            annotation, photo = refiner.source.read(item), read_photo(item.image)
            check_size(item.image, annotation.object_map.shape, item)
            error_px = image_error_px(annotation, photo, background=refiner.background)
            if error_px is not None:
                found.append(error_px)
    return round(statistics.median(found), 2) if found else DEFAULT_PX


def _mean_offset(
    refiner: FileRefiner, items: Sequence[LabelItem], predict: Predict | None
) -> float | None:
    found = []
    for item in items:
        with suppress(ValueError, OSError):
            task = RefineTask(item, None if predict is None else predict(item.image))
            image = refiner.read(task)
            labels = image.annotation.object_map
            if (labels == labels.flat[0]).all():
                continue  # no outline
            # As in the run, but for images that would take long.
            scale, enough = refiner.settings.scale, enough_scale(labels.size)
            maps = image.edge_prob
            full = 1.0 if maps is None else min(maps.shape[1] / labels.shape[0], 1.0)
            scale = enough if (scale or full) > enough else scale
            offset = refiner.refine(image, scale=scale).offset
            assert offset is not None  # the joint labelling
            found.append(offset)
    # No more of it is sure; and a run that is resumed reads it from JSON as it is.
    return round(statistics.fmean(found), 2) if len(found) >= _FEWEST else None
