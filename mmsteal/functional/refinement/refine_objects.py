"""Maps of coarse objects to fine ones, with the engine of choice.

Shape shorthand: M objects; K edge maps; H, W height and width of the labels; h, w of the edge maps.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mmsteal.functional.alignment.step_choice import MaskAlignment
from mmsteal.functional.edge_maps.gradient_edges import gradient_edges
from mmsteal.functional.edge_maps.photograph import check_image
from mmsteal.functional.labels.label_objects import check_map
from mmsteal.functional.labels.object_map import enlarge
from mmsteal.functional.labels.resize import resample
from mmsteal.functional.level_sets.speed import check_edge_prob
from mmsteal.functional.refinement.object_engines import EngineInput, run_engine
from mmsteal.functional.refinement.object_refinement import ObjectRefinement, report_objects
from mmsteal.functional.refinement.refine_engines import (
    Engine,
    EngineOptions,
    engine_of,
    engine_options,
)


@dataclass(frozen=True)
class RefinedObjects:
    """Refined objects.

    Attributes:
        object_map: Index of the object of each pixel (H, W), int32, -1 for none.
        objects: What happened to each object (M,).
        engine: What refined them.
        error_px: How far their outlines were taken to be off; None for level sets that were not
            told.
        offset: How far outlines were drawn too small on average, in errors; None but for the joint
            labelling.
    """

    object_map: NDArray[np.int32]
    objects: list[ObjectRefinement]
    engine: Engine
    error_px: float | None
    offset: float | None


def refine_objects(
    object_map: NDArray[np.int32],
    edge_prob: NDArray[np.floating] | Tensor | None = None,
    options: EngineOptions | None = None,
    *,
    image: NDArray[np.uint8] | None = None,
    engine: Engine | None = None,
    classes: Sequence[int] | None = None,
    background: bool = False,
    frozen: NDArray[np.bool_] | None = None,
    error_px: float | None = None,
) -> tuple[NDArray[np.int32], list[ObjectRefinement]]:
    """Move the outlines of objects to where they belong, and settle who owns each pixel.

    Three engines do it:

    - 'joint': all undecided pixels are labelled at once, by edges, colors and the given outlines
      (:func:`~mmsteal.functional.joint.joint_labelling.joint_labelling`). Needs the image, and no
      more.
    - 'level_set': each object evolves to its edges, sections 3.6 and 4.3 of the paper
      (:func:`~mmsteal.functional.refinement.object_evolution.evolve_objects`).
    - 'geodesic': each undecided pixel goes to the label that is nearest by ways that avoid edges
      (:func:`~mmsteal.functional.geodesic_labelling`).

    They work at the size of the edge maps where these are smaller than the labels (level sets at
    that of larger ones too), and what has changed is drawn into the given map. Objects that did
    not move keep their outline to the pixel, and none vanishes.

    Args:
        object_map: Index of the object of each pixel (H, W), int32, -1 for none.
        edge_prob: Edge probabilities (K, h, w) in [0, 1], array or tensor on any device. None: the
            color gradient of the image.
        options: :class:`JointOptions`, :class:`AlignOptions` (lengths in pixels of the edge maps)
            or :class:`GeodesicOptions`; their type chooses the engine. None: the defaults of
            `engine`; `dataclasses.replace(REFINE_OPTIONS, min_gain=0.2)` changes one of them.
        image: The photograph (H, W, 3), RGB, or grey (H, W), uint8.
        engine: None: that of the options; without any, 'joint' where there is an image, otherwise
            'level_set'.
        classes: Edge map of each object (M,); -1 for an object that stays as it is. Level sets
            follow the map of their class, the others the strongest of all. None: all objects may
            move, M follows from the map.
        background: Whether pixels of no object are background, to which objects give pixels up
            too. Otherwise nobody labelled them, and those near objects are filled. Level sets do
            not need to know.
        frozen: Pixels (H, W), bool, that are left alone and say nothing, as ignored ones.
        error_px: How far the outlines may be off, in pixels of the labels. None: estimated from
            the image (:func:`~mmsteal.functional.joint.error_estimate.estimate_error_px`); level
            sets evolve for 60 iterations. See
            :meth:`~mmsteal.functional.AlignOptions.for_error`.

    Returns:
        The refined map (H, W), int32, and what happened to each object (M,).

    Raises:
        TypeError: An array or the options have another type.
        ValueError: Shapes do not fit, the engine misses something, or `error_px` is out of its
            range.

    Example:
        >>> y, x = np.mgrid[:60, :60]
        >>> distance = np.hypot(y - 30, x - 30)
        >>> image = np.where(distance < 20, 200, 50).astype(np.uint8)
        >>> coarse = np.where(distance < 15, 0, -1)
        >>> refined, (disk,) = refine_objects(coarse, image=image, background=True, error_px=8)
        >>> disk.status, disk.area_given, disk.area_refined
        ('moved', 697, 1245)
    """
    found = refine_object_map(
        object_map, edge_prob, engine_options(engine, options, has_image=image is not None),
        image=image, classes=classes, background=background, frozen=frozen, error_px=error_px,
    )  # fmt: skip
    return found.object_map, found.objects


def refine_object_map(
    object_map: NDArray[np.int32],
    edge_prob: NDArray[np.floating] | Tensor | None,
    options: EngineOptions,
    *,
    image: NDArray[np.uint8] | None = None,
    classes: Sequence[int] | None = None,
    background: bool = False,
    frozen: NDArray[np.bool_] | None = None,
    error_px: float | None = None,
) -> RefinedObjects:
    """:func:`refine_objects`, with the error that was taken and the offset that was found."""
    given = check_map('object_map', object_map).astype(np.int32, copy=False)
    if not given.size:
        raise ValueError(f'Expected argument `object_map` to have pixels, but got {given.shape}.')
    engine = engine_of(options)
    _check_image(image, given.shape, engine)
    prob = None if edge_prob is None else as_edge_maps(edge_prob)
    if prob is None and image is None:
        raise ValueError(
            'Expected argument `edge_prob` or `image`, but got neither; without edge maps those '
            'of the image serve.'
        )
    if classes is None:
        if engine == 'level_set' and prob is not None and len(prob) > 1:
            raise ValueError(
                f'Expected argument `classes`, which of the {len(prob)} edge maps each object '
                'follows, but got None.'
            )
        classes = [0] * (int(given.max()) + 1)
    _check_objects(given, prob, classes, frozen)
    if error_px is not None and not (isinstance(error_px, Real) and 0 < error_px < math.inf):
        raise ValueError(
            f'Expected argument `error_px` to be a number > 0 and finite, but got {error_px!r}.'
        )
    if prob is None and engine == 'level_set':
        assert image is not None  # checked
        prob = torch.from_numpy(gradient_edges(image))[None]
    shape = (given.shape[0], given.shape[1])
    size = shape if prob is None else (int(prob.shape[1]), int(prob.shape[2]))
    if engine != 'level_set' and size[0] * size[1] > given.size:
        size = shape
    work = replace(
        _engine_input(given, prob, size, image, classes, frozen),
        background=background,
        error_px=error_px,
    )
    found = run_engine(work, options)
    full, swallowed = _at_full_size(given, frozen, work, found.refined)
    # An object that did not take part has the level set of an empty mask.
    unmoved = MaskAlignment.unmoved('empty') if engine == 'level_set' else None
    reports = report_objects(given, full, classes, found.outcomes, swallowed, work.scale, unmoved)
    return RefinedObjects(full, reports, engine, found.error_px, found.offset)


def outline_error_px(
    object_map: NDArray[np.int32],
    image: NDArray[np.uint8],
    *,
    scale: float = 1.0,
    background: bool = False,
    frozen: NDArray[np.bool_] | None = None,
) -> float:
    """How far the outlines of objects may be off, as the colors of the image say.

    Args:
        object_map: Index of the object of each pixel (H, W), int32, -1 for none.
        image: The photograph (H, W, 3), RGB, or grey (H, W), uint8.
        scale: Size at which they are looked at, as a fraction of the size of the labels, up to 1.
        background: Whether pixels of no object are background; otherwise nobody labelled them.
        frozen: Pixels (H, W), bool, that say nothing.

    Returns:
        The error in pixels; see :func:`~mmsteal.functional.joint.error_estimate.estimate_error_px`.

    Raises:
        TypeError: An array has another type.
        ValueError: Shapes do not fit.
    """
    given = check_map('object_map', object_map).astype(np.int32, copy=False)
    _check_image(image, given.shape, 'joint')
    classes = [0] * (int(given.max(initial=-1)) + 1)
    _check_objects(given, None, classes, frozen)
    height, width = (max(round(side * scale), 1) for side in given.shape)
    work = _engine_input(given, None, (height, width), image, classes, frozen)
    return replace(work, background=background).estimated_error_px()


def as_edge_maps(edge_prob: Any) -> Tensor:
    """`edge_prob` as a tensor (K, h, w) of probabilities."""
    if isinstance(edge_prob, (np.ndarray, Tensor)) and edge_prob.ndim != 3:
        raise ValueError(
            'Expected argument `edge_prob` to have shape (K, h, w), but got shape '
            f'{tuple(edge_prob.shape)}; a single map is edge_prob[None], and images are refined '
            'one at a time.'
        )
    return check_edge_prob(edge_prob)


def _engine_input(
    given: NDArray[np.int32],
    prob: Tensor | None,
    size: tuple[int, int],
    image: NDArray[np.uint8] | None,
    classes: Sequence[int],
    frozen: NDArray[np.bool_] | None,
) -> EngineInput:
    """All at the size at which the engine works."""
    return EngineInput(
        given=resample(given, size),
        image=None if image is None else _shrunk(image, size),
        prob=prob,
        classes=classes,
        barred=np.zeros(size, bool) if frozen is None else resample(frozen, size),
        scale=math.sqrt(size[0] * size[1] / given.size),
    )


def _at_full_size(
    given: NDArray[np.int32],
    frozen: NDArray[np.bool_] | None,
    work: EngineInput,
    refined: NDArray[np.int32],
) -> tuple[NDArray[np.int32], set[int]]:
    """Draw what has changed into the given map; and the objects of which nothing was left."""
    small, count = work.given, work.count
    # What is too small for the edge maps does not take part, nor do others run over it.
    left = np.bincount(refined.ravel() + 1, minlength=len(count) + 1)[1:]
    swallowed = np.flatnonzero((count > 0) & (left == 0))
    if len(swallowed):
        lost = np.isin(small, swallowed)
        refined[lost] = small[lost]
    full = enlarge(refined, small, given, protected=np.append(count == 0, False))
    # Objects of which nothing has changed keep every pixel, whoever is drawn beside them.
    same = np.bincount(small[refined == small] + 1, minlength=len(count) + 1)[1:]
    still = np.append(work.fixed | ((same == count) & (same == left)), False)
    np.copyto(full, given, where=still[given] | still[full])
    if frozen is not None:
        np.copyto(full, given, where=frozen)
    return full, set(swallowed.tolist())


def _shrunk(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    if image.shape[:2] == size:
        return image
    resized = cv2.resize(image, (size[1], size[0]), interpolation=cv2.INTER_AREA)
    return resized.astype(np.uint8, copy=False)


def _check_image(image: Any, shape: tuple[int, ...], engine: Engine) -> None:
    if image is None:
        if engine == 'joint':
            raise ValueError(
                "Expected argument `image` for the engine 'joint', but got None; pass the "
                "photograph, or engine='level_set' to follow edge maps alone."
            )
        return
    check_image(image, shape)


def _check_objects(
    given: NDArray[np.int32], prob: Tensor | None, classes: Sequence[int], frozen: Any
) -> None:
    low, high = int(given.min()), int(given.max())
    if low < -1 or high >= len(classes):
        raise ValueError(
            f'Expected argument `object_map` to hold -1 to {len(classes) - 1}, one index an entry '
            f'of `classes`, but got values from {low} to {high}.'
        )
    num_maps = 1 if prob is None else len(prob)
    if any(not -1 <= index < num_maps for index in classes):
        raise ValueError(
            f'Expected argument `classes` to hold indices from 0 to {num_maps - 1}, or -1, '
            f'but got {sorted({int(i) for i in classes})}.'
        )
    if frozen is not None and (frozen.dtype != np.bool_ or frozen.shape != given.shape):
        raise ValueError(
            f'Expected argument `frozen` to be bool of shape {given.shape}, '
            f'but got {frozen.dtype} of shape {frozen.shape}.'
        )
    if prob is None:
        return
    height, width = given.shape
    h, w = prob.shape[1:]
    # The same picture: a pixel of rounding either way.
    if min(h, w) < 1 or abs(h * width - w * height) > max(height, width):
        raise ValueError(
            f'Expected argument `edge_prob` to have the aspect ratio of the labels, {height} x '
            f'{width} (height x width), but got {h} x {w}; they must be of one image.'
        )
