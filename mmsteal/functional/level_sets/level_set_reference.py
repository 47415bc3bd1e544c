"""The evolution of a level set in plain array code, to read and to compare with."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from mmsteal.functional.level_sets.evolution_options import Border

_ROW = np.array([[0, 0, 0], [1, 1, 1], [0, 0, 0]], bool)
_DIAGONAL = np.eye(3, dtype=bool)
_LINES = (_ROW, _ROW.T, _DIAGONAL, _DIAGONAL[::-1])


def evolve_level_set_reference(
    mask: NDArray[np.bool_],
    speed: NDArray[np.floating[Any]],
    num_iters: int,
    *,
    smoothing: int = 1,
    balloon: float = 0.0,
    threshold: float = 0.0,
    phase: int = 0,
    border: Border = 'constant',
) -> NDArray[np.bool_]:
    """Evolve one mask by Eq. 13, an operator a line, after Marquez-Neila et al. (2014).

    :func:`~mmsteal.functional.evolve_level_set` computes the same, to the pixel, some
    hundred times faster; it explains the operators and the options.

    Args:
        mask: Mask (H, W), bool, at least 2 pixels on each side.
        speed: Speed g (H, W), float.
        num_iters: Number of iterations.
        smoothing: Curvature operators an iteration.
        balloon: Balloon force c.
        threshold: Speed below which the balloon stops, times abs(c).
        phase: 0 to begin with SI∘IS, 1 to begin with IS∘SI.
        border: What lies outside of the image.

    Returns:
        The evolved mask (H, W), bool.

    Example:
        >>> mask = np.zeros((5, 5), bool)
        >>> mask[2, 2] = True
        >>> speed = np.ones((5, 5))
        >>> print(evolve_level_set_reference(mask, speed, 1, smoothing=0, balloon=1).sum())
        9
    """

    def apply(operator: Any, u: NDArray[np.bool_], structure: Any) -> NDArray[np.bool_]:
        padded = np.pad(u, 1, mode='edge' if border == 'replicate' else 'constant')
        return operator(padded, structure)[1:-1, 1:-1]

    def inf_sup(u: NDArray[np.bool_]) -> NDArray[np.bool_]:
        return np.all([apply(ndi.binary_dilation, u, line) for line in _LINES], axis=0)

    def sup_inf(u: NDArray[np.bool_]) -> NDArray[np.bool_]:
        return np.any([apply(ndi.binary_erosion, u, line) for line in _LINES], axis=0)

    u = mask
    for _ in range(num_iters):
        if balloon:
            move = ndi.binary_dilation if balloon > 0 else ndi.binary_erosion
            moved = apply(move, u, np.ones((3, 3), bool))
            u = np.where(speed > threshold / abs(balloon), moved, u)
        towards = np.zeros_like(speed)  # the product of the gradients, in the speed's precision
        for along_speed, along_u in zip(
            np.gradient(speed), np.gradient(u.astype(int)), strict=True
        ):
            towards += along_speed * along_u
        u = (u | (towards > 0)) & ~(towards < 0)
        for _ in range(smoothing):
            u = inf_sup(sup_inf(u)) if phase else sup_inf(inf_sup(u))
            phase = 1 - phase
    return u
