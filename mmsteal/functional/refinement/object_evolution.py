"""Objects that evolve to their edges one by one, as level sets, and share the ground.

Shape shorthand: M objects; K edge maps; H, W height and width.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mmsteal.functional.alignment.align_masks import align_masks
from mmsteal.functional.alignment.align_options import AlignOptions
from mmsteal.functional.alignment.step_choice import MaskAlignment
from mmsteal.functional.labels.bounding_box import bounding_box
from mmsteal.functional.labels.label_merge import Claim, settle_claims
from mmsteal.functional.labels.object_map import present_objects

# Masks that evolve in one call: few enough to hold 2048 x 1024 masks of many objects in memory.
_GROUP = 32


def evolve_objects(
    object_map: NDArray[np.int32],
    edge_prob: Tensor,
    classes: Sequence[int],
    barred: NDArray[np.bool_],
    options: AlignOptions,
) -> tuple[NDArray[np.int32], dict[int, MaskAlignment]]:
    """Move objects to their edges, all at one size.

    Each object evolves alone (:func:`~mmsteal.functional.align_masks`). A pixel of
    several goes to its owner by :func:`~mmsteal.functional.settle_overlaps`; a pixel
    that none claims any more has no owner.

    Args:
        object_map: Index of the object of each pixel (H, W), int32, -1 for none.
        edge_prob: Edge probabilities (K, H, W) in [0, 1], on any device.
        classes: Edge map of each object (M,); -1 for an object that stays as it is and holds its
            ground.
        barred: Pixels (H, W), bool, that are left alone and say nothing.
        options: How the objects evolve.

    Returns:
        The map after it (H, W), int32, and what happened to each object that evolved, by index.
    """
    claims, reports = _evolve(object_map, edge_prob, classes, barred, options)
    # Objects that do not evolve hold their ground.
    held = barred | np.append(np.array([k < 0 for k in classes], bool), False)[object_map]
    for claim in claims:
        claim.mask[held[claim.box] & (object_map[claim.box] != claim.index)] = False
    refined = settle_claims(object_map, claims, edge_prob.float().cpu().numpy(), classes)
    refined[held] = object_map[held]
    return refined, reports


def _evolve(
    object_map: NDArray[np.int32],
    edge_prob: Tensor,
    classes: Sequence[int],
    barred: NDArray[np.bool_],
    options: AlignOptions,
) -> tuple[list[Claim], dict[int, MaskAlignment]]:
    """What each object claims, and what happened to it; a few objects at a time."""
    present = [m for m in present_objects(object_map) if m >= 0 and classes[m] >= 0]
    labels = torch.from_numpy(object_map).to(edge_prob.device)
    ignore = torch.from_numpy(barred).to(edge_prob.device)
    claims, reports = [], {}
    for first in range(0, len(present), _GROUP):
        group = present[first : first + _GROUP]
        masks, found = align_masks(
            labels == torch.tensor(group, device=edge_prob.device)[:, None, None],
            edge_prob,
            options,
            classes=[classes[m] for m in group],
            ignore=ignore,
        )
        for m, mask, report in zip(group, masks.cpu().numpy(), found, strict=True):
            box = bounding_box(mask | (object_map == m))
            claims.append(Claim(m, box, mask[box].copy()))
            reports[m] = report
    return claims, reports
