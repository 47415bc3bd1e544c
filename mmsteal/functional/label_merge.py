"""From masks back to a label map: who owns a pixel that several masks claim, or none any more.

Shape shorthand: M masks; H, W height and width.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from skimage.graph import MCP_Geometric

# What a pixel of way costs without any edge: it makes the nearer of two masks win a draw.
_STEP_COST = 0.01
_DIAGONAL_NEIGHBOURS = tuple((y, x) for y in (0, 1, 2) for x in (0, 1, 2))


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
    num_claims = np.zeros(claimed.shape[1:], np.int32)
    owner = np.full(claimed.shape[1:], -1, np.int32)
    for m in range(len(claimed) - 1, -1, -1):
        num_claims += claimed[m]
        owner[claimed[m]] = m
    contested = num_claims > 1
    if not contested.any():
        return owner
    kept = np.full(owner.shape, -1, np.int32)
    for m in range(len(claimed) - 1, -1, -1):
        kept[contested & claimed[m] & before[m]] = m
    owner[contested] = kept[contested]
    contested &= kept < 0

    least = np.full(owner.shape, np.inf)
    for m in range(len(claimed)):
        wanted = contested & claimed[m]
        if not wanted.any():
            continue
        owner[wanted & (owner < 0)] = m  # in case that no way leads there
        cost = _cost_of_way(wanted, claimed[m], before[m], None if prob is None else prob[m])
        closer = wanted & (cost < least)
        least[closer] = cost[closer]
        owner[closer] = m
    return owner


def merge_masks(
    masks: NDArray[Any],
    given: NDArray[Any],
    values: ArrayLike,
    label_map: NDArray[Any],
    *,
    edge_prob: NDArray[Any] | None = None,
    unclaimed: int = 255,
    ignore_index: int | None = 255,
) -> tuple[NDArray[Any], NDArray[np.int32]]:
    """Write evolved masks back into the label map that they came from.

    A pixel goes to its owner, see :func:`settle_overlaps`. A pixel that one of the masks had and
    none claims any more becomes `unclaimed`. All others stay as they were, ignored pixels among
    them, whoever claims those.

    Args:
        masks: Masks (M, H, W) after an evolution, bool or uint8.
        given: Masks (M, H, W) before it.
        values: Label of each mask (M,), for classes, instances, or any numbers in use.
        label_map: Label map (H, W) that `given` was taken from, integers.
        edge_prob: See :func:`settle_overlaps`.
        unclaimed: Label of the gaps: that of the background where there is one, or the ignored
            label, for then nobody knows.
        ignore_index: Label of pixels that stay ignored. None: masks may grow into any pixel.

    Returns:
        The new label map (H, W) of the type of `label_map`, and the index of the mask that owns
        each pixel (H, W), -1 for none, from which a map of instances can be written as well.

    Raises:
        TypeError: An array has another type.
        ValueError: Shapes differ, or a label does not fit into the type of `label_map`.

    Example:
        >>> label_map = np.array([[7, 7, 0, 0, 9, 255]], np.uint8)
        >>> given = np.stack([label_map == 7, label_map == 9])
        >>> masks = np.array([[[0, 1, 1, 0, 0, 0]], [[0, 0, 0, 1, 1, 1]]], bool)
        >>> merged, owner = merge_masks(masks, given, [7, 9], label_map, unclaimed=0)
        >>> merged
        array([[  0,   7,   7,   9,   9, 255]], dtype=uint8)
        >>> owner
        array([[-1,  0,  0,  1,  1, -1]], dtype=int32)
    """
    if not isinstance(label_map, np.ndarray) or not np.issubdtype(label_map.dtype, np.integer):
        raise TypeError(
            'Expected argument `label_map` to be an array of integers, '
            f'but got {getattr(label_map, "dtype", type(label_map))}.'
        )
    claimed = _check_masks('masks', masks)
    if label_map.shape != claimed.shape[1:]:
        raise ValueError(
            f'Expected argument `label_map` to have the size of `masks`, {claimed.shape[1:]}, '
            f'but got {label_map.shape}.'
        )
    labels = np.asarray(values)
    if labels.shape != (len(claimed),) or not np.can_cast(labels.dtype, np.int64):
        raise ValueError(
            f'Expected argument `values` to be one integer for each of {len(claimed)} masks, '
            f'but got {labels.dtype} of shape {labels.shape}.'
        )
    info = np.iinfo(label_map.dtype)
    for name, value in [('unclaimed', unclaimed), *(('values', int(v)) for v in labels)]:
        if not info.min <= value <= info.max:
            raise ValueError(
                f'Expected argument `{name}` to fit the type of `label_map`, {label_map.dtype}, '
                f'but got {value}; convert `label_map` to a wider type.'
            )
    owner = settle_overlaps(claimed, given, edge_prob)
    if ignore_index is not None:
        owner[label_map == ignore_index] = -1
    merged = label_map.copy()
    for mask in given:
        merged[(mask != 0) & (owner < 0)] = unclaimed
    if ignore_index is not None:
        merged[label_map == ignore_index] = ignore_index
    owned = owner >= 0
    merged[owned] = labels.astype(label_map.dtype)[owner[owned]]
    return merged, owner


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
    rows, columns = (np.flatnonzero(grown.any(axis=axis)) for axis in (1, 0))
    box = (
        slice(max(0, rows[0] - 1), rows[-1] + 2),
        slice(max(0, columns[0] - 1), columns[-1] + 2),
    )
    padded = np.pad(grown[box], 1)
    height, width = grown[box].shape
    near = np.zeros_like(grown[box])
    for y, x in _DIAGONAL_NEIGHBOURS:
        near |= padded[y : y + height, x : x + width]
    starts = np.argwhere(before[box] & mask[box] & near)
    if not len(starts):
        return cost
    price = np.full((height, width), _STEP_COST)
    if prob is not None:
        price += prob[box]
    price[~(mask[box] & near)] = -1  # a negative cost bars the way
    found, _ = MCP_Geometric(price).find_costs(starts)
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
