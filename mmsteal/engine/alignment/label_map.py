"""A label map in, the aligned label map out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from mmsteal.engine.alignment.masks import LabelRule
from mmsteal.functional.alignment.align_options import AlignOptions
from mmsteal.functional.refinement.object_refinement import ObjectRefinement
from mmsteal.functional.refinement.refine_label_map import refine_label_map


def align_label_map(
    label_map: NDArray[np.uint8],
    edge_prob: Tensor,
    rule: LabelRule,
    options: AlignOptions = AlignOptions(),
    *,
    instance_map: NDArray[np.integer] | None = None,
    unclaimed: int | None = None,
) -> tuple[NDArray[np.uint8], NDArray[np.integer] | None, list[ObjectRefinement]]:
    """Align every class, or every instance, of a label map, and write them back into one map.

    Args:
        label_map (NDArray): Labels (H, W) uint8.
        edge_prob (Tensor): Edge probabilities (K, H, W), on any device; the masks evolve there.
        rule (LabelRule): What the labels mean.
        options (AlignOptions): How masks move.
        instance_map (NDArray | None): Instance ids (H, W); needed if the rule is
            instance-sensitive, and not read otherwise.
        unclaimed (int | None): Label of pixels that a mask had and none claims any more. None: the
            background where there is one, or else ignored.

    Returns:
        tuple: The new label map, the new instance map (None if not instance-sensitive; 0 where no
        mask is), and what happened to each mask.

    Raises:
        ValueError: If instances are to be told apart and there are none.
    """
    if rule.instance_sensitive and instance_map is None:
        raise ValueError(
            'Expected argument `instance_map` to be instance ids where the rule is '
            'instance-sensitive, but got None; load them, or set it to False.'
        )
    refined = refine_label_map(
        label_map,
        edge_prob,
        options,
        classes=dict(zip(rule.class_values, rule.channels, strict=True)),
        instance_map=instance_map if rule.instance_sensitive else None,
        background=rule.background,
        ignore_index=rule.ignore_index,
        unclaimed=unclaimed,
    )
    ids = refined.instance_map
    if ids is not None:
        ids = np.where(np.isin(refined.label_map, rule.class_values), ids, 0).astype(ids.dtype)
    return refined.label_map, ids, refined.objects
