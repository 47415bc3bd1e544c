"""Bands that go along with the thin edges inside of them.

Shape shorthand: K classes; H, W height and width.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mmsteal.functional.alignment.edge_assignment import EdgeAssignment, disk_offsets


def carry_bands(
    bands: ArrayLike, reports: Sequence[EdgeAssignment], *, radius: float
) -> NDArray[np.bool_]:
    r"""Move the bands around thin edges by the displacements of these edges.

    Each edge pixel q takes the pixels of the band within the radius of it along,

    .. math::
        \hat b(p) = \exists\, q : \|p - (q + m_q)\| \le r,\; b(p - m_q) = 1

    and pixels that are within the radius of none stay. So a moved band is as wide as it was, and
    one that did not move has the same pixels.

    Args:
        bands: Bands (K, H, W) or (H, W), bool, which contain the edges that were moved.
        reports: What :func:`~mmsteal.functional.assign_edges` says of the thinned
            bands.
        radius: Half thickness r of the bands in px.

    Returns:
        The moved bands, bool, of the shape of `bands`. What moved out of the image is lost.

    Raises:
        ValueError: There is not one report for each class.

    Example:
        >>> from mmsteal.functional import assign_edges, thin
        >>> band = np.zeros((9, 14), bool)
        >>> band[:, 2:6] = True
        >>> edge_prob = np.full((9, 14), 0.05)
        >>> edge_prob[:, 8] = 0.9
        >>> _, reports = assign_edges(thin(band), edge_prob)
        >>> carry_bands(band, reports, radius=2)[4].astype(int)
        array([0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0])
    """
    given = np.asarray(bands, dtype=bool)
    maps = given.reshape(-1, *given.shape[-2:])
    if len(maps) != len(reports):
        raise ValueError(
            f'Expected argument `reports` to have one entry for each of {len(maps)} maps, but got '
            f'{len(reports)}; pass on what assign_edges returned.'
        )
    moved = maps.copy()
    offsets = disk_offsets(radius)
    reach = int(radius)
    for band, out, report in zip(maps, moved, reports, strict=True):
        if report.status == 'kept':
            continue
        sources = report.pixels[:, None] + offsets
        # Padded, so that pixels of a window that lie outside of the image need no care.
        padded = np.pad(band, reach)
        taken = padded[tuple(np.moveaxis(sources + reach, -1, 0))]
        targets = (sources + report.displacements[:, None])[taken]
        taken_from = sources[taken]
        out[taken_from[:, 0], taken_from[:, 1]] = False
        inside = ((targets >= 0) & (targets < band.shape)).all(axis=1)
        out[targets[inside, 0], targets[inside, 1]] = True
    return moved.reshape(given.shape)
