"""Which refined objects are believed, and how good each one probably is.

Shape shorthand: H, W height and width; M objects, label M being none of them; N undecided pixels;
K labels that each may take.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mmsteal.functional.joint.joint_weights import GAIN_WEIGHTS, IOU_LOGIT, LEAST_GAIN
from mmsteal.functional.labels.bounding_box import bounding_box

# The share of a change that fills gaps, among what is known of an object.
_FILLED = 1
# A part of this share of an object that is cut off from the rest has broken off.
_BROKEN_SHARE = 0.1


@dataclass(frozen=True)
class JointObject:
    """What happened to one object; areas in pixels.

    Attributes:
        status: 'moved', 'kept' where nothing was to be changed, or 'rejected' where what was found
            is not believed and the object is as given.
        reason: Why it was not moved: 'fixed', 'empty', 'agrees' where the image agrees with the
            given outline, 'weak evidence', or 'broke up'. Else ''.
        offset_px: How far the outline was drawn too small, on average, as the image says; negative
            for too large.
        area_given: Pixels before.
        area_refined: Pixels after.
        iou_with_given: Intersection over union of both.
        expected_gain: Estimate of the difference of the IoU with the truth that the refinement
            makes, also where it was rejected.
        estimated_iou: Estimate of the final IoU with the truth.
    """

    status: str
    reason: str
    offset_px: float
    area_given: int
    area_refined: int
    iou_with_given: float
    expected_gain: float
    estimated_iou: float


@dataclass(frozen=True)
class Belief:
    """Probabilities of the labels of undecided pixels.

    Attributes:
        rows: Undecided pixels (N,) of the flat map.
        candidates: Labels (N, K), int32, -1 where there are fewer.
        prob: Their probabilities (N, K).
    """

    rows: NDArray[np.intp]
    candidates: NDArray[np.int32]
    prob: NDArray[np.float32]

    def expected_iou(self, labels: NDArray[np.int32], num: int) -> NDArray[np.float64]:
        r"""IoU of each label with the truth, if each pixel is what its probabilities say.

        .. math::
            \frac{\sum_{p : l_p = k} P_p(k)}
                 {|\{p : l_p = k\}| + \sum_{p : l_p \ne k} P_p(k)}

        Args:
            labels: A labelling (H, W), int32, -1 for pixels that do not count.
            num: Labels to judge, 0 to `num` - 1.

        Returns:
            Expected IoU (num,); 0 for a label without a pixel.
        """
        area = np.bincount(labels.ravel() + 1, minlength=num + 1)[1 : num + 1].astype(float)
        mine = labels.ravel()[self.rows]
        undecided = np.bincount(mine + 1, minlength=num + 1)[1 : num + 1]
        own = (self.candidates == mine[:, None]) & (self.candidates >= 0)
        hit = np.bincount(self.candidates[own], self.prob[own], minlength=num)[:num]
        valid = self.candidates >= 0
        whole = np.bincount(self.candidates[valid], self.prob[valid], minlength=num)[:num]
        both = area - undecided + hit
        either = area + whole - hit
        return np.where(area > 0, both / np.maximum(either, 1e-9), 0.0)

    def without(
        self, labels: NDArray[np.int32], given: NDArray[np.int32], rejected: NDArray[np.bool_]
    ) -> NDArray[np.int32]:
        """A labelling in which rejected objects are as given.

        What they had taken goes to the likeliest label that is not rejected, or back.

        Args:
            labels: Labels (H, W), int32.
            given: Labels (H, W) as they were given.
            rejected: Which labels (M + 1,) are rejected, none last.
        """
        settled = labels.copy()
        mine, before = labels.ravel()[self.rows], given.ravel()[self.rows]
        allowed = (self.candidates >= 0) & ~rejected[self.candidates]
        likely = np.where(allowed, self.prob, -1)
        best = likely.argmax(axis=1)[:, None]
        other = np.take_along_axis(self.candidates, best, axis=1)[:, 0]
        other = np.where(np.take_along_axis(likely, best, axis=1)[:, 0] < 0, before, other)
        after = np.where(rejected[mine], other, mine)
        after = np.where(rejected[before], before, after)
        settled.ravel()[self.rows] = after
        return settled


def broken_up(labels: NDArray[np.int32], given: NDArray[np.int32], index: int) -> bool:
    """Whether a component of an object, as given, lies in several parts that matter."""
    box = bounding_box(given == index)
    before = (given[box] == index).view(np.uint8)
    num_parts, parts = cv2.connectedComponents((labels[box] == index).view(np.uint8))
    num_whole, whole = cv2.connectedComponents(before)
    shared = np.zeros((num_whole, num_parts), np.int64)
    np.add.at(shared, (whole[before > 0], parts[before > 0]), 1)
    area = np.bincount(whole.ravel(), minlength=num_whole)
    matters = shared[:, 1:] >= _BROKEN_SHARE * area[:, None]
    large = area >= _BROKEN_SHARE * area[1:].sum()
    return bool((matters.sum(axis=1) > 1)[1:][large[1:]].any())


@dataclass(frozen=True)
class Traits:
    """What there is to know of each object (M,) before it is judged.

    Attributes:
        offset: How far its outline was drawn too small, in errors.
        thickness: Mean of the largest depths of its components, in errors.
    """

    offset: NDArray[np.float32]
    thickness: NDArray[np.float32]


def describe(
    labels: NDArray[np.int32],
    given: NDArray[np.int32],
    alone: Belief,
    together: Belief,
    traits: Traits,
    background: bool,
) -> NDArray[np.float64]:
    """What the judgement of each object is made of (M, 20), in the order of its weights.

    Args:
        labels: Refined labels (H, W), int32: M for none, -1 for pixels that do not count.
        given: Given labels (H, W).
        alone: Probabilities of pixels by themselves.
        together: Probabilities by the mean field.
        traits: What is known of the objects.
        background: Whether pixels of no object are background.
    """
    num = len(traits.offset)
    change = 1 - _iou(labels, given, num)
    before, after = (
        np.bincount(a.ravel() + 1, minlength=num + 1)[1 : num + 1] for a in (given, labels)
    )
    moved = (labels != given) & (labels >= 0)
    gained, lost = (np.bincount(a[moved & (a < num)], minlength=num)[:num] for a in (labels, given))
    new = labels[moved & (given == num) & (labels < num)]
    filled = np.bincount(new, minlength=num)[:num] * (not background)
    expected, promises = [], []
    for belief in (alone, together):
        expected.append(belief.expected_iou(labels, num))
        promise = expected[-1] - belief.expected_iou(given, num)
        promises.append(promise / np.maximum(change, 1e-3))
    main = [
        filled / np.maximum(gained + lost, 1),
        promises[1],
        change,
        np.log(np.clip((after + 1) / (before + 1), 0.2, 5)),
    ]
    products = [main[i] * main[j] for i in range(4) for j in range(i, 4)]
    return np.stack(
        [
            np.ones(num),
            *main,
            promises[0],
            *expected,
            np.log(np.clip(traits.thickness, 0.05, 4)),
            np.full(num, float(background)),
            *products,
        ],
        axis=1,
    )


def judge_objects(
    labels: NDArray[np.int32],
    given: NDArray[np.int32],
    alone: Belief,
    together: Belief,
    traits: Traits,
    error_px: float,
    background: bool,
    fixed: NDArray[np.bool_],
) -> tuple[NDArray[np.int32], list[JointObject]]:
    """Return objects that have probably not gained as they were given, and describe all.

    Args:
        labels: See :func:`describe`.
        given: See :func:`describe`.
        alone: See :func:`describe`.
        together: See :func:`describe`.
        traits: See :func:`describe`.
        error_px: Largest error of the outlines.
        background: See :func:`describe`.
        fixed: Objects (M,) whose pixels were decided.

    Returns:
        The labels after it (H, W), and a description of each object.
    """
    num = len(fixed)
    change = 1 - _iou(labels, given, num)
    known = describe(labels, given, alone, together, traits, background)
    share = known @ GAIN_WEIGHTS
    reasons = [''] * num
    rejected = np.zeros(num + 1, bool)
    for m in np.flatnonzero(change > 0).tolist():
        # What fills gaps can hardly do harm; what moves outlines has to promise something.
        if share[m] < LEAST_GAIN * (1 - known[m, _FILLED]):
            reasons[m] = 'weak evidence'
        elif broken_up(labels, given, m):
            reasons[m] = 'broke up'
        rejected[m] = bool(reasons[m])
    settled = alone.without(labels, given, rejected) if rejected.any() else labels
    estimated = estimate_iou(alone.expected_iou(settled, num))
    same = _iou(settled, given, num)
    before, after = (np.bincount(a.ravel() + 1, minlength=num + 2)[1:] for a in (given, settled))
    objects = []
    for m in range(num):
        status = 'rejected' if rejected[m] else 'moved' if same[m] < 1 else 'kept'
        if status == 'kept':
            reasons[m] = 'fixed' if fixed[m] else 'agrees' if before[m] else 'empty'
        objects.append(
            JointObject(
                status=status,
                reason=reasons[m],
                offset_px=float(traits.offset[m] * error_px),
                area_given=int(before[m]),
                area_refined=int(after[m]),
                iou_with_given=float(same[m]),
                expected_gain=float(share[m] * change[m]),
                estimated_iou=float(estimated[m]),
            )
        )
    return settled, objects


def estimate_iou(expected: NDArray[np.float64]) -> NDArray[np.float64]:
    """Estimate of the true IoU from what single pixels promise, which is too much.

    Args:
        expected: Expected IoU (M,); see :meth:`Belief.expected_iou`.

    Returns:
        IoU (M,), a rising function of the expected one; 0 where that is 0.
    """
    odds = np.clip(expected, 1e-3, 1 - 1e-3)
    scale, shift = IOU_LOGIT
    true = 1 / (1 + np.exp(-(scale * np.log(odds / (1 - odds)) + shift)))
    return np.where(expected > 0, true, 0.0)


def _iou(a: NDArray[np.int32], b: NDArray[np.int32], num: int) -> NDArray[np.float64]:
    """IoU of each label in two maps (num,); 1 where it is in neither."""
    one, two, both = (
        np.bincount(v.ravel() + 1, minlength=num + 1)[1 : num + 1] for v in (a, b, a[a == b])
    )
    either = one + two - both
    return np.where(either > 0, both / np.maximum(either, 1), 1.0)
