"""Morphological evolution of level sets: masks whose outlines move to the edges of an image.

Shape shorthand: M masks; H, W height and width.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar, overload

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mmsteal.functional.level_sets import _level_set_torch as device_ops
from mmsteal.functional.level_sets.evolution_options import (
    EvolutionOptions,
    check_checkpoints,
    check_count,
)
from mmsteal.functional.options import change_options

Array = TypeVar('Array', NDArray[Any], Tensor)


@overload
def evolve_level_set(
    masks: Array, speed: Array, num_iters: int, *, checkpoints: None = ..., **options: Any
) -> Array: ...


@overload
def evolve_level_set(
    masks: Array, speed: Array, num_iters: int, *, checkpoints: Iterable[int], **options: Any
) -> dict[int, Array]: ...


def evolve_level_set(
    masks: Array,
    speed: Array,
    num_iters: int,
    *,
    checkpoints: Iterable[int] | None = None,
    **options: Any,
) -> Array | dict[int, Array]:
    r"""Move the outlines of masks to where their speed is low (Eq. 13, in morphological form).

    .. math::
        \frac{\partial\varphi}{\partial t}
            = g\,(\kappa + c)\,|\nabla\varphi| + \nabla g \cdot \nabla\varphi

    the level set form of the evolution of a curve in Eq. 12. Every iteration applies three
    operators to a binary mask u, after Marquez-Neila et al., "A Morphological Approach to
    Curvature-based Evolution of Curves and Surfaces", 2014:

    1. balloon: the 3x3 dilation of u (erosion if c < 0) where g > threshold / abs(c);
    2. image attachment: u = 1 where the product of the gradients of g and u is positive,
       u = 0 where it is negative;
    3. smoothing: the curvature operators SI∘IS and IS∘SI in turn, `smoothing` times.

    :func:`~mmsteal.functional.level_sets.level_set_reference.evolve_level_set_reference` is the
    same in plain array code. With `border='constant'` the result is that of
    `skimage.segmentation.morphological_geodesic_active_contour`, pixel by pixel, for any input
    (NaN and infinity included). There, which curvature operator comes first depends on the calls
    made before; here `phase` says it.

    With an odd `smoothing`, an outline that has settled may still flicker from one iteration to the
    next: compare iterations of the same parity.

    Args:
        masks: Masks of shape (M, H, W), bool or uint8, where not 0 is inside. An array, or a tensor
            on any device.
        speed: Speed g of each mask (M, H, W), float, low on the edges; see
            :func:`mmsteal.functional.speed_function`. float32 and float64 are computed as
            they are, half precision as float32.
        num_iters: Number of iterations, at least 0.
        checkpoints: Iterations to return, each between 0 (the masks as given) and `num_iters`.
        **options: Options of :class:`~mmsteal.functional.EvolutionOptions`:
            `smoothing`, `balloon`, `threshold`, `phase` and `border`.

    Returns:
        The evolved masks (M, H, W), bool, of the kind and on the device of `masks`; with
        `checkpoints`, a dictionary of them by iteration, in ascending order.

    Raises:
        TypeError: `masks` or `speed` has another type, or one is an array and one a tensor; or
            there is no option of a name.
        ValueError: Shapes or devices differ, or an option is out of its range.

    Example:
        >>> mask = np.zeros((1, 9, 9), bool)
        >>> mask[0, 4, 4] = True
        >>> speed = np.ones((1, 9, 9))
        >>> speed[:, [1, 7]] = speed[:, :, [1, 7]] = 0.5
        >>> grown = evolve_level_set(mask, speed, 5, smoothing=0, balloon=1, threshold=0.6)
        >>> grown[0].sum(axis=1)
        array([0, 0, 5, 5, 5, 5, 5, 0, 0])
    """
    _check_arrays(masks, speed)
    check_count('num_iters', num_iters)
    steps = check_checkpoints([num_iters] if checkpoints is None else checkpoints, num_iters)
    how = change_options(EvolutionOptions(), options)
    if isinstance(masks, np.ndarray):
        inside = masks if masks.dtype == np.bool_ else masks != 0
        wide = speed.astype(np.float32) if speed.dtype == np.float16 else speed
        evolved: Any = _evolve_on_cpu(inside, wide, steps, how)
    else:
        inside = masks if masks.dtype == torch.bool else masks != 0
        wide = speed.detach()
        if wide.dtype in (torch.float16, torch.bfloat16):
            wide = wide.float()
        if masks.device.type == 'cpu':
            evolved = torch.from_numpy(_evolve_on_cpu(inside.numpy(), wide.numpy(), steps, how))
        else:
            evolved = _evolve_on_device(inside, wide, steps, how)
    return evolved[0] if checkpoints is None else dict(zip(steps, evolved, strict=True))


def _evolve_on_cpu(
    masks: NDArray[np.bool_],
    speed: NDArray[np.floating],
    steps: list[int],
    options: EvolutionOptions,
) -> NDArray[np.bool_]:
    """Evolve mask after mask: at any time the work space of only one is alive."""
    # Where it is used, since numba takes a while to import.
    from mmsteal.functional.level_sets import _level_set_kernel as kernel

    evolved = np.zeros((len(steps), *masks.shape), bool)
    for m, mask in enumerate(masks):
        if mask.any():
            history = kernel.evolve_mask(mask, speed[m], steps[-1], steps, options)
            for i in range(len(steps)):
                history.unpack(i, evolved[i, m])
    return evolved


def _evolve_on_device(
    masks: Tensor, speed: Tensor, steps: list[int], options: EvolutionOptions
) -> Tensor:
    evolved = masks.new_empty((len(steps), *masks.shape))
    if masks.numel() == 0:
        return evolved
    for group in torch.arange(len(masks)).split(device_ops.MAX_MASKS):
        part = slice(int(group[0]), int(group[-1]) + 1)
        states = device_ops.evolve_words(masks[part], speed[part], steps[-1], steps, options)
        for out, words in zip(evolved, states, strict=True):
            out[part] = device_ops.unpack_masks(words, len(group))
    return evolved


def _check_arrays(masks: Any, speed: Any) -> None:
    for name, value, kinds in (
        ('masks', masks, 'bool or uint8'),
        ('speed', speed, 'floating point'),
    ):
        if not isinstance(value, (np.ndarray, Tensor)):
            raise TypeError(
                f'Expected argument `{name}` to be an array or tensor, but got {type(value)}.'
            )
        if name == 'masks':
            ok = value.dtype in (np.bool_, np.uint8, torch.bool, torch.uint8)
        elif isinstance(value, np.ndarray):
            ok = value.dtype in (np.float16, np.float32, np.float64)
        else:
            ok = value.is_floating_point()
        if not ok:
            raise TypeError(
                f'Expected argument `{name}` to be {kinds}, but got {value.dtype}; '
                + ('compare it with a value first.' if name == 'masks' else 'convert it first.')
            )
    if isinstance(masks, np.ndarray) != isinstance(speed, np.ndarray):
        raise TypeError(
            'Expected arguments `masks` and `speed` to be both arrays or both tensors, '
            f'but got {type(masks)} and {type(speed)}; convert one of them.'
        )
    if isinstance(masks, Tensor) and masks.device != speed.device:
        raise ValueError(
            f'Expected argument `speed` to be on the device of `masks`, {masks.device}, '
            f'but got {speed.device}; move it there.'
        )
    if masks.ndim != 3:
        raise ValueError(
            'Expected argument `masks` to have shape (M, H, W), '
            f'but got shape {tuple(masks.shape)}; a single mask is masks[None].'
        )
    if speed.shape != masks.shape:
        raise ValueError(
            f'Expected argument `speed` to have the shape of `masks`, {tuple(masks.shape)}, '
            f'but got {tuple(speed.shape)}; give one speed map a mask.'
        )
