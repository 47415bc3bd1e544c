"""What speaks against each label that an undecided pixel may take, and how much each voice counts.

Shape shorthand: H, W height and width; N undecided pixels; K labels that each may take; M objects,
label M being none of them; F voices; C circumstances.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from mmsteal.functional.joint.geodesic import NearestLabels
from mmsteal.functional.joint.joint_scene import Scene
from mmsteal.functional.joint.joint_weights import CIRCUMSTANCES, POSITIVE, VOICES, WEIGHTS
from mmsteal.functional.joint.outline_offsets import OutlineOffsets

# A pixel that is cut off from a label is this far in the units of the way to the two nearest.
_FAR_RATIO = 3.0
# Colors speak up to here, in nats: an outlier is as good as another.
MOST_COLOR = 6.0
_FAR_GAP = 4.0
# Of how many times its thickness a part may lie away before it is as good as infinitely far.
_FAR_REACH = 4.0


@dataclass(frozen=True)
class Evidence:
    """What speaks against each candidate.

    Attributes:
        candidates: Labels (N, K), int32, -1 where there are fewer.
        voices: (N, K, F), float32, in the order of `VOICES`.
        circumstances: (C,), float32, in the order of `CIRCUMSTANCES`.
    """

    candidates: NDArray[np.int32]
    voices: NDArray[np.float32]
    circumstances: NDArray[np.float32]

    def costs(self, weights: NDArray[np.float32] = WEIGHTS) -> NDArray[np.float32]:
        r"""Cost of each candidate (N, K), float32, in nats; infinite where there is none.

        .. math::
            u_p(k) = \sum_f w_f\, v_{pkf}, \qquad w_f = \exp(a_f \cdot z) \;\text{or}\; a_f \cdot z

        Weights follow the circumstances :math:`z` of the image; those of voices that can only
        speak against a label are exponential.

        Args:
            weights: The :math:`a`, (C, F); calibrated ones by default.

        Raises:
            ValueError: `weights` has another shape.
        """
        if weights.shape != (len(CIRCUMSTANCES), len(VOICES)):
            raise ValueError(
                f'Expected argument `weights` to have shape {(len(CIRCUMSTANCES), len(VOICES))}, '
                f'but got {weights.shape}.'
            )
        scores = self.circumstances @ weights
        positive = [name in POSITIVE for name in VOICES]
        weight = np.where(positive, np.exp(np.clip(scores, -8, 4)), scores)
        return np.where(self.candidates >= 0, self.voices @ weight.astype(np.float32), np.inf)


def gather_evidence(
    scene: Scene,
    grown: NearestLabels,
    offsets: OutlineOffsets,
    offset: float,
    edge: NDArray[np.float32],
) -> Evidence:
    """Collect what is known of every undecided pixel and each label that comes near it.

    Args:
        scene: The given labels.
        grown: Nearest labels by ways that avoid edges, from decided pixels.
        offsets: Which way the outlines err.
        offset: Which way all of them err before a background, in errors.
        edge: Edge strength (H, W), in mean strengths of the interior.

    Returns:
        The evidence; what colors say is 0 until :func:`set_colors`.
    """
    num = scene.num_objects
    rows = np.flatnonzero(scene.open)
    shape = (-1, grown.labels.shape[2])
    candidates = np.ascontiguousarray(grown.labels.reshape(shape)[rows])
    trusted = np.stack([offsets.by_edges, offsets.by_colors]) * offsets.trust
    near = (-1, scene.near.labels.shape[2])
    voices = _collect(
        candidates,
        grown.distances.reshape(shape)[rows],
        scene.near.labels.reshape(near)[rows],
        scene.near.distances.reshape(near)[rows],
        scene.labels.ravel()[rows],
        scene.depth.ravel()[rows],
        scene.part_labels,
        scene.part_thickness,
        trusted.astype(np.float32),
        np.float32(offset if scene.background else 0),
        np.float32(scene.error_px),
        np.float32(scene.reach_px),
        num,
        scene.background,
        len(VOICES),
    )
    return Evidence(candidates, voices, _circumstances(scene, edge))


def _circumstances(scene: Scene, edge: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the weights depend on."""
    undecided = np.sort(edge[scene.open])
    strong = undecided[-max(1, len(undecided) // 10) :]
    strength = float(np.clip(strong.mean(), 0.2, 100.0)) if len(strong) else 1.0
    whole = dict(
        always=1.0,
        error=math.log(scene.error_px / 8),
        edges=math.log(strength) - 1,
        background=float(scene.background),
    )
    return np.array([whole[name] for name in CIRCUMSTANCES], np.float32)


def set_watershed(evidence: Evidence, found: NDArray[np.int32]) -> None:
    """Write which label (N,) a watershed gives to each pixel into the evidence; -1 for none."""
    known = (found >= 0) & (evidence.candidates == found[:, None]).any(axis=1)
    evidence.voices[..., _SHED] = known[:, None] & (evidence.candidates != found[:, None])


def set_colors(
    evidence: Evidence, color: NDArray[np.int32], color_costs: NDArray[np.float32]
) -> None:
    """Write what colors (N,) say under given costs (M + 1, B) into the evidence."""
    _write_colors(evidence.voices, evidence.candidates, color, color_costs, _COLOR)


_SHED, _COLOR = VOICES.index('shed'), VOICES.index('color')


@njit(cache=True, nogil=True)
def _collect(
    candidates,
    ways,
    near_parts,
    near_distances,
    own,
    depth,
    part_labels,
    part_thickness,
    trusted,
    pooled,
    error_px,
    reach,
    num_objects,
    background,
    num_voices,
):
    """Voices (N, K, F) but the colors."""
    num, most = candidates.shape
    voices = np.zeros((num, most, num_voices), np.float32)
    signed = np.empty(most, np.float32)
    thick = np.empty(most, np.float32)
    for p in range(num):
        unlabelled = own[p] == num_objects and not background
        first = ways[p, 0]
        unit = first + 1
        if candidates[p, 1] >= 0 and ways[p, 1] < np.inf:
            unit = (first + ways[p, 1]) / 2
        unit = max(unit, np.float32(1 / 64))
        low, next_low = np.float32(9), np.float32(9)
        for i in range(most):
            label = candidates[p, i]
            if label < 0:
                continue
            if label == own[p]:
                away = -min(depth[p], reach)
                thick[i] = part_thickness[near_parts[p, 0]]
            else:
                away = reach
                thick[i] = np.float32(np.inf)
                for j in range(near_parts.shape[1] - 1, 0, -1):
                    part = near_parts[p, j]
                    if part >= 0 and part_labels[part] == label:
                        away = min(near_distances[p, j], reach) - np.float32(0.5)
                        thick[i] = part_thickness[part]
            signed[i] = away / error_px
            if background or label != num_objects:
                if signed[i] < low:
                    low, next_low = signed[i], low
                elif signed[i] < next_low:
                    next_low = signed[i]
        for i in range(most):
            label = candidates[p, i]
            if label < 0:
                continue
            v = voices[p, i]
            none = label == num_objects
            v[0] = 0 if unlabelled else signed[i]
            v[1] = signed[i] if unlabelled else 0
            if unlabelled and not none:
                both = max(low + next_low, np.float32(0.1))
                v[2] = min(2 * signed[i] / both, np.float32(_FAR_GAP))
            v[3] = none and not background
            if not none:
                v[4], v[5] = -trusted[0, label], -trusted[1, label]
                v[6] = -pooled
            if label == own[p]:
                v[7] = -min(max(depth[p] / max(thick[i], np.float32(0.5)), 0), 1)
                v[8] = -min(max(1 - thick[i] / error_px, 0), 1)
            elif not none:
                v[9] = min(signed[i] * error_px / (thick[i] + 1), np.float32(_FAR_REACH))
            v[10] = min((ways[p, i] - first) / unit, np.float32(_FAR_RATIO))
    return voices


@njit(cache=True, nogil=True)
def _write_colors(voices, candidates, color, color_costs, place):
    num, most = candidates.shape
    for p in range(num):
        least = np.float32(np.inf)
        for i in range(most):
            if candidates[p, i] >= 0:
                least = min(least, color_costs[candidates[p, i], color[p]])
        for i in range(most):
            if candidates[p, i] >= 0:
                more = color_costs[candidates[p, i], color[p]] - least
                voices[p, i, place] = min(more, np.float32(MOST_COLOR))
