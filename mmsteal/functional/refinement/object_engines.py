"""What each engine makes of a map of objects, told in one way.

Shape shorthand: M objects; K edge maps; h, w height and width at which the engine works.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from mmsteal.functional.alignment.align_options import AlignOptions
from mmsteal.functional.edge_maps.gradient_edges import gradient_edges
from mmsteal.functional.refinement.geodesic_labelling import GeodesicOptions, geodesic_labelling
from mmsteal.functional.refinement.object_evolution import evolve_objects
from mmsteal.functional.refinement.object_refinement import Outcome
from mmsteal.functional.refinement.refine_engines import EngineOptions

if TYPE_CHECKING:
    from mmsteal.functional.joint.joint_labelling import JointOptions


class EngineResult(NamedTuple):
    """What an engine found, at the size that it works at.

    Attributes:
        refined: The map after it (h, w).
        outcomes: What happened to each object that took part, by index.
        error_px: The error that was taken, in pixels of the labels; None for level sets that were
            not told.
        offset: How far outlines were drawn too small on average, in errors; None but for the joint
            labelling.
    """

    refined: NDArray[np.int32]
    outcomes: dict[int, Outcome]
    error_px: float | None
    offset: float | None = None


@dataclass(frozen=True)
class EngineInput:
    """What an engine gets, at the size that it works at.

    Attributes:
        given: Index of the object of each pixel (h, w), int32, -1 for none.
        image: The photograph (h, w, 3) or (h, w), uint8; None for edges alone.
        prob: Edge probabilities (K, h', w'); None for the gradient of the image.
        classes: Edge map of each object (M,); -1 for one that stays as it is.
        barred: Pixels (h, w), bool, that are left alone and say nothing.
        scale: This size as a fraction of the size of the labels.
        background: Whether pixels of no object are background.
        error_px: How far outlines may be off, in pixels of the labels; None for unknown.
    """

    given: NDArray[np.int32]
    image: NDArray[np.uint8] | None
    prob: Tensor | None
    classes: Sequence[int]
    barred: NDArray[np.bool_]
    scale: float
    background: bool = False
    error_px: float | None = None

    @property
    def fixed(self) -> NDArray[np.bool_]:
        """Objects (M,) that stay as they are."""
        return np.array([k < 0 for k in self.classes], bool)

    @property
    def count(self) -> NDArray[np.intp]:
        """Pixels of each object (M,)."""
        return np.bincount(self.given.ravel() + 1, minlength=len(self.classes) + 1)[1:]

    @property
    def scaled_error_px(self) -> float | None:
        """The error, in pixels of this size."""
        return None if self.error_px is None else self.error_px * self.scale

    def edge_map(self) -> NDArray[np.float32]:
        """The strongest of the edges, or the gradient, at this size."""
        if self.prob is None:
            assert self.image is not None  # checked
            return gradient_edges(self.image)
        edge = self.prob.float().amax(dim=0).cpu().numpy()
        if edge.shape == self.given.shape:
            return edge
        height, width = self.given.shape
        resized = cv2.resize(edge, (width, height), interpolation=cv2.INTER_AREA)
        return resized.astype(np.float32, copy=False)

    def estimated_error_px(self) -> float:
        """How far outlines may be off as the image says, in pixels of the labels."""
        from mmsteal.functional.joint.error_estimate import estimate_error_px
        from mmsteal.functional.joint.joint_labelling import JointOptions

        assert self.image is not None  # checked
        found = estimate_error_px(
            self.given,
            self.image,
            self.edge_map(),
            self.barred,
            self.fixed,
            background=self.background,
            options=JointOptions(),
        )
        return found / self.scale


def run_engine(work: EngineInput, options: EngineOptions) -> EngineResult:
    """Refine objects with the engine that the options are of.

    Returns:
        The map after it, and what is known of it.

    Raises:
        ValueError: If the engine misses something, or an option does not go with the error.
    """
    if isinstance(options, AlignOptions):
        return _evolve(work, options)
    if isinstance(options, GeodesicOptions):
        return _grow(work, options)
    return _label(work, options)


def _evolve(work: EngineInput, options: AlignOptions) -> EngineResult:
    if work.error_px is not None:
        options = options.for_error(work.error_px, work.scale)
    assert work.prob is not None  # the gradient where none was given
    refined, found = evolve_objects(work.given, work.prob, work.classes, work.barred, options)
    outcomes = {m: Outcome.of_alignment(alignment) for m, alignment in found.items()}
    return EngineResult(refined, outcomes, work.error_px)


def _label(work: EngineInput, options: JointOptions) -> EngineResult:
    from mmsteal.functional.joint.joint_labelling import joint_labelling

    assert work.image is not None  # checked
    found = joint_labelling(
        work.given,
        work.image,
        None if work.prob is None else work.prob.float().cpu().numpy(),
        num_objects=len(work.classes),
        background=work.background,
        frozen=work.barred,
        fixed=work.fixed,
        error_px=work.scaled_error_px,
        options=options,
    )
    count = work.count
    outcomes = {m: Outcome.of_joint(entry) for m, entry in enumerate(found.objects) if count[m]}
    error_px = found.error_px / work.scale
    return EngineResult(found.object_map, outcomes, error_px, found.offset)


def _grow(work: EngineInput, options: GeodesicOptions) -> EngineResult:
    error_px = work.error_px
    if error_px is None:
        if work.image is None:
            raise ValueError(
                "Expected argument `error_px` for the engine 'geodesic' without an image, but got "
                'None; pass `error_px`, or `image` to estimate it from.'
            )
        error_px = work.estimated_error_px()
    refined = geodesic_labelling(
        work.given,
        work.edge_map(),
        error_px * work.scale,
        options,
        background=work.background,
        frozen=work.barred,
        fixed=work.fixed,
    )
    changed = np.zeros(len(work.classes) + 1, bool)
    different = refined != work.given
    changed[work.given[different]] = changed[refined[different]] = True
    outcomes = {
        m: Outcome('moved', '') if changed[m] else Outcome('kept', 'agrees')
        for m in np.flatnonzero(work.count).tolist()
    }
    return EngineResult(refined, outcomes, error_px)
