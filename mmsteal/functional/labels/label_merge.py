"""Who owns a pixel that several masks claim after an evolution.

Shape shorthand: M masks; K edge maps; H, W height and width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import skimage
from numpy.typing import NDArray

from mmsteal.functional.labels.bounding_box import Box, bounding_box

# What a pixel of way costs without any edge: it makes the nearer of two masks win a draw.
_STEP_COST = 0.01
_DIAGONAL_NEIGHBORS = tuple((y, x) for y in (0, 1, 2) for x in (0, 1, 2))


def settle_overlaps(
    masks: NDArray[Any], given: NDArray[Any], edge_prob: NDArray[Any] | None = None
) -> NDArray[np.int32]:
    r"""Give every pixel that masks claim to one of them.

    A pixel that one mask claims is its own. A pixel of several stays with the mask that it was
    given to, if that one still claims it. Otherwise it goes to the claimant m that reaches it with
    the least boundary on the way from its given mask, inside its new one:

    .. math::
        \min_m \min_{\gamma} \int_\gamma \bigl(f_m + \epsilon\bigr)\, ds

    A mask that has run over a boundary to get there loses against one that has not, and without
    boundaries the nearer mask wins.

    Args:
        masks: Masks (M, H, W) after an evolution, bool or uint8; they may overlap.
        given: Masks (M, H, W) before it. Where these overlap the first one counts.
        edge_prob: Edge probability (M, H, W), one map a mask, or (H, W) for all; float, at least
            0. None: by distance alone.

    Returns:
        Index of the owner (H, W), int32; -1 where no mask claims the pixel.

    Raises:
        TypeError: An array has another type.
        ValueError: Shapes differ, or `edge_prob` is negative or not finite.

    Example:
        >>> given = np.array([[[1, 1, 0, 0, 0, 0, 0]], [[0, 0, 0, 0, 0, 0, 1]]], bool)
        >>> masks = np.array([[[1, 1, 1, 1, 1, 1, 0]], [[0, 0, 1, 1, 1, 1, 1]]], bool)
        >>> settle_overlaps(masks, given)
        array([[0, 0, 0, 0, 1, 1, 1]], dtype=int32)
        >>> settle_overlaps(masks, given, np.array([[0, 0, 0.9, 0, 0, 0, 0]]))
        array([[0, 0, 0, 1, 1, 1, 1]], dtype=int32)
    """
    claimed = _check_masks('masks', masks)
    before = _check_masks('given', given)
    if before.shape != claimed.shape:
        raise ValueError(
            f'Expected argument `given` to have the shape of `masks`, {claimed.shape}, '
            f'but got {before.shape}; give each mask as it was.'
        )
    prob = _check_prob(edge_prob, claimed.shape)
    object_map = np.full(claimed.shape[1:], -1, np.int32)
    for m in range(len(before) - 1, -1, -1):
        object_map[before[m]] = m
    whole = (slice(None), slice(None))
    return settle_claims(
        object_map,
        [Claim(m, whole, mask) for m, mask in enumerate(claimed)],
        prob,
        range(len(claimed)),
    )


@dataclass(frozen=True)
class Claim:
    """What a mask claims.

    Attributes:
        index: Its index in the map of objects.
        box: Part of the image (rows, columns) that holds both the mask and what it was before.
        mask: The mask in there, bool.
    """

    index: int
    box: Box
    mask: NDArray[np.bool_]


def settle_claims(
    object_map: NDArray[np.int32],
    claims: Sequence[Claim],
    edge_prob: NDArray[np.floating] | None,
    classes: Sequence[int],
) -> NDArray[np.int32]:
    """:func:`settle_overlaps` for masks that are given in boxes, which saves time and memory.

    Args:
        object_map: Index of the mask (H, W) that each pixel was given to, int32, -1 for none.
        claims: What the masks claim, in ascending order of index.
        edge_prob: Edge probabilities (K, H, W), or None.
        classes: Edge map of each index.

    Returns:
        Index of the owner (H, W), int32; -1 where no mask claims the pixel.
    """
    num_claims = np.zeros(object_map.shape, np.uint16)
    owner = np.full(object_map.shape, -1, np.int32)
    for claim in reversed(claims):
        num_claims[claim.box] += claim.mask
        owner[claim.box][claim.mask] = claim.index
    contested = num_claims > 1
    if not contested.any():
        return owner
    for claim in claims:
        stays = contested[claim.box] & claim.mask & (object_map[claim.box] == claim.index)
        owner[claim.box][stays] = claim.index
        contested[claim.box][stays] = False

    least = np.full(owner.shape, np.inf)
    for claim in claims:
        box = claim.box
        wanted = contested[box] & claim.mask
        if not wanted.any():
            continue
        prob = None if edge_prob is None else edge_prob[classes[claim.index]][box]
        cost = _cost_of_way(wanted, claim.mask, object_map[box] == claim.index, prob)
        # The first claimant has it already, in case that no way leads there.
        closer = wanted & (cost < least[box])
        least[box][closer] = cost[closer]
        owner[box][closer] = claim.index
    return owner


def _cost_of_way(
    wanted: NDArray[np.bool_],
    mask: NDArray[np.bool_],
    before: NDArray[np.bool_],
    prob: NDArray[np.floating] | None,
) -> NDArray[np.float64]:
    """Least cost of a way from `before`, inside `mask`, to each wanted pixel; else infinity."""
    cost = np.full(mask.shape, np.inf)
    grown = mask & ~before
    # Only the part that grew is searched, from the pixels of the given mask next to it.
    box = bounding_box(grown, reach=1)
    padded = np.pad(grown[box], 1)
    height, width = grown[box].shape
    near = np.zeros_like(grown[box])
    for y, x in _DIAGONAL_NEIGHBORS:
        near |= padded[y : y + height, x : x + width]
    starts = np.argwhere(before[box] & mask[box] & near)
    if not len(starts):
        return cost
    price = np.full((height, width), _STEP_COST)
    if prob is not None:
        price += prob[box]
    price[~(mask[box] & near)] = -1  # a negative cost bars the way
    found, _ = skimage.graph.MCP_Geometric(price).find_costs(starts)
    cost[box] = np.where(wanted[box], found, np.inf)
    return cost


def _check_masks(name: str, value: Any) -> NDArray[np.bool_]:
    if not isinstance(value, np.ndarray) or value.dtype not in (np.bool_, np.uint8):
        raise TypeError(
            f'Expected argument `{name}` to be an array of bool or uint8, '
            f'but got {getattr(value, "dtype", type(value))}; compare it with a value first.'
        )
    if value.ndim != 3:
        raise ValueError(
            f'Expected argument `{name}` to have shape (M, H, W), but got {value.shape}.'
        )
    return value != 0


def _check_prob(value: Any, shape: tuple[int, ...]) -> NDArray[np.floating] | None:
    if value is None:
        return None
    if not isinstance(value, np.ndarray) or not np.issubdtype(value.dtype, np.floating):
        raise TypeError(
            'Expected argument `edge_prob` to be a floating point array, '
            f'but got {getattr(value, "dtype", type(value))}.'
        )
    if value.shape not in (shape, shape[1:]):
        raise ValueError(
            f'Expected argument `edge_prob` to have shape {shape} or {shape[1:]}, '
            f'but got {value.shape}.'
        )
    if value.size and not (value.min() >= 0 and value.max() < np.inf):
        raise ValueError(
            'Expected argument `edge_prob` to be finite and >= 0, '
            f'but got values from {value.min():g} to {value.max():g}.'
        )
    return np.broadcast_to(value, shape)
