"""The photographs on which the constants of the joint labelling are fitted, drawn again coarsely.

None of them is in refinement_rivals.py, but for the MSRC pairs that are shown apart there.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from rivals.cases import DIRECTIONS, LOADERS, Case, Photograph, make_case

from mmsteal.functional.joint.joint_scene import Scene, read_scene

# Which photographs of each set may be seen; of ECSSD those whose numbers end in 6.
SETS = {
    'camvid_train': slice(7, None, 36),
    'coco_train': slice(0, None, 8),
    'ecssd': slice(5, None, 10),
    'msrc': slice(0, None, 2),
}


def photographs(root: Path, name: str, most: int) -> list[Photograph]:
    """At most so many photographs of a set, spread over it evenly.

    Args:
        root: Folder of the data sets.
        name: One of :data:`SETS`.
        most: More are left out.
    """
    found = list(LOADERS[name](root))[SETS[name]]
    chosen = np.linspace(0, len(found) - 1, min(most, len(found))).astype(int)
    return [found[index] for index in chosen.tolist()]


def draw(
    photos: Sequence[Photograph],
    errors: Sequence[float],
    told: Sequence[float] = (1.0,),
    directions: Sequence[str] = DIRECTIONS,
) -> Iterator[tuple[Case, int]]:
    """Each photograph with each error to each side; labels that people drew as they are.

    Args:
        photos: Of one set.
        errors: Largest errors in pixels; above 16 px only labels that are too small.
        told: What labellers may say of their error over what it is; one is drawn for each case.
            Nobody knows the error of people, who are told each of `errors` up to 16.
        directions: Of the errors; labels that people drew have none.

    Yields:
        A case, and a number drawn for it, by name alone.
    """
    for photo in photos:
        by_hand = photo.coarse is not None
        for direction, error in itertools.product(('hand',) if by_hand else directions, errors):
            if error > 16 and direction != 'small':
                continue
            drawn = zlib.crc32(f'{photo.name}{error}{direction}'.encode())
            factor = 1.0 if by_hand else told[drawn % len(told)]
            case = make_case(photo, error, direction)
            yield replace(case, error_px=error * factor), drawn // len(told)


def scene_of(case: Case) -> Scene:
    """The coarse labels of a case as the joint labelling reads them."""
    photo = case.photo
    return read_scene(
        case.given,
        photo.frozen,
        np.zeros(len(photo.values), bool),
        case.error_px,
        background=photo.background,
    )
