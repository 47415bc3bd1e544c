"""The speed of a level set: low where a boundary is likely, so that an outline stops there.

Shape shorthand: K edge maps (one a class, or one a mask); H, W height and width.
"""

from __future__ import annotations

import math
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Array = TypeVar('Array', NDArray[Any], Tensor)


def edge_evidence(edge_prob: Array, *, peak_floor: float = 1.0, other_weight: float = 0.0) -> Array:
    r"""What speaks for a boundary of each class: its own edge probability, and that of the others.

    .. math::
        e_k = \tilde f_k + w \sum_{j \ne k} \tilde f_j, \qquad
        \tilde f_k = \frac{f_k}{\max(\max_p f_k(p),\, m)}

    The classes next to each other share a boundary. With w = 0 a class that its network does not
    see there walks over it into the neighbor.

    Args:
        edge_prob: Edge probabilities f of each class (K, H, W), float in [0, 1].
        peak_floor: m, in (0, 1]. Each map is divided by its maximum, but never by less than m,
            which would turn the noise of an absent class into edges. 1 leaves probabilities as
            they are.
        other_weight: w, at least 0.

    Returns:
        The evidence e (K, H, W), at least 0; above 1 where several classes agree.

    Raises:
        TypeError: `edge_prob` is not a floating point array or tensor.
        ValueError: `edge_prob` is not of shape (K, H, W), holds values outside [0, 1] (NaN and
            logits among them), or an option is out of its range.

    Example:
        >>> edge_prob = np.array([[[0.2, 0.5]], [[0.1, 0.0]]])
        >>> edge_evidence(edge_prob, peak_floor=0.25, other_weight=0.5)
        array([[[0.6, 1. ]],
        <BLANKLINE>
               [[0.6, 0.5]]])
    """
    prob = check_edge_prob(edge_prob)
    if prob.ndim != 3:
        raise ValueError(
            'Expected argument `edge_prob` to have shape (K, H, W), but got shape '
            f'{tuple(prob.shape)}; take one image at a time.'
        )
    own, others = evidence_terms(prob, peak_floor=peak_floor, other_weight=other_weight)
    evidence = torch.addcmul(others, prob, own[:, None, None])
    return evidence.numpy() if isinstance(edge_prob, np.ndarray) else evidence


def speed_function(
    evidence: Array, given_edges: Array | None = None, *, alpha: float = 1.0, lam: float = 0.0
) -> Array:
    r"""Speed of a level set from edge evidence and, if asked for, from the given edges (Eq. 11).

    .. math::
        g = \frac{1}{\sqrt{1 + \alpha f}} + \frac{\lambda}{\sqrt{1 + \alpha y}}

    (the paper has :math:`\alpha = 1`).

    Args:
        evidence: Edge evidence f (K, H, W), float, at least 0; see :func:`edge_evidence`, or
            edge probabilities as they are.
        given_edges: Edges y of the given masks, shape of `evidence`, bool or number in [0, 1]:
            :func:`mmsteal.functional.mask_edges` with radius 1 or more. Needed if `lam` > 0.
        alpha: Contrast, above 0.
        lam: Weight :math:`\lambda` of the given edges, at least 0: how hard they hold the outline.

    Returns:
        The speed g (K, H, W), between 0 and 1 + :math:`\lambda`.

    Raises:
        TypeError: `evidence` is not a floating point array or tensor.
        ValueError: Shapes differ, `given_edges` is missing, or an option is out of its range.

    Example:
        >>> speed_function(np.array([[[0.0, 3.0]]]))
        array([[[1. , 0.5]]])
    """
    _check_contrast(alpha, lam)
    values = as_float_tensor('evidence', evidence)
    speed = _falloff(values, alpha)
    if lam > 0:
        if given_edges is None:
            raise ValueError(
                'Expected argument `given_edges` to be the edges of the given masks with '
                '`lam` > 0, but got None; pass them, or set `lam` to 0.'
            )
        if given_edges.shape != evidence.shape:
            raise ValueError(
                'Expected argument `given_edges` to have the shape of `evidence`, '
                f'{tuple(evidence.shape)}, but got {tuple(given_edges.shape)}.'
            )
        edges = torch.as_tensor(given_edges, device=values.device).to(values.dtype)
        speed += lam * _falloff(edges, alpha)
    return speed.numpy() if isinstance(evidence, np.ndarray) else speed


