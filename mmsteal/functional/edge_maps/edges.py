"""Edge maps from masks and label maps: the band within a radius of the other side.

Shape shorthand: K classes, H and W height and width of a map.
"""

from __future__ import annotations

import math
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from mmsteal.functional.edge_maps.thin import thin as thin_maps
from mmsteal.functional.labels.class_values import class_values

Mask = TypeVar('Mask', NDArray[Any], Tensor)

IGNORE = 255  # the value of ignored pixels in an edge map, whatever it is in the label map
_OUTSIDE, _INSIDE, _BOTH = 1, 2, 3


def mask_edges(masks: Mask, radius: float = 2.0, *, image_border: bool = False) -> Mask:
    r"""Edges of binary masks: the pixels that have both sides of the mask within a radius.

    .. math::
        e(p) = \exists\, q, q' : \|q - p\| \le r,\; \|q' - p\| \le r,\; m(q) = 1,\; m(q') = 0

    With radius 1 this is the zero level set of Eq. 8 in pixels: both sides of the outline.

    Args:
        masks: Masks of shape (..., H, W), bool or uint8, where not 0 is inside.
        radius: Euclidean radius r in pixels, at least 1; fractions count (1.5 takes the diagonal
            neighbors, 1 does not).
        image_border: Whether what lies beyond the image counts as outside of the mask, so that a
            mask cut by the border has an edge there. By default it counts as nothing.

    Returns:
        Edges of the same shape, uint8, 1 on the edge; an array for an array, a tensor on the same
        device for a tensor.

    Raises:
        TypeError: `masks` is not an array or tensor of bool or uint8.
        ValueError: `masks` has fewer than two axes, or `radius` is less than 1 or not finite.

    Example:
        >>> mask_edges(np.array([[False, False, False, True, True, True]]), radius=1)
        array([[0, 0, 1, 1, 0, 0]], dtype=uint8)
    """
    if isinstance(masks, Tensor) and masks.device.type == 'cpu':
        # numpy is several times faster at byte operations on one core.
        return torch.from_numpy(mask_edges(masks.numpy(), radius, image_border=image_border))
    radius = _check_radius(radius)
    if isinstance(masks, np.ndarray) and masks.dtype in (np.bool_, np.uint8):
        sides = (masks != 0).view(np.uint8) + np.uint8(_OUTSIDE)
    elif isinstance(masks, Tensor) and masks.dtype in (torch.bool, torch.uint8):
        sides = (masks != 0).to(torch.uint8) + _OUTSIDE
    else:
        raise TypeError(
            'Expected argument `masks` to be a bool or uint8 array or tensor, but got '
            f'{getattr(masks, "dtype", type(masks).__name__)}; compare it with a value first.'
        )
    if masks.ndim < 2:
        raise ValueError(
            'Expected argument `masks` to have shape (..., H, W), '
            f'but got shape {tuple(masks.shape)}.'
        )
    near = _or_over_disk(sides, radius)
    if image_border:
        for axis in (near, near.swapaxes(-1, -2)):
            reach = min(int(radius), axis.shape[-1])
            for ring in (axis[..., :reach], axis[..., axis.shape[-1] - reach :]):
                ring |= _OUTSIDE
    edges = near == _BOTH
    return edges.view(np.uint8) if isinstance(edges, np.ndarray) else edges.to(torch.uint8)


def valid_mask_edges(masks: Tensor, valid: Tensor, radius: float = 2.0) -> Tensor:
    """Edges of masks where pixels that are not valid belong to neither side.

    Args:
        masks: Masks (..., H, W), bool.
        valid: Pixels that count, bool, of a shape that broadcasts to `masks`.
        radius: See :func:`mask_edges`.

    Returns:
        Edges of the shape of `masks`, bool, on the same device.

    Example:
        >>> masks = torch.tensor([[[True, True, False, False]]])
        >>> valid = torch.tensor([[[True, True, False, True]]])
        >>> valid_mask_edges(masks, valid, radius=1).tolist()
        [[[False, False, False, False]]]
    """
    if bool(valid.all()):
        return mask_edges(masks, radius).bool()
    # What lies within the radius of a side is that side and its edges.
    near_inside, near_outside = (
        side | mask_edges(side, radius).bool() for side in (masks & valid, ~masks & valid)
    )
    return near_inside & near_outside & valid


