"""How far, and to which side, drawn outlines lie from the evidence of the image.

Shape shorthand: H, W height and width; M labels; B colors of a lattice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

# Offsets are measured in bins over -1.5 to 1.5 errors; within 1 error the outline may be, beyond
# it each side shows what it looks like.
_NUM_BINS = 24
_REACH = 1.5
_CENTRES = (np.arange(_NUM_BINS) + 0.5) / _NUM_BINS * 2 * _REACH - _REACH
_MIDDLE = np.abs(_CENTRES) < 1
# Single colors say no more than this about a side, in nats.
_MOST_NATS = 3.0
# An outline of so many steps is believed by half; shorter ones less.
_SURE_STEPS = 50.0
# Excess of edge strength that is nothing, in strengths of the interior.
_NO_EXCESS = 0.05


@dataclass(frozen=True)
class OutlineOffsets:
    """Offsets of the labels' outlines from the evidence, in errors; positive: drawn too small.

    Attributes:
        by_edges: Where edges are stronger than in the interior, on average (M,).
        by_colors: Where the colors change sides (M,), less where they do not differ.
        spread: Standard deviation of where edges are stronger (M,).
        steps: Pixels along each outline (M,).
    """

    by_edges: NDArray[np.float32]
    by_colors: NDArray[np.float32]
    spread: NDArray[np.float32]
    steps: NDArray[np.float32]

    @property
    def trust(self) -> NDArray[np.float32]:
        """How far the offsets of each label are believed (M,), from 0 to 1."""
        return self.steps / (self.steps + np.float32(_SURE_STEPS))

    def pooled(self, offsets: NDArray[np.float32], num: int) -> float:
        """Mean of `offsets` over the first `num` labels, by the lengths of their outlines."""
        total = float(self.steps[:num].sum())
        return float((offsets[:num] * self.steps[:num]).sum()) / total if total else 0.0


def outline_offsets(
    labels: NDArray[np.int32],
    beside: NDArray[np.int32],
    distance: NDArray[np.float32],
    edge: NDArray[np.float32],
    color: NDArray[np.int32],
    color_costs: NDArray[np.float32],
    error_px: float,
) -> OutlineOffsets:
    r"""Measure the offsets along the signed distance :math:`s` to each outline.

    Edges: the mean of :math:`s` weighted with how much stronger edges are there than further away.
    Colors: with :math:`m(s)` the mean log ratio of the label's density and that of the label on
    the other side, and :math:`m_+`, :math:`m_-` its values well inside and outside,

    .. math::
        P(\text{inside} \mid s) = \frac{m(s) - m_-}{m_+ - m_-}, \qquad
        \text{offset} = \int P(\text{inside} \mid s) - [s < 0] \; ds

    which single pixels say poorly, and an outline says well.

    Args:
        labels: Label of each pixel (H, W), int32, 0 to M - 1; -1 for pixels that do not count.
        beside: Nearest other label (H, W), int32, -1 where none is near.
        distance: Distance to the outline between the two (H, W), in pixels.
        edge: Edge strength (H, W), in mean strengths of the interior.
        color: Color of each pixel (H, W); see :class:`ColorLattice`.
        color_costs: What each color costs under each label (M, B).
        error_px: Largest error of the outlines, in pixels.

    Returns:
        The offsets of each label.
    """
    count, nats, strength, steps = _profiles(
        labels, beside, distance, edge, color, color_costs, error_px
    )
    num = len(color_costs)
    by_edges, by_colors, spread = np.zeros((3, num), np.float32)
    found = OutlineOffsets(by_edges, by_colors, spread, steps)
    for m in np.flatnonzero(count.sum(axis=1) >= 10):
        seen = count[m] > 0
        excess = _excess(strength[m] / np.maximum(count[m], 1), seen)
        total = excess.sum() + _NO_EXCESS
        mean = float((excess * _CENTRES).sum() / total)
        found.by_edges[m] = mean
        found.spread[m] = np.sqrt((excess * (_CENTRES - mean) ** 2).sum() / total)
        found.by_colors[m] = _change_of_sides(nats[m] / np.maximum(count[m], 1), seen)
    return found


def _excess(profile: NDArray[np.float64], seen: NDArray[np.bool_]) -> NDArray[np.float64]:
    """How much stronger edges are near the outline than on a line through both far sides."""
    half = _REACH / 2
    inner, outer = (np.median(profile[side]) for side in (-half > _CENTRES, half < _CENTRES))
    base = np.interp(_CENTRES, [-_REACH, _REACH], [inner, outer])
    return np.where(seen & _MIDDLE, np.maximum(profile - base, 0), 0)


def _change_of_sides(profile: NDArray[np.float64], seen: NDArray[np.bool_]) -> float:
    """Where the mean log ratio changes from its inner to its outer value."""
    far = [profile[side & seen] for side in (_CENTRES < -1, _CENTRES > 1)]
    inner, outer = (v.mean() if len(v) else sure for v, sure in zip(far, (1.0, -1.0), strict=True))
    apart = inner - outer
    inside = np.clip((profile - outer) / max(apart, 0.3), -0.5, 1.5)
    given = _CENTRES < 0
    moved = np.where(seen, inside, given) - given
    width = 2 * _REACH / _NUM_BINS
    return float(moved[_MIDDLE].sum() * width * min(max(apart, 0.0), 1.0))


@njit(cache=True, nogil=True)
def _profiles(labels, beside, distance, edge, color, color_costs, error_px):
    """Pixels, log ratios and edge strengths of each label in bins of the signed distance."""
    num = len(color_costs)
    count = np.zeros((num, _NUM_BINS))
    nats = np.zeros((num, _NUM_BINS))
    strength = np.zeros((num, _NUM_BINS))
    steps = np.zeros(num, np.float32)
    height, width = labels.shape
    for y in range(height):
        for x in range(width):
            own, other = labels[y, x], beside[y, x]
            if own < 0 or other < 0:
                continue
            away = distance[y, x] / error_px
            if away >= _REACH:
                continue
            if distance[y, x] < 0.75:
                steps[own] += 1
            c = color[y, x]
            ratio = color_costs[other, c] - color_costs[own, c]
            ratio = min(max(ratio, -_MOST_NATS), _MOST_NATS)
            i = int((_REACH - away) / (2 * _REACH) * _NUM_BINS)
            i = min(i, _NUM_BINS // 2 - 1)
            j = _NUM_BINS - 1 - i
            count[own, i] += 1
            nats[own, i] += ratio
            strength[own, i] += edge[y, x]
            count[other, j] += 1
            nats[other, j] -= ratio
            strength[other, j] += edge[y, x]
    return count, nats, strength, steps
