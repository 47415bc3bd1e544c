"""Masks on their way to the edges: the best step of each object, and every step to look at.

Shape shorthand: M objects; K edge maps; H, W height and width; h, w of the edge maps.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mmsteal.annotator.edge_maps import EdgeMaps
from mmsteal.annotator.messages import AnnotatorError
from mmsteal.functional import (
    STOP_EVIDENCES,
    AlignOptions,
    ObjectRefinement,
    evolve_level_set,
    mask_edges,
    refine_objects,
    speed_function,
)
from mmsteal.functional.alignment.alignment_states import reach_of
from mmsteal.functional.labels.bounding_box import Box, bounding_box
from mmsteal.functional.labels.label_merge import Claim, settle_claims
from mmsteal.functional.labels.object_map import enlarge
from mmsteal.functional.labels.resize import resample
from mmsteal.functional.level_sets.speed import evidence_terms

MAX_ERROR_PX = 64

Progress = Callable[[float, str], None]
_Refined = tuple[NDArray[np.int32], list[ObjectRefinement]]


@dataclass(frozen=True)
class Settings:
    """What a person may turn.

    Attributes:
        error_px (float): How far outlines may be off, in pixels of the image.
        balloon (float | None): c: 1 for shapes drawn too small, -1 for too big, 0 for neither; None
            tries to grow and to shrink each object, and takes the more likely outline.
        stop_evidence (float | None): p*: edge evidence at which the balloon stops; None tries
            several.
        smoothing (int): Curvature operators a step.
        min_gain (float): How much more likely an outline must be to move, in nats a pixel.
    """

    error_px: float = 8.0
    balloon: float | None = None
    stop_evidence: float | None = None
    smoothing: int = AlignOptions.smoothing
    min_gain: float = AlignOptions.min_gain

    def __post_init__(self) -> None:
        for name, value, low, high in (
            ('error', self.error_px, 1, MAX_ERROR_PX),
            ('balloon', self.balloon or 0, -1, 1),
            ('stop', self.stop_evidence or 0, 0, 5),
            ('curvature', self.smoothing, 0, 8),
            ('gain', self.min_gain, 0, 5),
        ):
            if not (isinstance(value, int | float) and low <= value <= high):
                raise AnnotatorError(
                    f'The setting "{name}" must be from {low} to {high}, but is {value}.'
                )

    @property
    def directions(self) -> tuple[float, ...]:
        """The balloon forces to try. Shrinking first: it frees ground for those that grow."""
        return (-1.0, 1.0) if self.balloon is None else (float(self.balloon),)

    def options(self, scale: float) -> AlignOptions:
        """How masks evolve at a scale of the image, but for the direction of the balloon."""
        options = AlignOptions(
            stop_evidence=STOP_EVIDENCES if self.stop_evidence is None else self.stop_evidence,
            smoothing=self.smoothing,
            min_gain=self.min_gain,
        )
        return options.for_error(self.error_px, scale)


@dataclass(frozen=True, eq=False)
class Evolution:
    """Where masks have moved.

    Attributes:
        given (np.ndarray): (H, W) int32, the objects before.
        best (np.ndarray): (H, W) int32, the objects after, jointly labelled or each at its best
            step.
        reports (list[ObjectRefinement]): What happened to each object (M,).
        steps (list[int]): Iterations that can be looked at, from 0.
        edges (EdgeMaps): What they moved to.
    """

    given: NDArray[np.int32]
    best: NDArray[np.int32]
    reports: list[ObjectRefinement]
    steps: list[int]
    edges: EdgeMaps = field(repr=False)
    _options: AlignOptions = field(repr=False)
    _ignore: NDArray[np.bool_] = field(repr=False)
    _classes: tuple[int, ...] = field(repr=False)
    _paths: dict[int, tuple[Box, list[NDArray[np.uint8]]]] = field(repr=False)

    def nearest(self, step: int) -> int:
        """The step that can be looked at and is nearest to a number."""
        return min(self.steps, key=lambda known: abs(known - step))

    def at(self, step: int | None) -> NDArray[np.int32]:
        """Object map (H, W) int32 with every object at a step; None for the best of each."""
        if step is None:
            return self.best
        index = self.steps.index(step)
        if index == 0:
            return self.given
        size = (int(self.edges.maps.shape[1]), int(self.edges.maps.shape[2]))
        small = resample(self.given, size)
        barred = resample(self._ignore, size)
        claims = []
        for m, (box, states) in sorted(self._paths.items()):
            shape = small[box].shape
            mask = np.unpackbits(states[index], count=shape[0] * shape[1]).reshape(shape) != 0
            mask &= ~(barred[box] & (small[box] != m))
            claims.append(Claim(m, box, mask))
        moved = settle_claims(small, claims, self.edges.maps, self._classes)
        moved[barred] = small[barred]
        full = enlarge(moved, small, self.given, np.zeros(len(self._classes) + 1, bool))
        full[self._ignore] = self.given[self._ignore]
        return full

    def mean_edge(self, step: int | None) -> float:
        """Geometric mean of the edge probability along the outlines; NaN where there is none."""
        size = (int(self.edges.maps.shape[1]), int(self.edges.maps.shape[2]))
        small = resample(self.at(step), size)
        total, count = 0.0, 0
        for m, k in enumerate(self._classes):
            inside = small == m
            curve = mask_edges(inside, radius=1) != 0
            values = self.edges.maps[k][curve]
            total += float(np.log(np.maximum(values, self._options.prob_floor)).sum())
            count += values.size
        return math.exp(total / count) if count else math.nan


def evolve(
    object_map: NDArray[np.int32],
    object_classes: Sequence[str],
    edges: EdgeMaps,
    settings: Settings,
    *,
    image: NDArray[np.uint8] | None = None,
    ignore: NDArray[np.bool_] | None = None,
    progress: Progress | None = None,
) -> Evolution:
    """Move masks to their edges (section 3.6 of the paper) and keep the way there.

    With an image the best outlines are those of the joint labelling; the way is that of the level
    sets as ever.

    Args:
        object_map (np.ndarray): (H, W) int32, -1 for no object.
        object_classes (Sequence[str]): Name of the class of each object (M,).
        edges (EdgeMaps): Edges of the image.
        settings (Settings): What the person has set.
        image (np.ndarray | None): (H, W, 3) uint8 RGB, for the joint labelling.
        ignore (np.ndarray | None): (H, W) bool, pixels to leave alone.
        progress (Callable | None): Called with a share from 0 to 1 and what is going on.

    Returns:
        Evolution: The refined objects, and their states on the way.

    Raises:
        AnnotatorError: If there is no mask.
    """
    if not len(object_classes):
        raise AnnotatorError('There is no mask to refine: draw one, press "Add", or load a PNG.')
    tell = progress or (lambda share, text: None)
    barred = np.zeros(object_map.shape, bool) if ignore is None else ignore
    classes = tuple(edges.index_of(name) for name in object_classes)
    size = (int(edges.maps.shape[1]), int(edges.maps.shape[2]))
    options = settings.options(math.sqrt(size[0] * size[1] / object_map.size))
    count = f'{len(classes)} object{"s" if len(classes) > 1 else ""}'

    def refine(masks: NDArray[np.int32], movers: Sequence[bool], balloon: float) -> _Refined:
        words = {1.0: 'growing', -1.0: 'shrinking'}.get(balloon, 'moving')
        tell(0.3 if balloon > 0 else 0.1, f'{words} {count}, looking for the best outlines')
        return refine_objects(
            masks,
            edges.maps,
            replace(options, balloon=balloon),
            classes=[k if moves else -1 for k, moves in zip(classes, movers, strict=True)],
            frozen=barred,
        )

    best, reports, directions = _refine_each_way(refine, object_map, len(classes), settings)
    small = resample(object_map, size)
    prob = torch.from_numpy(edges.maps)
    own, shared = evidence_terms(
        prob, peak_floor=options.peak_floor, other_weight=options.other_weight
    )
    paths: dict[int, tuple[Box, list[NDArray[np.uint8]]]] = {}
    for m, k in enumerate(classes):
        tell(0.5 + 0.5 * m / len(classes), f'keeping the steps of {count}')
        mask = small == m
        if mask.any():
            way = replace(options, balloon=directions[m])
            box = bounding_box(mask, reach_of(way.total_iters, way.balloon))
            speed = speed_function(
                torch.addcmul(shared[box], prob[k][box], own[k]), alpha=options.alpha
            )
            alignment = reports[m].alignment
            if alignment is not None and not math.isnan(alignment.stop_evidence):
                way = replace(way, stop_evidence=alignment.stop_evidence)
            states = _way(mask[box], speed, prob[k][box], way)
            paths[m] = box, [np.packbits(state) for state in states]
    if image is not None:
        tell(1.0, f'labelling {count} at once')
        best, reports = refine_objects(
            object_map,
            edges.maps,
            image=image,
            engine='joint',
            classes=classes,
            background=True,
            frozen=barred,
            error_px=settings.error_px,
        )
    return Evolution(
        object_map, best, reports, options.steps, edges, options, barred, classes, paths
    )


def _refine_each_way(
    refine: Callable[[NDArray[np.int32], Sequence[bool], float], _Refined],
    object_map: NDArray[np.int32],
    num_objects: int,
    settings: Settings,
) -> tuple[NDArray[np.int32], list[ObjectRefinement], list[float]]:
    """Refined objects, what happened to each, and the direction of each."""
    everyone = [True] * num_objects
    trials = {c: refine(object_map, everyone, c) for c in settings.directions}
    losses = [[_loss(report) for report in reports] for _, reports in trials.values()]
    order = list(trials)
    chosen = [order[i] for i in np.argmin(losses, axis=0)]
    if len(set(chosen)) == 1:
        return *trials[chosen[0]], chosen
    best, reports = object_map, trials[order[0]][1]
    for c in order:
        movers = [direction == c for direction in chosen]
        best, found = refine(best, movers, c)
        reports = [
            new if moves else old for new, old, moves in zip(found, reports, movers, strict=True)
        ]
    return best, reports, chosen


def _loss(report: ObjectRefinement) -> float:
    """Of the outline that the object would have."""
    return math.inf if math.isnan(report.loss) else report.loss


def _way(
    mask: NDArray[np.bool_],
    speed: Tensor,
    prob: Tensor,
    options: AlignOptions,
) -> list[NDArray[np.bool_]]:
    """States of a mask at the steps, with the stopping evidence of the most likely end."""
    ways, steps = [], options.steps
    for evolution in options.evolutions():
        states = evolve_level_set(
            mask[None],
            speed.numpy()[None],
            options.total_iters,
            checkpoints=steps,
            **asdict(evolution),
        )
        state = states[steps[-1]][0]
        curve = mask_edges(state, radius=1) != 0
        values = prob.numpy()[curve]
        loss = -np.log(np.maximum(values, options.prob_floor)).mean() if values.size else math.inf
        ways.append((loss, [states[s][0] for s in steps]))
    return min(ways, key=lambda way: way[0])[1]
