"""What is aligned with what: arrays of any kind, checked and brought to one.

Shape shorthand: M masks; N images; K classes; H, W height and width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmsteal.functional.level_sets.speed import check_edge_prob


@dataclass(frozen=True)
class AlignmentInput:
    """Masks and their edge maps, on one device.

    Attributes:
        masks: (M, H, W), bool.
        edge_prob: (N, K, H, W), float32 or more, in [0, 1].
        classes: Class of each mask (M,).
        images: Image of each mask (M,).
        ignored: (N, H, W), bool.
    """

    masks: Tensor
    edge_prob: Tensor
    classes: list[int]
    images: list[int]
    ignored: Tensor

    @property
    def present(self) -> list[int]:
        """The masks that have a pixel."""
        return [m for m, some in enumerate(self.masks.flatten(1).any(dim=1).tolist()) if some]


def check_alignment_input(
    masks: Any,
    edge_prob: Any,
    classes: Sequence[int] | None,
    images: Sequence[int] | None,
    ignore: Any,
) -> AlignmentInput:
    """Arguments of :func:`~mmsteal.functional.align_masks`, checked.

    Raises:
        TypeError: An array has another type, or `masks` and `edge_prob` are of different kinds.
        ValueError: Shapes or devices do not fit, an index is out of range, or `edge_prob` holds NaN
            or values outside [0, 1].
    """
    if isinstance(masks, np.ndarray) != isinstance(edge_prob, np.ndarray):
        raise TypeError(
            'Expected arguments `masks` and `edge_prob` to be both arrays or both tensors, '
            f'but got {type(masks)} and {type(edge_prob)}; convert one of them.'
        )
    if getattr(masks, 'dtype', None) not in (np.bool_, np.uint8, torch.bool, torch.uint8):
        raise TypeError(
            'Expected argument `masks` to be a bool or uint8 array or tensor, but got '
            f'{getattr(masks, "dtype", type(masks))}; compare it with a value first.'
        )
    prob = check_edge_prob(edge_prob)
    if prob.ndim == 3:
        prob = prob[None]
        images = [0] * len(masks) if images is None else images
    # `.bool()` of a bool tensor is free; `!= 0` is a pass over all masks.
    given = torch.from_numpy(masks != 0) if isinstance(masks, np.ndarray) else masks.bool()
    if given.ndim != 3 or given.shape[1:] != prob.shape[2:]:
        raise ValueError(
            'Expected argument `masks` to have shape (M, H, W) and the size of `edge_prob`, '
            f'{tuple(prob.shape[2:])}, but got shape {tuple(given.shape)}; resize one of them.'
        )
    if given.device != prob.device:
        raise ValueError(
            'Expected argument `edge_prob` to be on the device of `masks`, '
            f'{given.device}, but got {prob.device}; move it there.'
        )
    if classes is None:
        if len(given) != prob.shape[1] or len(prob) > 1:
            raise ValueError(
                'Expected argument `classes` to name the class of each mask, but got None for '
                f'{len(given)} masks, {len(prob)} images and {prob.shape[1]} classes.'
            )
        classes = range(len(given))
    if images is None:
        raise ValueError(
            'Expected argument `images` to name the image of each mask where `edge_prob` has '
            'four axes, but got None.'
        )
    shape = (len(prob), *prob.shape[2:])
    return AlignmentInput(
        given,
        prob,
        _check_indices('classes', classes, len(given), prob.shape[1]),
        _check_indices('images', images, len(given), len(prob)),
        _check_ignored(ignore, shape, prob.device),
    )


def _check_indices(name: str, given: Sequence[int], number: int, size: int) -> list[int]:
    values = [int(i) for i in given]
    if len(values) != number or any(not 0 <= i < size for i in values):
        raise ValueError(
            f'Expected argument `{name}` to be {number} indices from 0 to {size - 1}, '
            f'but got {values}.'
        )
    return values


def _check_ignored(ignore: Any, shape: tuple[int, ...], device: torch.device) -> Tensor:
    if ignore is None:
        ignore = torch.zeros(shape, dtype=torch.bool, device=device)
    ignored = torch.as_tensor(ignore, device=device)
    if ignored.dtype != torch.bool or ignored.shape not in (shape, shape[1:]):
        raise ValueError(
            f'Expected argument `ignore` to be bool of shape {shape} or {shape[1:]}, '
            f'but got {ignored.dtype} of shape {tuple(ignored.shape)}.'
        )
    return ignored.expand(shape)
