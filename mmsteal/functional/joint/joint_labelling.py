"""Coarse labels to fine ones: all undecided pixels are labelled at once.

Shape shorthand: H, W height and width; M objects, label M being none of them; K edge maps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mmsteal.functional.edge_maps.gradient_edges import gradient_edges
from mmsteal.functional.edge_maps.photograph import check_image
from mmsteal.functional.joint.error_estimate import estimate_error_px
from mmsteal.functional.joint.joint_scene import read_scene
from mmsteal.functional.joint.joint_solver import JointOptions, label_scene
from mmsteal.functional.joint.object_guard import JointObject, judge_objects
from mmsteal.functional.labels.label_objects import check_map


@dataclass(frozen=True)
class JointLabelling:
    """Refined objects.

    Attributes:
        object_map: Index of the object of each pixel (H, W), int32, -1 for none.
        objects: What happened to each object (M,).
        error_px: The error that was taken for the largest one of the outlines.
        offset: How far outlines were drawn too small on average, in errors, as this image says.
    """

    object_map: NDArray[np.int32]
    objects: list[JointObject]
    error_px: float
    offset: float


def joint_labelling(
    object_map: NDArray[np.int32],
    image: NDArray[np.uint8],
    edge_prob: NDArray[np.floating] | None = None,
    *,
    num_objects: int | None = None,
    background: bool = False,
    frozen: NDArray[np.bool_] | None = None,
    fixed: NDArray[np.bool_] | None = None,
    error_px: float | None = None,
    options: JointOptions | None = None,
) -> JointLabelling:
    r"""Label all pixels near the outlines of coarse objects at once, by all that the image says.

    Pixels within the error of an outline, and near ones that nobody labelled, are undecided. Each
    chooses between the labels whose decided pixels are nearest to it, so that the energy

    .. math::
        E(l) = \sum_p \sum_f w_f(z)\, v_f(p, l_p) + \sum_{pq} w_{pq} [l_p \ne l_q]

    is low. The voices :math:`v` are

    - the signed distance to the given outline of the label, in errors, and, in gaps between
      labels, how far the label is beside the two nearest;
    - how far outlines of the label lie from edges and from changes of color on average
      (:func:`~mmsteal.functional.joint.outline_offsets.outline_offsets`), and, before a
      background, which way all outlines err: the labelling is tried once with both sides open,
      and what changes hands tells labels that are too small from those that are too large;
    - the geodesic distance from the label's decided pixels over the edge map, beside that of the
      two nearest labels (:func:`~mmsteal.functional.joint.geodesic.nearest_labels`); edges are
      measured in means of the interior of the objects, where there is none, so that sure edges are
      walls and noise is not;
    - how unlikely the pixel's color is among the label's decided pixels
      (:class:`~mmsteal.functional.joint.color_density.ColorLattice`).

    How much each counts, :math:`w_f`, follows the size of the error and the quality of the edges
    by a table that was fitted once to many images. Neighbors of one color belong together
    (:func:`~mmsteal.functional.joint.pixel_pairs.pixel_pairs`); the energy is solved by mean field,
    the colors are measured again, and it is solved again.

    Then each object is judged by what it probably gained; one that may have lost is returned as
    it was given.

    Args:
        object_map: Index of the object of each pixel (H, W), integers, -1 for none.
        image: RGB image (H, W, 3), or grey (H, W), uint8.
        edge_prob: Edge probabilities (K, h, w) in [0, 1]; the strongest of the K counts, and
            the color gradient beside it (`gradient_share`). None: the gradient alone.
        num_objects: M; None for the largest index and 1.
        background: Whether pixels of no object are background, into which objects grow and to
            which they give pixels up. Otherwise nobody labelled them: near objects are filled.
        frozen: Pixels (H, W), bool, that stay as they are and say nothing.
        fixed: Objects (M,), bool, whose pixels stay theirs.
        error_px: How far the outlines may be off, in pixels. None: estimated
            (:func:`~mmsteal.functional.joint.error_estimate.estimate_error_px`).
        options: See :class:`JointOptions`.

    Returns:
        The refined map and what happened to each object.

    Raises:
        TypeError: An array has another type.
        ValueError: Shapes do not fit, or a value is out of its range.

    Example:
        >>> y, x = np.mgrid[:60, :60]
        >>> distance = np.hypot(y - 30, x - 30)
        >>> image = np.where(distance < 20, 200, 50).astype(np.uint8)
        >>> coarse = np.where(distance < 15, 0, -1)
        >>> refined = joint_labelling(coarse, image, background=True, error_px=8)
        >>> int((coarse == 0).sum()), int((refined.object_map == 0).sum())
        (697, 1245)
    """
    given = _check(object_map, image, edge_prob, frozen, error_px)
    num = int(given.max(initial=-1)) + 1 if num_objects is None else num_objects
    options = JointOptions() if options is None else options
    still = np.zeros(num, bool) if fixed is None else fixed
    if still.shape != (num,) or int(given.max(initial=-1)) >= num:
        raise ValueError(
            f'Expected argument `object_map` to hold -1 to {num - 1} and `fixed` one value an '
            f'object, but got values to {given.max(initial=-1)} and shape {still.shape}.'
        )
    nowhere = np.zeros(given.shape, bool) if frozen is None else frozen
    edge_map = _edge_map(image, edge_prob, options.gradient_share)
    if error_px is None:
        error_px = estimate_error_px(
            given, image, edge_map, nowhere, still, background=background, options=options
        )
    scene = read_scene(given, nowhere, still, error_px, background=background)
    solution = label_scene(scene, image, edge_map, options)
    labels, objects = judge_objects(
        solution.labels,
        scene.labels,
        solution.alone,
        solution.together,
        solution.traits,
        error_px,
        background,
        still,
    )
    refined = np.where((labels < 0) | (labels == num), -1, labels).astype(np.int32)
    np.copyto(refined, given, where=nowhere)
    return JointLabelling(refined, objects, error_px, solution.offset)


def _edge_map(
    image: NDArray[np.uint8], edge_prob: NDArray[np.floating] | None, gradient_share: float
) -> NDArray[np.float32]:
    """One map of the size of the image."""
    if edge_prob is not None and gradient_share == 0:
        return _full_size(edge_prob, image.shape[:2])
    gradient = gradient_edges(image)
    if edge_prob is None:
        return gradient
    weight = np.float32(1 - gradient_share) + np.float32(gradient_share) * gradient
    return weight * _full_size(edge_prob, image.shape[:2])


def _full_size(edge_prob: NDArray[np.floating], size: tuple[int, ...]) -> NDArray[np.float32]:
    """The strongest of the maps at each pixel of the image."""
    edge = np.ascontiguousarray(edge_prob.max(axis=0), np.float32)
    if edge.shape == size:
        return edge
    return cv2.resize(edge, size[::-1], interpolation=cv2.INTER_LINEAR).astype(np.float32)


def _check(
    object_map: NDArray[np.integer],
    image: NDArray[np.uint8],
    edge_prob: NDArray[np.floating] | None,
    frozen: NDArray[np.bool_] | None,
    error_px: float | None,
) -> NDArray[np.int32]:
    """The map of objects, if all arguments are what they should be."""
    given = check_map('object_map', object_map).astype(np.int32, copy=False)
    if not given.size or given.min() < -1:
        raise ValueError(
            'Expected argument `object_map` to have pixels and values of at least -1, but got '
            f'shape {given.shape} and least value {given.min(initial=0)}.'
        )
    check_image(image, given.shape)
    if frozen is not None and (frozen.dtype != np.bool_ or frozen.shape != given.shape):
        raise ValueError(
            f'Expected argument `frozen` to be bool of shape {given.shape}, '
            f'but got {frozen.dtype} of shape {frozen.shape}.'
        )
    if error_px is not None and not 0 < error_px < math.inf:
        raise ValueError(
            f'Expected argument `error_px` to be above 0 and finite, but got {error_px!r}.'
        )
    if edge_prob is not None:
        _check_edges(edge_prob, given.shape)
    return given


def _check_edges(edge_prob: NDArray[np.floating], size: tuple[int, ...]) -> None:
    if not isinstance(edge_prob, np.ndarray) or not np.issubdtype(edge_prob.dtype, np.floating):
        raise TypeError(
            'Expected argument `edge_prob` to be an array of floats, '
            f'but got {getattr(edge_prob, "dtype", type(edge_prob))}.'
        )
    if edge_prob.ndim != 3 or 0 in edge_prob.shape:
        raise ValueError(
            'Expected argument `edge_prob` to have shape (K, h, w), '
            f'but got {edge_prob.shape}; a single map is edge_prob[None].'
        )
    if not (edge_prob.min() >= 0 and edge_prob.max() <= 1):
        raise ValueError(
            'Expected argument `edge_prob` to hold values from 0 to 1, '
            f'but got {edge_prob.min()} to {edge_prob.max()}.'
        )
    (height, width), (h, w) = size, edge_prob.shape[1:]
    # The same picture: a pixel of rounding either way.
    if abs(h * width - w * height) > max(height, width):
        raise ValueError(
            f'Expected argument `edge_prob` to have the aspect ratio of the labels, {height} x '
            f'{width} (height x width), but got {h} x {w}; they must be of one image.'
        )
