"""How wide is a response to an edge? Measured along the normals of the true edges."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from mmsteal.functional.edge_maps.normals import edge_normals
from mmsteal.functional.losses.edge_geometry import EdgeGeometry, edge_geometry

REACH_PX, STEP_PX, SEARCH_PX = 14.0, 0.25, 3.0
# What `response_widths` measures at each edge pixel.
MEASURES = ('width_px', 'height', 'offset_px', 'normal_deg')


def response_widths(
    probability: Tensor, edges: Tensor, *, max_pixels: int | None = None
) -> NDArray[np.float64]:
    """Measure the response at each pixel of the center line of the true edges.

    Args:
        probability: Predicted edges (N, K, H, W).
        edges: True edges of the same shape, 1 edge, 255 ignored.
        max_pixels: Measure evenly chosen ones where there are more.

    Returns:
        (P, 4): full width at half maximum in px; height of the maximum within 3 px of the edge;
        its distance from the edge in px; angle between the normals of response and label in
        degrees. NaN where the border of the image is too near. A side that does not fall to half
        within 14 px counts 14 px.
    """
    geometry = edge_geometry(edges)
    if max_pixels is not None and len(geometry.x) > max_pixels:
        chosen = torch.linspace(0, len(geometry.x) - 1, max_pixels).long()
        geometry = geometry._replace(
            **{name: getattr(geometry, name)[chosen] for name in ('slot', 'y', 'x', 'angle')}
        )
    if not len(geometry.x):
        return np.empty((0, len(MEASURES)))
    found = np.array([width_height_offset(p) for p in edge_profiles(probability, geometry)])
    angle = torch.empty_like(geometry.angle)
    maps = geometry.maps[geometry.slot]
    for n in maps.unique():
        mine = maps == n
        normals = edge_normals(probability.flatten(0, 1)[n][None])[0]
        angle[mine] = normals[geometry.y[mine], geometry.x[mine]]
    error = (angle - geometry.angle).remainder(math.pi)
    error = torch.rad2deg(torch.minimum(error, math.pi - error)).double().numpy()
    error[np.isnan(found[:, 0])] = np.nan
    return np.column_stack([found, error])


def edge_profiles(probability: Tensor, geometry: EdgeGeometry) -> NDArray[np.float64]:
    """Responses along the normals (P, S), every quarter of a pixel; NaN outside the image."""
    height, width = probability.shape[-2:]
    t = torch.arange(-REACH_PX, REACH_PX + STEP_PX / 2, STEP_PX)
    x = geometry.x[:, None] + t * torch.cos(geometry.angle)[:, None]
    y = geometry.y[:, None] + t * torch.sin(geometry.angle)[:, None]
    grid = torch.stack([x * 2 / (width - 1) - 1, y * 2 / (height - 1) - 1], -1)
    out = torch.full(x.shape, torch.nan)
    maps = geometry.maps[geometry.slot]
    for n in maps.unique():
        mine = maps == n
        response = probability.flatten(0, 1)[n][None, None]
        out[mine] = F.grid_sample(response, grid[mine][None], align_corners=True)[0, 0]
    outside = (x < 0) | (x > width - 1) | (y < 0) | (y > height - 1)
    return out.masked_fill(outside, torch.nan).double().numpy()


def width_height_offset(profile: NDArray[np.float64]) -> tuple[float, float, float]:
    """FWHM in px, height and |offset| in px of the maximum near the true edge."""
    middle = len(profile) // 2
    near = round(SEARCH_PX / STEP_PX)
    window = profile[middle - near : middle + near + 1]
    if np.isnan(window).any():
        return math.nan, math.nan, math.nan
    peak = middle - near + int(np.argmax(window))
    half = profile[peak] / 2
    width = 0.0
    for side in (profile[peak:], profile[peak::-1]):
        below = np.flatnonzero(~(side >= half))
        if not below.size:
            width += REACH_PX  # a lower bound
            continue
        last = below[0] - 1
        # outside the image nothing is known: the side ends there
        fall = side[last] - side[last + 1]
        width += (last + (0.0 if np.isnan(fall) else (side[last] - half) / fall)) * STEP_PX
    return width, profile[peak], abs(peak - middle) * STEP_PX
