"""Coarse annotations simulated from exact masks.

Annotators who hurry outline an object with few clicks: inside of it, around it, or a little off
either way. The simulation does the same, with one number that says how far from the truth the
outline may lie.
"""

from __future__ import annotations

import math
from typing import Literal, get_args

import cv2
import numpy as np
import scipy
from numpy.typing import NDArray

from mmsteal.functional.labels.distance import inner_distance
from mmsteal.functional.labels.label_objects import check_map, label_objects
from mmsteal.functional.labels.mask_outline import mask_outline

Direction = Literal['inside', 'outside', 'both']
# How far along an outline an error of either way keeps its sign, as the sigma of its smoothing.
_SMOOTH_PX = 12.0
# Half of the extent, in pixels, of the polygon that stands for a component too thin to outline.
_SPECK_RADIUS_PX = 3


def simulate_coarse_mask(
    mask: NDArray[np.bool_] | NDArray[np.integer],
    error_px: float,
    *,
    direction: Direction = 'inside',
    seed: int | np.random.Generator = 0,
) -> tuple[NDArray[np.bool_], int]:
    r"""Outline every object of a mask as a coarse annotation of a given boundary error would.

    With :math:`\delta` = `error_px`, each 8-connected component :math:`C` becomes the filled
    outer contours of its erosion by a disk :math:`D`, simplified to polygons:

    .. math::
        \hat{C} = \mathrm{fill}(\mathrm{simplify}_{\delta/2}(\partial(C \ominus D_{\delta/2})))

    (the coarse labels of section 4.1 of the paper, after Zlateski et al., 2018).

    What `error_px` means: it is a maximum, not a mean. The distance from any boundary pixel of
    the coarse mask to the nearest boundary pixel of the mask is at most `error_px` (the
    simplification is tightened where rounding would break this), and the pixels that a component
    loses lie no deeper than that below its boundary. The mean distance is a little under half of
    it. Not bounded is the distance the other way, from the mask's boundary to the coarse one:
    parts thinner than `error_px` may be cut off whole, and holes disappear, since an outline
    has none.

    With `direction` 'outside' the polygons run around the dilation by the same disk. Pixels that a
    component wins lie no further than `error_px` from it, and none is lost but by rounding.

    With 'both' the outline follows the level of a smooth random field :math:`g` of values from -1
    to 1, along the signed distance :math:`s` to it:

    .. math::
        \hat{M} = \{p : s(p) + \delta\, g(p) > 0\}

    Pixels that are lost lie no deeper than `error_px`, those that are won no further away.

    What lies outside the image counts as the object's inside: an object cut by the image border
    stays cut by it. A component of which nothing is left is kept as a small polygon at its deepest
    point.

    Args:
        mask: Mask of shape (H, W), bool or integer; every pixel that is not 0 is inside.
        error_px: Largest boundary error :math:`\delta`, in pixels. 0 returns the mask as it is.
        direction: 'inside' for outlines that are too small, 'outside' for too large ones, 'both'
            for ones that err either way.
        seed: Of the random field of 'both'.

    Returns:
        The coarse mask, bool of shape (H, W), and the number of clicks: the vertices of all
        polygons; of 'both', of polygons that lie within half of the error of the outline.

    Raises:
        TypeError: If `mask` is not an array of bool or integer.
        ValueError: If `mask` is not of shape (H, W), `error_px` is negative or not finite, or
            there is no such direction.

    Example:
        >>> mask = np.zeros((40, 40), bool)
        >>> mask[10:30, 10:30] = True
        >>> coarse, num_clicks = simulate_coarse_mask(mask, error_px=4)
        >>> int(mask.sum()), int(coarse.sum()), num_clicks
        (400, 256, 4)
    """
    inside = _check_mask(mask, error_px).astype(np.uint8)
    _check_direction(direction)
    if error_px == 0:
        contours, _ = cv2.findContours(inside, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
        return inside.astype(bool), sum(len(contour) for contour in contours)

    coarse = np.zeros(inside.shape, bool)
    num_clicks = 0
    if direction == 'both':
        coarse = _moved(inside, error_px, np.random.default_rng(seed))
        num_clicks = _count_clicks(coarse, error_px / 2)
    height, width = inside.shape
    margin = 1 if direction == 'inside' else math.ceil(error_px) + 1
    num_labels, components, stats, _ = cv2.connectedComponentsWithStats(inside, connectivity=8)
    for label in range(1, num_labels):
        left, top, box_width, box_height = (int(v) for v in stats[label, :4])
        # With surroundings: only the sides cut by the image touch the border of the crop.
        box = (
            slice(max(top - margin, 0), min(top + box_height + margin, height)),
            slice(max(left - margin, 0), min(left + box_width + margin, width)),
        )
        component = (components[box] == label).astype(np.uint8)
        if direction == 'both':
            if coarse[box][component != 0].any():
                continue
            outlined, clicks = _speck(component, inner_distance(component), error_px)
        else:
            outlined, clicks = _outline_component(component, error_px, direction)
        coarse[box] |= outlined
        num_clicks += clicks
    return coarse, num_clicks


def simulate_coarse_label_map(
    label_map: NDArray[np.integer],
    error_px: float,
    *,
    instance_map: NDArray[np.integer] | None = None,
    background: int | None = None,
    ignore_index: int = 255,
    direction: Direction = 'inside',
    seed: int | np.random.Generator = 0,
) -> NDArray[np.integer]:
    """Draw a label map again as coarse annotations of a given boundary error would.

    Every class (or every instance of a class, with `instance_map`) goes through
    :func:`simulate_coarse_mask`. The results are painted from the largest to the smallest, so
    that an object inside another one's outline stays visible.

    Pixels that no outline covers become `background` where the label map has one. Without a
    background they become `ignore_index`, as in the coarse annotations of Cityscapes: nobody
    looked at them. Pixels that are `ignore_index` in the input stay so.

    Args:
        label_map: Labels of shape (H, W), any integer type.
        error_px: Largest boundary error in pixels; 0 returns a copy.
        instance_map: Instance ids of shape (H, W). The pixels with one label and one id are one
            object. None: the pixels with one label are.
        background: The label that is not an object, kept only where nothing is painted over it.
        ignore_index: The label that says nothing about a pixel.
        direction: Which way the outlines err; see :func:`simulate_coarse_mask`.
        seed: Of the random fields of 'both'.

    Returns:
        The coarse label map, shape and type of `label_map`.

    Raises:
        TypeError: If a map is not an array of integers.
        ValueError: If a map is not of shape (H, W), their shapes differ, `error_px` is negative
            or not finite, or `ignore_index` is needed but does not fit the type of `label_map`.

    Example:
        >>> label_map = np.zeros((40, 40), np.uint8)
        >>> label_map[10:30, 10:30] = 1
        >>> coarse = simulate_coarse_label_map(label_map, error_px=4, background=0)
        >>> np.bincount(coarse.ravel()).tolist()
        [1344, 256]
    """
    _check_error(error_px)
    rest = ignore_index if background is None else background
    found = label_objects(
        label_map, instance_map, without=[v for v in (background, ignore_index) if v is not None]
    )
    info = np.iinfo(label_map.dtype)
    if not info.min <= rest <= info.max:
        raise ValueError(
            'Expected arguments `ignore_index` and `background` to be values of the type of '
            f'`label_map`, {label_map.dtype}, but got {rest} for pixels that no object covers; '
            'convert `label_map` to a wider type.'
        )
    if error_px == 0:
        return label_map.copy()
    objects, _ = simulate_coarse_objects(found.object_map, error_px, direction=direction, seed=seed)
    coarse = np.array([*found.values, rest], label_map.dtype)[objects]
    ignored = label_map == ignore_index
    coarse[ignored] = label_map[ignored]
    return coarse


def simulate_coarse_objects(
    object_map: NDArray[np.integer],
    error_px: float,
    *,
    direction: Direction = 'inside',
    seed: int | np.random.Generator = 0,
) -> tuple[NDArray[np.int32], list[int]]:
    """Draw every object again as a coarse annotation, and count the clicks of each.

    Args:
        object_map: Index of the object of each pixel (H, W), 0 to M-1, or below 0 for none; see
            :func:`mmsteal.functional.label_objects`.
        error_px: Largest boundary error in pixels; see :func:`simulate_coarse_mask`.
        direction: Which way the outlines err; see the same.
        seed: Of the random fields of 'both', one an object.

    Returns:
        The coarse map (H, W), -1 where no outline covers a pixel, painted from the largest object
        to the smallest; and the clicks of each object (M,), 0 for an index without a pixel.

    Raises:
        TypeError: If the map is not an array of integers.
        ValueError: If it is not of shape (H, W), or `error_px` is negative or not finite.

    Example:
        >>> object_map = np.full((40, 40), -1)
        >>> object_map[10:30, 10:30] = 0
        >>> coarse, clicks = simulate_coarse_objects(object_map, error_px=4)
        >>> int((coarse == 0).sum()), clicks
        (256, [4])
    """
    given = check_map('object_map', object_map).astype(np.int64)
    _check_error(error_px)
    _check_direction(direction)
    if not given.size:
        return given.astype(np.int32), []
    clicks, outlines = [], []
    rng = np.random.default_rng(seed)
    margin = 1 if direction == 'inside' else math.ceil(error_px) + 1
    for m, box in enumerate(scipy.ndimage.find_objects(given.clip(-1) + 1)):
        if box is None:
            clicks.append(0)
            continue
        # With surroundings: only the sides cut by the image touch the border of the crop.
        box = tuple(slice(max(side.start - margin, 0), side.stop + margin) for side in box)
        outline, number = simulate_coarse_mask(
            given[box] == m, error_px, direction=direction, seed=rng
        )
        clicks.append(number)
        outlines.append((int(outline.sum()), m, box, outline))
    coarse = np.full(given.shape, -1, np.int32)
    # Areas after outlining: a thin ring that was filled must not hide what it surrounds.
    for _, m, box, outline in sorted(outlines, key=lambda item: -item[0]):
        coarse[box][outline] = m
    return coarse, clicks


def _outline_component(
    component: NDArray, error_px: float, direction: Direction
) -> tuple[NDArray[np.bool_], int]:
    """Coarse outline of one component; what lies outside of the array counts as inside."""
    radius = error_px / 2
    reach = int(radius)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disk = (x * x + y * y <= radius * radius).astype(np.uint8)
    change = cv2.erode if direction == 'inside' else cv2.dilate
    border = (1,) if direction == 'inside' else (0,)
    changed = change(component, disk, borderType=cv2.BORDER_CONSTANT, borderValue=border)
    # The outline runs past the image border, or its simplification would cut slivers off there.
    pad = math.ceil(error_px) + 2
    padded = cv2.copyMakeBorder(changed, pad, pad, pad, pad, cv2.BORDER_REPLICATE)
    contours, _ = cv2.findContours(padded, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)

    # Distance of an inside pixel to the outside, and of any pixel to the boundary pixels.
    depth = inner_distance(component)
    to_boundary = inner_distance(~mask_outline(component))
    # Outlines have no holes; but one around an object does not fill a bay that it closes.
    around, bays = np.zeros_like(depth), np.zeros(component.shape, bool)
    if direction == 'outside':
        holes = scipy.ndimage.binary_fill_holes(component)
        around = np.where(holes, 0, inner_distance(1 - component))
        bays = scipy.ndimage.binary_fill_holes(changed) & (around > error_px)
    most_lost = error_px if direction == 'inside' else min(error_px, 1)

    tolerance = radius
    while contours:
        polygons = [cv2.approxPolyDP(contour, tolerance, True) for contour in contours]
        polygons = [polygon for polygon in polygons if len(polygon) >= 3]
        if not polygons:
            break
        canvas = np.zeros_like(padded)
        for polygon in polygons:
            cv2.fillPoly(canvas, [polygon], (1,))
        outlined = canvas[pad:-pad, pad:-pad]
        outlined[bays] = 0
        # Both pixels of a step lie half a pixel from the boundary between them: depth 1 is on it.
        lost = (depth - 1)[(component != 0) & (outlined == 0)]
        moved = to_boundary[mask_outline(outlined)]
        won = around[outlined != 0]
        close = max(won.max(initial=0), moved.max(initial=0)) <= error_px
        if (close and lost.max(initial=0) <= most_lost) or tolerance < 0.25:
            return outlined.astype(bool), sum(len(polygon) for polygon in polygons)
        tolerance /= 2
    return _speck(component, depth, error_px)


def _moved(mask: NDArray[np.uint8], error_px: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """A mask whose outline a smooth random field has moved."""
    noise = rng.normal(size=mask.shape)
    field = cv2.GaussianBlur(noise, (0, 0), _SMOOTH_PX, borderType=cv2.BORDER_REFLECT)
    spread = 2 * float(field.std())
    shift = error_px * np.clip((field - field.mean()) / spread if spread else 0 * field, -1, 1)
    moved: NDArray[np.bool_] = inner_distance(mask) - inner_distance(1 - mask) + shift > 0
    return moved


def _count_clicks(mask: NDArray[np.bool_], tolerance: float) -> int:
    """Vertices of polygons that lie within the tolerance of the outlines of a mask."""
    inside = mask.astype(np.uint8)
    contours, _ = cv2.findContours(inside, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    return sum(len(cv2.approxPolyDP(contour, tolerance, True)) for contour in contours)


def _speck(component: NDArray, depth: NDArray, error_px: float) -> tuple[NDArray[np.bool_], int]:
    """A small diamond at the deepest point of a component that is too thin to outline."""
    row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    # Within the component, yet at least a cross of 5 pixels where the error allows one.
    inscribed = math.ceil(depth[row, column]) - 1
    radius = max(min(inscribed, _SPECK_RADIUS_PX), min(int(error_px), 1))
    y, x = np.ogrid[: component.shape[0], : component.shape[1]]
    diamond = np.abs(y - row) + np.abs(x - column) <= radius
    return diamond, 4 if radius else 1


def _check_direction(direction: str) -> None:
    if direction not in get_args(Direction):
        raise ValueError(
            f'Expected argument `direction` to be one of {", ".join(get_args(Direction))}, '
            f'but got {direction!r}.'
        )


def _check_error(error_px: float) -> None:
    if not (isinstance(error_px, (int, float, np.integer, np.floating)) and 0 <= error_px < np.inf):
        raise ValueError(
            'Expected argument `error_px` to be a finite number of pixels, at least 0, '
            f'but got {error_px!r}.'
        )


def _check_mask(mask: NDArray, error_px: float) -> NDArray[np.bool_]:
    if not isinstance(mask, np.ndarray) or mask.dtype.kind not in 'bui':
        kind = mask.dtype if isinstance(mask, np.ndarray) else type(mask).__name__
        raise TypeError(
            'Expected argument `mask` to be a numpy array of bool or integer, '
            f'but got {kind}; threshold it, e.g. `mask > 0.5`.'
        )
    if mask.ndim != 2 or 0 in mask.shape:
        raise ValueError(
            f'Expected argument `mask` to be of shape (H, W), H and W at least 1, but got '
            f'{mask.shape}; call the function once per mask.'
        )
    _check_error(error_px)
    return mask != 0
