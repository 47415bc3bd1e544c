"""Boundaries of a soft segmentation, and those of its label map, by one rule.

With them the edge losses apply to the logits of any segmentation network.

Shape shorthand: N images, K classes, H and W height and width of a map.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from mmsteal.functional.edge_maps.edges import IGNORE, valid_mask_edges
from mmsteal.functional.losses.loss_input import at_least_float32


def soft_boundary(prob: Tensor, *, radius: float = 1.0, valid: Tensor | None = None) -> Tensor:
    r"""Strength of the class boundary at each pixel of a soft segmentation.

    .. math::
        b_k(p) = \max_{q \in D_r(p)} f_k(q) - \min_{q \in D_r(p)} f_k(q), \qquad
        D_r(p) = \{q \text{ valid} : \|q - p\| \le r\}

    For probabilities that are 0 or 1 this is the band that
    :func:`mmsteal.functional.mask_edges` draws at the same radius; between, b is how far the class
    probability changes within the radius. What lies beyond the image does not count. The gradient
    goes to the pixels at which maximum and minimum are attained; of several, to the nearest.

    Args:
        prob: Class probabilities f of shape (..., H, W), floating point.
        radius: Euclidean radius r in pixels, at least 1. The band of a sharp step is about 2r wide.
        valid: Pixels that count, bool, of a shape that broadcasts to that of `prob`. None: all.

    Returns:
        b in [0, 1] of the shape of `prob`; 0 at pixels that are not valid.

    Raises:
        TypeError: `prob` is no floating-point tensor, or `valid` no bool tensor.
        ValueError: `prob` has fewer than two axes, or `radius` is less than 1 or not finite.

    Example:
        >>> prob = torch.tensor([[[0.0, 0.0, 0.1, 0.9, 1.0, 1.0]]])
        >>> print(soft_boundary(prob, radius=1))
        tensor([[[0.0000, 0.1000, 0.9000, 0.9000, 0.1000, 0.0000]]])
    """
    if not isinstance(prob, Tensor) or not prob.is_floating_point():
        raise TypeError(
            'Expected argument `prob` to be a floating-point tensor, but got '
            f'{getattr(prob, "dtype", type(prob).__name__)}; pass softmax(logits).'
        )
    if prob.ndim < 2:
        raise ValueError(
            f'Expected argument `prob` to have shape (..., H, W), but got {tuple(prob.shape)}.'
        )
    _check_radius(radius)
    if valid is None:
        return _DiskMax.apply(prob, radius) + _DiskMax.apply(-prob, radius)
    _check_valid(valid)
    high = _DiskMax.apply(prob.masked_fill(~valid, -torch.inf), radius)
    low = _DiskMax.apply((-prob).masked_fill(~valid, -torch.inf), radius)
    return (high + low).masked_fill(~valid, 0.0)


def boundary_logits(
    logits: Tensor,
    *,
    radius: float = 1.0,
    valid: Tensor | None = None,
    eps: float = 0.01,
    use_sigmoid: bool = False,
) -> Tensor:
    r"""Segmentation logits to boundary logits, which the edge losses take.

    .. math::
        z_k = \log \frac{b'_k}{1 - b'_k}, \qquad b'_k = \varepsilon + (1 - 2\varepsilon)\, b_k

    with b the :func:`soft_boundary` of the class probabilities, so that the sigmoid of the result
    is b'. Without :math:`\varepsilon` a flat or a perfect prediction would have infinite logits;
    with it :math:`|z| \le \log((1 - \varepsilon) / \varepsilon)`, and the cross entropy has a slope
    of at most :math:`1 / \varepsilon` in b. Computed in float32 at least, inside autocast too.

    Args:
        logits: Segmentation logits of shape (N, K, H, W).
        radius: Radius in pixels; see :func:`soft_boundary`.
        valid: Pixels that count, bool (N, 1, H, W). None: all.
        eps: :math:`\varepsilon`, in (0, 0.5).
        use_sigmoid: Probabilities by the sigmoid of each class in place of the softmax over all;
            the only choice for K = 1.

    Returns:
        Boundary logits of shape (N, K, H, W).

    Raises:
        TypeError: `logits` is no floating-point tensor.
        ValueError: `logits` is not of shape (N, K, H, W), has one class without `use_sigmoid`, or
            `radius` or `eps` is out of range.

    Example:
        >>> logits = torch.tensor([[[[-9.0, -9.0, 9.0, 9.0]], [[9.0, 9.0, -9.0, -9.0]]]])
        >>> print(boundary_logits(logits, radius=1).sigmoid()[0, 0])
        tensor([[0.0100, 0.9900, 0.9900, 0.0100]])
    """
    if not isinstance(logits, Tensor) or not logits.is_floating_point():
        raise TypeError(
            'Expected argument `logits` to be a floating-point tensor, but got '
            f'{getattr(logits, "dtype", type(logits).__name__)}.'
        )
    if logits.ndim != 4:
        raise ValueError(
            'Expected argument `logits` to have shape (N, K, H, W), but got '
            f'{tuple(logits.shape)}; boundaries need whole maps, not sampled points.'
        )
    if logits.shape[1] == 1 and not use_sigmoid:
        raise ValueError(
            'Expected logits of two or more classes for the softmax, but got one; '
            'set `use_sigmoid=True`.'
        )
    _check_eps(eps)
    logits = at_least_float32(logits)
    if valid is not None:
        _check_valid(valid)
        # What does not count has no gradient either, also where it is no number.
        logits = logits.masked_fill(~valid, 0.0)
    prob = logits.sigmoid() if use_sigmoid else logits.softmax(dim=1)
    return torch.logit(eps + (1 - 2 * eps) * soft_boundary(prob, radius=radius, valid=valid))


def check_boundary_options(radius: float, eps: float) -> None:
    """Raise a ValueError unless :func:`boundary_logits` can be called with these options."""
    _check_eps(eps)
    _check_radius(radius)


def _check_eps(eps: float) -> None:
    if not 0 < eps < 0.5:
        raise ValueError(f'Expected argument `eps` to be in (0, 0.5), but got {eps!r}.')


def _check_valid(valid: Tensor) -> None:
    if not isinstance(valid, Tensor) or valid.dtype != torch.bool:
        raise TypeError(
            'Expected argument `valid` to be a bool tensor, but got '
            f'{getattr(valid, "dtype", type(valid).__name__)}; compare the labels with a value.'
        )


def _check_radius(radius: float) -> None:
    if not (math.isfinite(radius) and radius >= 1):
        raise ValueError(
            f'Expected argument `radius` to be a number of pixels, at least 1, but got {radius!r}.'
        )


def class_boundaries(
    label: Tensor, num_classes: int, *, radius: float = 1.0, ignore_index: int = 255
) -> Tensor:
    r"""Boundaries of label maps, one channel a class, on any device.

    The rule of :func:`mmsteal.functional.label_map_to_edges` without a background value: class k
    is value k, and any other value that is not ignored is "not k".

    Args:
        label: Label maps, integers of shape (N, H, W).
        num_classes: Number of classes K.
        radius: Euclidean radius in pixels, at least 1.
        ignore_index: Value of pixels that make no edge.

    Returns:
        Edge maps of shape (N, K, H, W), uint8: 1 edge, 0 no edge, 255 ignored pixel.

    Raises:
        TypeError: `label` is no tensor of integers.
        ValueError: `label` is not of shape (N, H, W), there is no class, or `radius` is less than
            1 or not finite.

    Example:
        >>> label = torch.tensor([[[0, 0, 0, 1, 1, 255]]])
        >>> print(class_boundaries(label, 2)[0, :, 0])
        tensor([[  0,   0,   1,   1,   0, 255],
                [  0,   0,   1,   1,   0, 255]], dtype=torch.uint8)
    """
    if not isinstance(label, Tensor) or label.is_floating_point() or label.is_complex():
        raise TypeError(
            'Expected argument `label` to be a tensor of integers, but got '
            f'{getattr(label, "dtype", type(label).__name__)}.'
        )
    if label.ndim != 3:
        raise ValueError(
            f'Expected argument `label` to have shape (N, H, W), but got {tuple(label.shape)}.'
        )
    if not isinstance(num_classes, int) or num_classes < 1:
        raise ValueError(
            f'Expected argument `num_classes` to be an integer of at least 1, but got '
            f'{num_classes!r}.'
        )
    valid = (label != ignore_index)[:, None]
    masks = label[:, None] == torch.arange(num_classes, device=label.device)[:, None, None]
    edges = valid_mask_edges(masks, valid, radius)
    return edges.to(torch.uint8).masked_fill(~valid, IGNORE)


class _DiskMax(torch.autograd.Function):
    """Maximum over a disk around each pixel.

    Its own backward keeps one byte a pixel (which neighbor won) where a chain of pooling and
    maximum would keep several maps, and adds in a fixed order on every device.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, radius: float) -> Tensor:
        offsets = _disk(radius)
        best = x.clone()
        winner = torch.zeros_like(x, dtype=torch.uint8 if len(offsets) < 255 else torch.int16)
        for number, offset in enumerate(offsets, start=1):
            here, there = _overlap(offset, x.shape)
            better = x[there] > best[here]
            best[here] = torch.where(better, x[there], best[here])
            winner[here] = winner[here].masked_fill(better, number)
        ctx.save_for_backward(winner)
        ctx.offsets = offsets
        return best

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (winner,) = ctx.saved_tensors
        out = grad.masked_fill(winner != 0, 0.0)
        for number, offset in enumerate(ctx.offsets, start=1):
            here, there = _overlap(offset, grad.shape)
            out[there] += grad[here].masked_fill(winner[here] != number, 0.0)
        return out, None


def _disk(radius: float) -> list[tuple[int, int]]:
    """(dy, dx) within the radius without (0, 0), the nearest first."""
    reach = int(radius)
    steps = range(-reach, reach + 1)
    inside = [(dy, dx) for dy in steps for dx in steps if 0 < dy * dy + dx * dx <= radius * radius]
    return sorted(inside, key=lambda o: (o[0] ** 2 + o[1] ** 2, o))


def _overlap(offset: tuple[int, int], shape: torch.Size) -> tuple[Any, Any]:
    """Indices of the pixels that have a neighbor at this offset, and of those neighbors."""
    here, there = [], []
    for step, size in zip(offset, shape[-2:], strict=True):
        here.append(slice(max(-step, 0), max(size - max(step, 0), 0)))
        there.append(slice(max(step, 0), max(size - max(-step, 0), 0)))
    return (..., *here), (..., *there)