def balloon_threshold(stop_evidence: float, *, alpha: float = 1.0, lam: float = 0.0) -> float:
    r"""Threshold on the speed at which the balloon stops: where the evidence is `stop_evidence`.

    .. math::
        \theta = \frac{1}{\sqrt{1 + \alpha e^*}} + \lambda

    which is the speed (Eq. 11) of a pixel of evidence :math:`e^*` away from the given edges.

    Args:
        stop_evidence: Evidence :math:`e^*`, at least 0; above 1 only edges that several classes
            agree on stop the balloon, and infinity lets it run on.
        alpha: Contrast, as in :func:`speed_function`.
        lam: Weight of the given edges, as in :func:`speed_function`.

    Returns:
        The threshold, for a balloon force of magnitude 1.

    Raises:
        ValueError: An argument is out of its range.

    Example:
        >>> round(balloon_threshold(0.0203), 3)
        0.99
    """
    _check_contrast(alpha, lam)
    if not stop_evidence >= 0:
        raise ValueError(f'Expected argument `stop_evidence` to be >= 0, but got {stop_evidence}.')
    return 1 / math.sqrt(1 + alpha * stop_evidence) + lam


def evidence_terms(
    prob: Tensor, *, peak_floor: float, other_weight: float
) -> tuple[Tensor, Tensor]:
    """Factors (K,) and a shared map (H, W): evidence of class k = factors[k] * prob[k] + shared.

    The sum over the other classes is the sum over all classes less the own one, so that one sum
    serves every class.
    """
    check_evidence_weights(peak_floor, other_weight)
    scale = prob.new_ones(len(prob))
    if peak_floor < 1 and prob.numel():
        scale /= prob.amax(dim=(1, 2)).clamp_min(peak_floor)
    shared = prob.new_zeros(prob.shape[1:])
    if other_weight > 0:
        shared = torch.tensordot(scale * other_weight, prob, dims=1)
    return scale * (1 - other_weight), shared


def check_evidence_weights(peak_floor: float, other_weight: float) -> None:
    """Raise a ValueError unless both are in the range of :func:`edge_evidence`."""
    if not 0 < peak_floor <= 1:
        raise ValueError(f'Expected argument `peak_floor` to be in (0, 1], but got {peak_floor}.')
    if not 0 <= other_weight < math.inf:
        raise ValueError(
            f'Expected argument `other_weight` to be finite and >= 0, but got {other_weight}.'
        )


def as_float_tensor(name: str, value: Any) -> Tensor:
    """A tensor of float32 or more that shares memory with `value` where it can."""
    if isinstance(value, np.ndarray) and np.issubdtype(value.dtype, np.floating):
        value = torch.from_numpy(np.require(value, requirements='W'))
    if not isinstance(value, Tensor) or not value.is_floating_point():
        raise TypeError(
            f'Expected argument `{name}` to be a floating point array or tensor, but got '
            f'{getattr(value, "dtype", type(value))}; convert it first.'
        )
    value = value.detach()
    return value if value.dtype == torch.float64 else value.float()


def check_edge_prob(edge_prob: Any) -> Tensor:
    """`edge_prob` as a tensor of float32 or more of (K, H, W) or (N, K, H, W), all in [0, 1]."""
    prob = as_float_tensor('edge_prob', edge_prob)
    if prob.ndim not in (3, 4):
        raise ValueError(
            'Expected argument `edge_prob` to have shape (K, H, W), or (N, K, H, W) for several '
            f'images, but got shape {tuple(prob.shape)}; a single map is edge_prob[None].'
        )
    if prob.numel():
        low, high = (float(v) for v in torch.stack(torch.aminmax(prob)).cpu())
        if not (low >= 0 and high <= 1):
            raise ValueError(
                'Expected argument `edge_prob` to hold probabilities in [0, 1], '
                f'but got values from {low:g} to {high:g}; apply a sigmoid to logits, '
                'and find out where NaN comes from.'
            )
    return prob


def _falloff(values: Tensor, alpha: float) -> Tensor:
    """1 / sqrt(1 + alpha * values), in one buffer."""
    return values.mul(alpha).add_(1).rsqrt_()


def _check_contrast(alpha: float, lam: float) -> None:
    for name, value, ok in (('alpha', alpha, alpha > 0), ('lam', lam, lam >= 0)):
        if not (ok and math.isfinite(value)):
            bound = '> 0' if name == 'alpha' else '>= 0'
            raise ValueError(
                f'Expected argument `{name}` to be finite and {bound}, but got {value}.'
            )
