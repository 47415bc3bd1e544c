"""What a refinement has to beat: simple methods that see the same image, labels and edges.

Each takes a case and an edge map (H, W) and returns the map of objects. 'outside' methods keep what
is labelled and settle the rest, as labels that are too small need it; 'band' methods open both
sides of every outline by the error.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from grabcut import grabcut
from numpy.typing import NDArray
from scipy import ndimage
from skimage.segmentation import random_walker, watershed

from mmsteal.demo.simple_methods import grabcut_in_band, nearest_labels, outline_band
from mmsteal.functional import refine_objects
from mmsteal.functional.joint.geodesic import geodesic_growth
from rivals.cases import Case

Method = Callable[[Case, NDArray[np.float32]], NDArray[np.int32]]


def as_given(case: Case, _: NDArray[np.float32]) -> NDArray[np.int32]:
    return case.given


def nearest(case: Case, _: NDArray[np.float32]) -> NDArray[np.int32]:
    """Before a background, labels grow by half of the error: its mean."""
    reach = case.error_px * (0.5 if case.photo.background else 2)
    grown = nearest_labels(case.given, reach)
    return np.where(case.photo.frozen, case.given, grown)


def watershed_outside(case: Case, edge: NDArray[np.float32]) -> NDArray[np.int32]:
    seeds, background = _seeds_outside(case, 1.5 * case.error_px + 2)
    found = watershed(edge, seeds + 1, mask=~case.photo.frozen) - 1
    return _result(case, found, background)


def watershed_band(case: Case, edge: NDArray[np.float32]) -> NDArray[np.int32]:
    seeds, background = _seeds_band(case)
    found = watershed(edge, seeds + 1, mask=~case.photo.frozen) - 1
    return _result(case, found, background)


def geodesic_outside(case: Case, edge: NDArray[np.float32]) -> NDArray[np.int32]:
    seeds, background = _seeds_outside(case, case.error_px)
    return _result(case, _grow(case, seeds, edge, 2 * case.error_px), background)


def geodesic_band(case: Case, edge: NDArray[np.float32]) -> NDArray[np.int32]:
    seeds, background = _seeds_band(case)
    return _result(case, _grow(case, seeds, edge, np.inf), background)


def walker_outside(case: Case, edge: NDArray[np.float32]) -> NDArray[np.int32]:
    """The random walker sees the image itself."""
    return _walk(case, *_seeds_outside(case, 1.5 * case.error_px + 2))


def walker_band(case: Case, edge: NDArray[np.float32]) -> NDArray[np.int32]:
    return _walk(case, *_seeds_band(case))


def grabcut_ring(case: Case, _: NDArray[np.float32]) -> NDArray[np.int32]:
    bgr = np.ascontiguousarray(case.photo.image[..., ::-1])
    found = grabcut(bgr, case.given, ring_px=24)
    return np.where(case.photo.frozen, case.given, found).astype(np.int32)


def grabcut_band(case: Case, _: NDArray[np.float32]) -> NDArray[np.int32]:
    """Both sides of the outline are open by the error."""
    background = case.photo.background
    return grabcut_in_band(case.photo.image, case.given, _band(case), background=background)


def level_set(case: Case, edge: NDArray[np.float32]) -> NDArray[np.int32]:
    return _evolve(case, edge)


def level_set_still(case: Case, edge: NDArray[np.float32]) -> NDArray[np.int32]:
    """Without a balloon: outlines move to edges that they feel."""
    return _evolve(case, edge, balloon=0.0)


METHODS: dict[str, Method] = {
    'as given': as_given,
    'nearest label': nearest,
    'watershed': watershed_outside,
    'watershed, band': watershed_band,
    'geodesic': geodesic_outside,
    'geodesic, band': geodesic_band,
    'random walker': walker_outside,
    'random walker, band': walker_band,
    'GrabCut, ring': grabcut_ring,
    'GrabCut, band': grabcut_band,
    'level set': level_set,
    'level set, no balloon': level_set_still,
}
# Methods that do not look at the edge map: one row for all kinds of edges.
WITHOUT_EDGES = {
    'as given',
    'nearest label',
    'random walker',
    'random walker, band',
    'GrabCut, ring',
    'GrabCut, band',
}


def _seeds_outside(case: Case, background_px: float) -> tuple[NDArray[np.int32], int]:
    """All that is labelled, and background that is far from it; -1 elsewhere."""
    seeds = case.given.copy()
    background = int(seeds.max()) + 1
    if case.photo.background:
        seeds[ndimage.distance_transform_edt(case.given < 0) > background_px] = background
    return seeds, background


def _seeds_band(case: Case) -> tuple[NDArray[np.int32], int]:
    """All that is further than the error from every outline; -1 elsewhere."""
    seeds = case.given.copy()
    background = int(seeds.max()) + 1
    if case.photo.background:
        seeds[seeds < 0] = background
    seeds[_band(case)] = -1
    return seeds, background


def _band(case: Case) -> NDArray[np.bool_]:
    return outline_band(case.given, case.error_px) & ~case.photo.frozen


def _grow(
    case: Case, seeds: NDArray[np.int32], edge: NDArray[np.float32], limit_px: float
) -> NDArray[np.int32]:
    near = ndimage.distance_transform_edt(seeds < 0) <= max(limit_px, 4)
    open_ = (seeds < 0) & near & ~case.photo.frozen
    return geodesic_growth(seeds, 0.03 + edge, passable=open_)


def _walk(case: Case, seeds: NDArray[np.int32], background: int) -> NDArray[np.int32]:
    marks = seeds + 1
    marks[case.photo.frozen] = -1
    values, dense = np.unique(marks[marks > 0], return_inverse=True)
    if len(values) < 2:
        return case.given
    marks[marks > 0] = dense + 1
    found = random_walker(
        case.photo.image / 255.0, marks, beta=130, mode='cg_j', tol=1e-2, channel_axis=-1
    )
    back = np.append(-1, values - 1)
    return _result(case, back[np.maximum(found, 0)].astype(np.int32), background)


def _result(case: Case, found: NDArray[np.int32], background: int) -> NDArray[np.int32]:
    found = np.where(found == background, -1, found)
    return np.where(case.photo.frozen, case.given, found).astype(np.int32)


def _evolve(case: Case, edge: NDArray[np.float32], **options: float) -> NDArray[np.int32]:
    found, _ = refine_objects(
        case.given,
        edge[None],
        classes=[0] * len(case.photo.values),
        frozen=case.photo.frozen,
        error_px=case.error_px,
        **options,
    )
    return found
