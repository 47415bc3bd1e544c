"""The solver of the joint labelling: from undecided pixels to their labels.

Shape shorthand: H, W height and width; M objects, label M being none of them; N undecided pixels;
K labels that each may take.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmsteal.functional.joint.color_density import ColorLattice
from mmsteal.functional.joint.edge_surprise import edge_surprise
from mmsteal.functional.joint.flooding import flooded
from mmsteal.functional.joint.geodesic import nearest_labels
from mmsteal.functional.joint.joint_evidence import (
    Evidence,
    gather_evidence,
    set_colors,
    set_watershed,
)
from mmsteal.functional.joint.joint_scene import Scene
from mmsteal.functional.joint.joint_weights import CIRCUMSTANCES
from mmsteal.functional.joint.mean_field import mean_field
from mmsteal.functional.joint.object_guard import Belief, Traits
from mmsteal.functional.joint.outline_offsets import OutlineOffsets, outline_offsets
from mmsteal.functional.joint.pixel_pairs import pixel_pairs

# What a way costs without any edge, in mean strengths of the interior; and at most.
_STILL = 0.25
_RISE = np.float32(0.5)
_MOST_COST = 1000.0
# Edges of up to this strength need all of the smoothness.
_SMOOTHED_TO = 6.0
# Labels of an error change at least so much, in errors; less says little of a direction.
_LEAST_CHANGE = 0.3
# How much the offset by edges adds to that by all evidence.
_EDGES_SHARE = 0.35
# Candidates that cost so much more than the best, in nats, are out.
_MOST_NATS = 9.0
# Labels of fewer decided pixels show their colors by all of their pixels.
_FEW_PIXELS = 20
# An image alone is believed by half with an outline of so many steps.
_SURE_STEPS = 300.0
# The set of an image says as much of its offset as an outline of so many steps.
_SET_STEPS = 3000.0
# But an image may be drawn otherwise than its set: no more sure than with so many steps.
_SET_CHANCE_STEPS = 1000.0


@dataclass(frozen=True)
class JointOptions:
    """Options of the joint labelling; the defaults are for any photographs.

    Args:
        smoothness: Weight of a pair of neighbors that do not differ.
        num_rounds: Rounds of labelling; between them the colors are measured again.
        num_iters: Updates of the mean field in a round.
        num_candidates: Labels that a pixel may choose from.
        set_offset: Mean of :attr:`JointLabelling.offset` over images whose labels were drawn in one
            way: how far an outline was drawn too small says the set better than one image. None:
            the image speaks for itself.
        gradient_share: How much of the strength of edges that are given, from 0 to 1, follows the
            color gradient. A network knows which edges are outlines, and the gradient where they
            are to the pixel: 0.7 is good for maps that are some pixels wide. None of it for edges
            that are exact, or are the gradient.
    """

    smoothness: float = 2.0
    num_rounds: int = 2
    num_iters: int = 8
    num_candidates: int = 3
    set_offset: float | None = None
    gradient_share: float = 0.0

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
        if not 0 <= self.gradient_share <= 1:
            raise ValueError(
                'Expected option `gradient_share` to be from 0 to 1, '
                f'but got {self.gradient_share!r}.'
            )
        if self.set_offset is not None and not math.isfinite(self.set_offset):
            raise ValueError(
                'Expected option `set_offset` to be finite, in errors, or None for images that '
                f'speak for themselves, but got {self.set_offset!r}.'
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
    lattice = ColorLattice.of(image)
    edge = edge_surprise(edge_map, scene.decided >= 0)
    costs = lattice.costs(_shown(scene, scene.decided), scene.num_objects + 1)
    offsets = outline_offsets(
        scene.labels,
        scene.beside,
        scene.depth,
        edge,
        lattice.index,
        costs,
        scene.error_px,
    )
    steps = float(offsets.steps[: scene.num_objects].sum())
    measured = offsets.pooled(offsets.by_edges * offsets.trust, scene.num_objects)
    if scene.background:
        evidence = _look(scene, edge, offsets, 0.0, options)
        set_colors(evidence, lattice.index[scene.open], costs)
        measured = _EDGES_SHARE * measured + _lean(scene, evidence, steps, weights) / 2
    offset = measured * steps / (steps + _SURE_STEPS)
    if options.set_offset is not None:
        offset = (measured * steps + options.set_offset * _SET_STEPS) / (steps + _SET_STEPS)
        steps += _SET_CHANCE_STEPS
    scene = scene.narrowed(offset, steps)
    decided = scene.decided
    costs = lattice.costs(_shown(scene, decided), scene.num_objects + 1)
    shed = flooded(decided, edge, scene.open)
    evidence = _look(scene, edge, offsets, offset, options, shed)
    traits = Traits(offsets.by_edges[: scene.num_objects], _thickness(scene))
    # Pixels that no label reaches stay as they are.
    reached = evidence.candidates[:, 0] >= 0
    rows = np.flatnonzero(scene.open)
    smoothness = options.smoothness * _smoothing(evidence.circumstances)
    neighbors, pair_weights = pixel_pairs(image, scene.labels, scene.open, smoothness)
    candidates = evidence.candidates.copy()
    candidates[~reached, 0] = scene.labels.ravel()[rows[~reached]]
    labels = scene.labels.copy()
    for left in range(options.num_rounds - 1, -1, -1):
        set_colors(evidence, lattice.index.ravel()[rows], costs)
        unary = evidence.costs() if weights is None else evidence.costs(weights)
        unary[~reached, 0] = 0
        unary -= unary.min(axis=1, keepdims=True)
        order = np.argsort(unary, axis=1, kind='stable')
        unary = np.take_along_axis(unary, order, axis=1)
        out = unary > _MOST_NATS
        now = np.where(out, -1, np.take_along_axis(candidates, order, axis=1)).astype(np.int32)
        unary[out] = _MOST_NATS
        prob = mean_field(unary, now, neighbors, pair_weights, num_iters=options.num_iters)
        best = prob.argmax(axis=1)[:, None]
        labels.ravel()[rows] = np.take_along_axis(now, best, axis=1)[:, 0]
        if left:
            shown = np.where(decided < 0, labels, _shown(scene, decided))
            costs = lattice.costs(shown, scene.num_objects + 1)
    alone = np.where(now >= 0, np.exp(-unary), 0)
    alone /= alone.sum(axis=1, keepdims=True)
    alone_and_together = Belief(rows, now, alone), Belief(rows, now, prob)
    return Solution(scene, evidence, measured, traits, *alone_and_together, labels)


def _smoothing(circumstances: NDArray[np.float32]) -> float:
    """How much of the smoothness is needed: sure edges are obeyed, however thin an object is."""
    strength = math.exp(float(circumstances[CIRCUMSTANCES.index('edges')]) + 1)
    return min(_SMOOTHED_TO / strength, 1.0)


def _look(
    scene: Scene,
    edge: NDArray[np.float32],
    offsets: OutlineOffsets,
    offset: float,
    options: JointOptions,
    shed: NDArray[np.int32] | None = None,
) -> Evidence:
    """What speaks against each label, but the colors."""
    grown = nearest_labels(
        scene.decided,
        np.minimum(_STILL + _RISE * edge**2, np.float32(_MOST_COST)),
        num=options.num_candidates,
        passable=scene.open,
    )
    if shed is not None:
        grown = grown.including(shed)
    evidence = gather_evidence(scene, grown, offsets, offset, edge)
    if shed is not None:
        set_watershed(evidence, shed[scene.open])
    return evidence


def _lean(
    scene: Scene, evidence: Evidence, steps: float, weights: NDArray[np.float32] | None
) -> float:
    """By how much more pixels go over to objects than leave them, as a share of both."""
    unary = evidence.costs() if weights is None else evidence.costs(weights)
    valid = evidence.candidates[:, 0] >= 0
    candidates, unary = evidence.candidates[valid], unary[valid]
    prob = np.exp(unary.min(axis=1, keepdims=True) - unary)
    mine = np.where((candidates >= 0) & (candidates < scene.num_objects), prob, 0).sum(axis=1)
    change = mine / prob.sum(axis=1) - (scene.labels[scene.open][valid] < scene.num_objects)
    least = max(_LEAST_CHANGE * steps * scene.error_px, 1.0)
    return float(change.sum() / max(np.abs(change).sum(), least))


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
    """The pixels that show the colors of each label: decided ones, or all if they are few."""
    count = np.bincount(decided.ravel() + 1, minlength=scene.num_objects + 2)
    few = count < _FEW_PIXELS
    few[0] = False
    return np.where(few[scene.labels + 1], scene.labels, decided)
