"""Coarse labels to fine ones: all undecided pixels are labelled at once.

Shape shorthand: H, W height and width; M objects, label M being none of them; K edge maps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mmsteal.functional.colour_density import ColourLattice
from mmsteal.functional.edge_surprise import edge_surprise
from mmsteal.functional.error_estimate import estimate_error_px
from mmsteal.functional.geodesic import nearest_labels
from mmsteal.functional.gradient_edges import gradient_edges
from mmsteal.functional.joint_evidence import Evidence, gather_evidence, set_colours
from mmsteal.functional.joint_scene import Scene, read_scene
from mmsteal.functional.label_objects import check_map
from mmsteal.functional.mean_field import mean_field
from mmsteal.functional.object_guard import Belief, JointObject, Traits, judge_objects
from mmsteal.functional.outline_offsets import OutlineOffsets, outline_offsets
from mmsteal.functional.pixel_pairs import pixel_pairs

# What a way costs without any edge, in mean strengths of the interior; and at most.
_STILL = 0.1
_MOST_COST = 200.0
# Candidates that cost so much more than the best, in nats, are out.
_MOST_NATS = 9.0
# Labels of fewer decided pixels show their colours by all of their pixels.
_FEW_PIXELS = 20
# The set of an image says as much of its offset as an outline of so many steps.
_SET_STEPS = 3000.0


@dataclass(frozen=True)
class JointOptions:
    """Options of the joint labelling; the defaults are for any photographs.

    Args:
        smoothness: Weight of a pair of neighbours that do not differ.
        num_rounds: Rounds of labelling; between them the colours are measured again.
        num_iters: Updates of the mean field in a round.
        num_candidates: Labels that a pixel may choose from.
        set_offset: Mean of :attr:`JointLabelling.offset` over images whose labels were drawn in one
            way: how far an outline was drawn too small says the set better than one image. None:
            the image speaks for itself.
    """

    smoothness: float = 2.0
    num_rounds: int = 2
    num_iters: int = 8
    num_candidates: int = 3
    set_offset: float | None = None

    def __post_init__(self) -> None:
        for name, least in (
            ('smoothness', 0),
            ('num_rounds', 1),
            ('num_iters', 1),
            ('num_candidates', 2),
        ):
            value = getattr(self, name)
            if not least <= value < math.inf:
                raise ValueError(
                    f'Expected option `{name}` to be at least {least} and finite, '
                    f'but got {value!r}.'
                )


@dataclass(frozen=True)
class Solution:
    """What the labelling of the undecided pixels (N,) found.

    Attributes:
        scene: The given labels.
        evidence: What spoke for which label.
        offset: How far outlines were drawn too small on average, in errors.
        traits: What is known of each object.
        alone: Probabilities of pixels by themselves; they are calibrated.
        together: Probabilities by the mean field.
        labels: The labels (H, W), int32, of the kind of `scene.labels`.
    """

    scene: Scene
    evidence: Evidence
    offset: float
    traits: Traits
    alone: Belief
    together: Belief
    labels: NDArray[np.int32]


def label_scene(
    scene: Scene,
    image: NDArray[np.uint8],
    edge_map: NDArray[np.float32],
    options: JointOptions,
    weights: NDArray[np.float32] | None = None,
) -> Solution:
    """Label the undecided pixels of a scene; see :func:`joint_labelling`."""
    lattice = ColourLattice.of(image)
    decided = scene.decided
    edge = edge_surprise(edge_map, decided >= 0)
    costs = lattice.costs(_shown(scene, decided), scene.num_objects + 1)
    offsets = outline_offsets(
        scene.labels,
        scene.beside,
        scene.depth,
        edge,
        lattice.index,
        costs,
        scene.error_px,
    )
    offset = _mean_offset(offsets, scene.num_objects, options.set_offset)
    scene = scene.narrowed(offset)
    decided = scene.decided
    costs = lattice.costs(_shown(scene, decided), scene.num_objects + 1)
    grown = nearest_labels(
        decided,
        np.minimum(_STILL + edge, np.float32(_MOST_COST)),
        num=options.num_candidates,
        passable=scene.open,
    )
    evidence = gather_evidence(scene, grown, offsets, offset, edge)
    traits = Traits(offsets.by_edges[: scene.num_objects], _thickness(scene))
    # Pixels that no label reaches stay as they are.
    reached = evidence.candidates[:, 0] >= 0
    rows = np.flatnonzero(scene.open)
    neighbours, pair_weights = pixel_pairs(image, scene.labels, scene.open, options.smoothness)
    candidates = evidence.candidates.copy()
    candidates[~reached, 0] = scene.labels.ravel()[rows[~reached]]
    labels = scene.labels.copy()
    for left in range(options.num_rounds - 1, -1, -1):
        set_colours(evidence, lattice.index.ravel()[rows], costs)
        unary = evidence.costs() if weights is None else evidence.costs(weights)
        unary[~reached, 0] = 0
        unary -= unary.min(axis=1, keepdims=True)
        order = np.argsort(unary, axis=1, kind='stable')
        unary = np.take_along_axis(unary, order, axis=1)
        out = unary > _MOST_NATS
        now = np.where(out, -1, np.take_along_axis(candidates, order, axis=1)).astype(np.int32)
        unary[out] = _MOST_NATS
        prob = mean_field(unary, now, neighbours, pair_weights, num_iters=options.num_iters)
        best = prob.argmax(axis=1)[:, None]
        labels.ravel()[rows] = np.take_along_axis(now, best, axis=1)[:, 0]
        if left:
            shown = np.where(decided < 0, labels, _shown(scene, decided))
            costs = lattice.costs(shown, scene.num_objects + 1)
    alone = np.where(now >= 0, np.exp(-unary), 0)
    alone /= alone.sum(axis=1, keepdims=True)
    alone_and_together = Belief(rows, now, alone), Belief(rows, now, prob)
    measured = _mean_offset(offsets, scene.num_objects, None)
    return Solution(scene, evidence, measured, traits, *alone_and_together, labels)


def _mean_offset(offsets: OutlineOffsets, num: int, of_set: float | None) -> float:
    """Mean offset of the outlines of an image, drawn to that of its set."""
    own = offsets.pooled(offsets.by_edges * offsets.trust, num)
    if of_set is None:
        return own
    steps = float(offsets.steps[:num].sum())
    return (own * steps + of_set * _SET_STEPS) / (steps + _SET_STEPS)


def _thickness(scene: Scene) -> NDArray[np.float32]:
    """Mean of the largest depths of the components of each object (M,), in errors."""
    own = scene.near.labels[..., 0]
    area = np.bincount(own[own >= 0], minlength=len(scene.part_labels))
    counts = scene.part_labels >= 0
    pixels, depths = (
        np.bincount(scene.part_labels[counts], v[counts], minlength=scene.num_objects + 1)
        for v in (area, area * scene.part_thickness)
    )
    thickness = depths / np.maximum(pixels, 1) / scene.error_px
    return thickness[: scene.num_objects].astype(np.float32)


def _shown(scene: Scene, decided: NDArray[np.int32]) -> NDArray[np.int32]:
    """The pixels that show the colours of each label: decided ones, or all if they are few."""
    count = np.bincount(decided.ravel() + 1, minlength=scene.num_objects + 2)
    few = count < _FEW_PIXELS
    few[0] = False
    return np.where(few[scene.labels + 1], scene.labels, decided)


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
    - how far outlines of the label (and, before a background, of all) lie from edges and from
      changes of colour on average: this tells labels that are too small from those that are too
      large (:func:`~mmsteal.functional.outline_offsets.outline_offsets`);
    - the geodesic distance from the label's decided pixels over the edge map, beside that of the
      two nearest labels (:func:`~mmsteal.functional.geodesic.nearest_labels`); edges are measured
      in means of the interior of the objects, where there is none, so that sure edges are walls
      and noise is not;
    - how unlikely the pixel's colour is among the label's decided pixels
      (:class:`~mmsteal.functional.colour_density.ColourLattice`).

    How much each counts, :math:`w_f`, follows the size of the error and the quality of the edges
    by a table that was fitted once to many images. Neighbours of one colour belong together
    (:func:`~mmsteal.functional.pixel_pairs.pixel_pairs`); the energy is solved by mean field, the
    colours are measured again, and it is solved again.

    Then each object is judged by what it probably gained; one that may have lost is returned as
    it was given.

    Args:
        object_map: Index of the object of each pixel (H, W), integers, -1 for none.
        image: RGB image (H, W, 3), or grey (H, W), uint8.
        edge_prob: Edge probabilities (K, h, w) in [0, 1]; the strongest of the K counts. None:
            the colour gradient.
        num_objects: M; None for the largest index and 1.
        background: Whether pixels of no object are background, into which objects grow and to
            which they give pixels up. Otherwise nobody labelled them: near objects are filled.
        frozen: Pixels (H, W), bool, that stay as they are and say nothing.
        fixed: Objects (M,), bool, whose pixels stay theirs.
        error_px: How far the outlines may be off, in pixels. None: estimated
            (:func:`~mmsteal.functional.error_estimate.estimate_error_px`).
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
    edge_map = _edge_map(image, edge_prob)
    if error_px is None:
        error_px = estimate_error_px(given, image, edge_map, nowhere, num, background=background)
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
    image: NDArray[np.uint8], edge_prob: NDArray[np.floating] | None
) -> NDArray[np.float32]:
    """One map of the size of the image."""
    if edge_prob is None:
        if image.ndim == 2:
            return gradient_edges(np.repeat(image[..., None], 3, axis=2))
        return gradient_edges(image)
    edge = np.ascontiguousarray(edge_prob.max(axis=0), np.float32)
    height, width = image.shape[:2]
    if edge.shape == (height, width):
        return edge
    return cv2.resize(edge, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.float32)


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
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8:
        raise TypeError(
            'Expected argument `image` to be an array of uint8, '
            f'but got {getattr(image, "dtype", type(image))}.'
        )
    if image.ndim not in (2, 3) or image.shape[2:] not in ((), (3,)):
        raise ValueError(
            'Expected argument `image` to have shape (H, W, 3), or (H, W) for a grey one, '
            f'but got {image.shape}.'
        )
    if image.shape[:2] != given.shape:
        raise ValueError(
            f'Expected argument `image` to have the size of the labels, {given.shape}, '
            f'but got {image.shape[:2]}; resize one of them, the labels without interpolation.'
        )
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