def label_map_to_edges(
    label_map: ArrayLike,
    num_classes: int,
    *,
    radius: float = 2.0,
    instance_map: ArrayLike | None = None,
    background: int | None = None,
    ignore_index: int = 255,
    thin: bool = False,
) -> NDArray[np.uint8]:
    r"""Multi-label edge maps of a label map, one channel a class.

    A pixel is an edge of class k if it is valid and both a pixel of class k and a valid pixel that
    is not of class k lie within the radius, itself included:

    .. math::
        e_k(p) = \exists\, q, q' : \|q - p\| \le r,\; \|q' - p\| \le r,\;
                 l(q) = k,\; l(q') \notin \{k, \mathrm{ignore}\}

    With an instance map, "class k" reads "an instance of class k", so two touching instances of
    one class have an edge between them. What lies beyond the image does not count.

    The classes are the `num_classes` smallest numbers from 0 up that are neither `background` nor
    `ignore_index`, in ascending order: with `background=0` channel 0 holds the edges of value 1.

    Args:
        label_map: Class of each pixel, integers of shape (H, W).
        num_classes: Number of classes K; any number.
        radius: Euclidean radius r in pixels, at least 1; the band is about 2r wide.
        instance_map: Instance of each pixel, integers of shape (H, W); ids may be any numbers and
            need to be different only within a class. Not read outside the classes.
        background: Value that belongs to no class, or None where every value is a class.
        ignore_index: Value of pixels whose class is not known. They make no edge.
        thin: Whether the band is thinned to a line one pixel wide.

    Returns:
        Edge maps of shape (K, H, W), uint8: 1 edge, 0 no edge, 255 ignored pixel (every channel).

    Raises:
        TypeError: A map does not hold integers.
        ValueError: Shapes do not fit, `radius` is less than 1 or not finite, `num_classes` is not
            positive, or `label_map` holds values that are neither a class nor `background` nor
            `ignore_index` (the message names them).

    Example:
        >>> labels = np.array([[0, 0, 0, 1, 1, 255]])
        >>> label_map_to_edges(labels, num_classes=2, radius=1)[:, 0]
        array([[  0,   0,   1,   1,   0, 255],
               [  0,   0,   1,   1,   0, 255]], dtype=uint8)
    """
    radius = _check_radius(radius)
    labels = _check_map('label_map', label_map)
    values, index = _compact(labels)
    channels = _channels_of(values, num_classes, background, ignore_index)
    valid = None if (values != ignore_index).all() else labels != ignore_index
    kept = values != ignore_index

    if instance_map is not None:
        instances = _check_map('instance_map', instance_map)
        if instances.shape != labels.shape:
            raise ValueError(
                'Expected argument `instance_map` to have the shape of `label_map` '
                f'{labels.shape}, but got {instances.shape}.'
            )
        ids, instance_index = _compact(instances)
        # Only classes have instances; the rest stays one segment a value.
        pairs = index * len(ids) + np.where((channels >= 0)[index], instance_index, 0)
        pair_values, index = _compact(pairs)
        channels, kept = channels[pair_values // len(ids)], kept[pair_values // len(ids)]

    edges = np.zeros((num_classes, *labels.shape), np.uint8)
    flat = edges.reshape(num_classes, -1)
    segments = np.flatnonzero(channels >= 0)
    # A segment is one bit, and a pixel with two bits within reach has an edge of each of them. All
    # segments go through the disk together, 63 at a time and one bit for all the others.
    for start in range(0, len(segments), 63):
        chunk = segments[start : start + 63]
        table = np.where(kept, np.uint64(1) << np.uint64(len(chunk)), np.uint64(0))
        table[chunk] = np.uint64(1) << np.arange(len(chunk), dtype=np.uint64)
        near = _or_over_disk(table.astype(_word(len(chunk) + 1))[index], radius)
        several = (near & (near - near.dtype.type(1))) != 0
        if valid is not None:
            several &= valid
        places = np.flatnonzero(several)
        near = near.reshape(-1)[places]
        for channel in np.unique(channels[chunk]):
            bits = near.dtype.type(np.bitwise_or.reduce(table[chunk[channels[chunk] == channel]]))
            flat[channel, places[(near & bits) != 0]] = 1
    if thin:
        edges = thin_maps(edges).view(np.uint8)
    if valid is not None:
        edges[:, ~valid] = IGNORE
    return edges


def union_edges(edge_maps: Mask, *, ignore_index: int = 255) -> Mask:
    r"""Unite the edge maps of K classes.

    .. math::
        u(p) = \max_k\, [e_k(p) = 1]

    A pixel that is an edge of one class is an edge, whatever the others say; a pixel that is not,
    and is ignored in any class, is ignored: it may be an edge of that class.

    Args:
        edge_maps: Edge maps (..., K, H, W): 1 edge, `ignore_index` ignored, else no edge; array or
            tensor on any device.
        ignore_index: Value of ignored pixels.

    Returns:
        (..., 1, H, W) uint8 in {0, 1, ignore_index}, of the kind of `edge_maps`.

    Raises:
        TypeError: `edge_maps` is neither an array nor a tensor.
        ValueError: It has fewer than three axes.

    Example:
        >>> union_edges(np.array([[[0, 1, 0, 255]], [[0, 0, 1, 255]]]))
        array([[[  0,   1,   1, 255]]], dtype=uint8)
    """
    if not isinstance(edge_maps, np.ndarray | Tensor):
        raise TypeError(
            'Expected argument `edge_maps` to be an array or a tensor, but got '
            f'{type(edge_maps).__name__}.'
        )
    if edge_maps.ndim < 3:
        raise ValueError(
            'Expected argument `edge_maps` to have shape (..., K, H, W), but got '
            f'{tuple(edge_maps.shape)}; a single map is edge_maps[None].'
        )
    edge = (edge_maps == 1).any(-3)[..., None, :, :]
    if not (0 <= ignore_index <= 255 and ignore_index != 1):
        raise ValueError(
            'Expected argument `ignore_index` to be from 0 to 255 and not 1, which is an edge, '
            f'but got {ignore_index}.'
        )
    ignored = (edge_maps == ignore_index).any(-3)[..., None, :, :]
    if isinstance(edge_maps, Tensor):
        united = edge.to(torch.uint8)
    else:
        united = edge.astype(np.uint8)
    united[ignored & ~edge] = ignore_index
    return united


def _or_over_disk(bits: Mask, radius: float) -> Mask:
    """OR of the words within `radius` of each pixel; beyond the image there are none.

    The disk is a stack of row spans, wider towards its middle: each span grows from the one before.
    """
    height, width = bits.shape[-2:]
    near = bits ^ bits
    row = near | bits
    span = 0
    for dy in range(min(int(radius), height - 1), -1, -1):
        half = int(math.sqrt(max(radius * radius - dy * dy, 0.0))) + 1
        # Compare distances, as a distance transform would: squares lose radius 13 ** 0.5.
        while math.sqrt(half * half + dy * dy) > radius:
            half -= 1
        for dx in range(span + 1, min(half, width - 1) + 1):
            right, left = row[..., dx:], row[..., :-dx]
            right |= bits[..., :-dx]
            left |= bits[..., dx:]
        span = half
        if dy == 0:
            near |= row
        else:
            below, above = near[..., dy:, :], near[..., :-dy, :]
            below |= row[..., :-dy, :]
            above |= row[..., dy:, :]
    return near


def _word(num_bits: int) -> type[np.unsignedinteger[Any]]:
    for bits, dtype in ((8, np.uint8), (16, np.uint16), (32, np.uint32)):
        if num_bits <= bits:
            return dtype
    return np.uint64


def _compact(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Values that occur, ascending, and the index of each pixel's value among them."""
    low = int(values.min())
    if int(values.max()) - low >= 1 << 16:
        found, index = np.unique(values, return_inverse=True)
        return found, index.reshape(values.shape)
    # Counting is several times faster than the sort of np.unique.
    offset = values.astype(np.intp)
    offset -= low
    seen = np.bincount(offset.ravel()) > 0
    return np.flatnonzero(seen) + low, (np.cumsum(seen) - 1)[offset]


def _channels_of(
    values: NDArray[Any], num_classes: int, background: int | None, ignore_index: int
) -> NDArray[np.intp]:
    """Channel of each value, -1 for background and ignored."""
    if not isinstance(num_classes, int | np.integer) or num_classes < 1:
        raise ValueError(
            f'Expected argument `num_classes` to be a positive integer, but got {num_classes!r}.'
        )
    if background == ignore_index:
        raise ValueError(
            'Expected argument `background` to differ from `ignore_index`, '
            f'but both are {background}; background is known not to be any class.'
        )
    classes = np.array(class_values(num_classes, without=(background, ignore_index)))
    channels = np.minimum(np.searchsorted(classes, values), num_classes - 1)
    is_class = classes[channels] == values
    unknown = values[~is_class & (values != ignore_index) & (values != background)]
    if unknown.size:
        names = ', '.join(map(str, unknown[:10])) + (', ...' if unknown.size > 10 else '')
        raise ValueError(
            f'Expected argument `label_map` to hold the {num_classes} class values '
            f'{classes[0]} to {classes[-1]}, background {background} and ignore_index '
            f'{ignore_index}, but it also holds {names}; map these values, or change '
            '`num_classes`, `background` or `ignore_index`.'
        )
    return np.where(is_class, channels, -1)


def _check_map(name: str, value: ArrayLike) -> NDArray[Any]:
    array = np.asarray(value)
    if array.dtype.kind not in 'bui':
        raise TypeError(
            f'Expected argument `{name}` to hold integers, but got dtype {array.dtype}.'
        )
    if array.ndim != 2 or array.size == 0:
        raise ValueError(
            f'Expected argument `{name}` to have shape (H, W) with H, W >= 1, '
            f'but got shape {array.shape}.'
        )
    return array


def _check_radius(radius: float) -> float:
    if not 1 <= radius < math.inf:
        raise ValueError(
            'Expected argument `radius` to be a finite number of at least 1 pixel, '
            f'but got {radius!r}; within less no pixel sees another one.'
        )
    return float(radius)
