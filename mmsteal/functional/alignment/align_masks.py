"""Alignment of masks with predicted edges: evolve, choose the step, and keep what was not improved.

Shape shorthand: M masks; N images; K classes; H, W height and width.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mmsteal.functional.alignment.align_options import AlignOptions
from mmsteal.functional.alignment.alignment_input import check_alignment_input
from mmsteal.functional.alignment.alignment_states import evolve_on_cpu, evolve_on_device
from mmsteal.functional.alignment.step_choice import MaskAlignment, choose_step

Array = TypeVar('Array', NDArray[Any], Tensor)


def align_masks(
    masks: Array,
    edge_prob: Array,
    options: AlignOptions = AlignOptions(),
    *,
    classes: Sequence[int] | None = None,
    images: Sequence[int] | None = None,
    ignore: Array | None = None,
) -> tuple[Array, list[MaskAlignment]]:
    r"""Move masks to where their edges are likely, if that makes the outline more likely (Eq. 15).

    Each mask evolves by :func:`~mmsteal.functional.evolve_level_set` with the speed of
    its class, and the checkpoint t of the most likely outline is taken:

    .. math::
        t^* = \arg\min_t \ell(t), \qquad
        \ell(t) = \frac{1}{|\hat y^t|} \sum_{p \in \hat y^t} -\log \max(f(p),\, \epsilon)

    where the outline :math:`\hat y^t` is made of the pixels with a 4-neighbor on the other side.
    The mean in place of the sum keeps short outlines, and none at all, from winning where f < 1/2.

    The given mask is returned as it was where the gain :math:`\ell(0) - \ell(t^*)` is below
    `min_gain`, and where every step that gains so much moves the outline further than
    `max_displacement_px`: evidence is weak in many places, and there the label knows more. A
    component of a mask that vanished (thin objects do) is put back as it was.

    Args:
        masks: Masks of shape (M, H, W), bool or uint8; an array, or a tensor on any device.
        edge_prob: Edge probabilities f in [0, 1], of the kind of `masks`: (K, H, W), or
            (N, K, H, W) for masks of several images.
        options: How they evolve, and what forbids a step.
        classes: Class of each mask, as an index into K. By default mask m is of class m, and there
            are as many masks as classes. Instances are masks with the same class.
        images: Image of each mask, as an index into N; needed with four axes.
        ignore: Pixels (H, W) or (N, H, W), bool, that say nothing: they do not count in the
            likelihood, and keep the value that they had in the given mask.

    Returns:
        The aligned masks (M, H, W), bool, of the kind and on the device of `masks`, and a
        :class:`MaskAlignment` for each of them.

    Raises:
        TypeError: An array has another type, or `masks` and `edge_prob` are of different kinds.
        ValueError: Shapes do not fit, `edge_prob` holds NaN or values outside [0, 1], or a
            checkpoint is beyond the iterations.

    Example:
        >>> y, x = np.mgrid[:60, :60]
        >>> distance = np.hypot(y - 30, x - 30)
        >>> edge_prob = np.exp(-((distance - 20) ** 2) / 4)[None]
        >>> options = AlignOptions(num_iters=20)
        >>> aligned, report = align_masks(distance[None] < 14, edge_prob, options)
        >>> report[0].status, bool(abs(np.sqrt(aligned.sum() / np.pi) - 20) < 1)
        ('moved', True)
    """
    given = check_alignment_input(masks, edge_prob, classes, images, ignore)
    evolve = evolve_on_cpu if given.masks.device.type == 'cpu' else evolve_on_device
    aligned = given.masks.clone()
    reports = [MaskAlignment.unmoved('empty')] * len(given.masks)
    for states in evolve(given, options):
        m, box = states.index, states.box
        start = given.masks[m][box].cpu().numpy()
        proposal, reports[m] = choose_step(start, states, options)
        if proposal is not None:
            aligned[m][box] = torch.from_numpy(proposal).to(aligned.device)
    return (aligned.numpy() if isinstance(masks, np.ndarray) else aligned), reports
