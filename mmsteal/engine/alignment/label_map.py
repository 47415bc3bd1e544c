"""A label map in, the aligned label map out."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mmsteal.engine.alignment.masks import LabelRule, segment
from mmsteal.functional.alignment import MaskAlignment, align_masks
from mmsteal.functional.label_merge import merge_masks


def align_label_map(
    label_map: NDArray[np.uint8],
    edge_prob: Tensor,
    rule: LabelRule,
    *,
    instance_map: NDArray[np.integer] | None = None,
    unclaimed: int | None = None,
    **align,
) -> tuple[NDArray[np.uint8], NDArray[np.integer] | None, list[MaskAlignment]]:
    """Align every class, or every instance, of a label map, and write them back into one map.

    Args:
        label_map (NDArray): Labels (H, W) uint8.
        edge_prob (Tensor): Edge probabilities (K, H, W), on any device; the masks evolve there.
        rule (LabelRule): What the labels mean.
        instance_map (NDArray | None): Instance ids (H, W); needed if the rule is
            instance-sensitive, and not read otherwise.
        unclaimed (int | None): Label of pixels that a mask had and none claims any more. None: the
            background where there is one, or else ignored.
        **align: Options of :func:`mmsteal.functional.alignment.align_masks`.

    Returns:
        tuple: The new label map, the new instance map (None if not instance-sensitive; 0 where no
        mask is), and what happened to each mask.
    """
    if unclaimed is None:
        unclaimed = rule.ignore_index if rule.background is None else rule.background
    labels = torch.from_numpy(label_map)[None].to(edge_prob.device)
    instances = None
    if rule.instance_sensitive:
        if instance_map is None:
            raise ValueError(
                'Expected argument `instance_map` to be instance ids where the rule is '
                'instance-sensitive, but got None; load them, or set it to False.'
            )
        instances = torch.from_numpy(instance_map.astype(np.int64))[None].to(edge_prob.device)
    given = segment(labels, instances, rule)
    if not given.classes:
        return label_map.copy(), instance_map if rule.instance_sensitive else None, []
    masks, reports = align_masks(
        given.masks,
        edge_prob,
        classes=given.classes,
        ignore=(labels == rule.ignore_index)[0],
        **align,
    )
    if not any(report.status == 'moved' for report in reports):
        return label_map.copy(), instance_map if rule.instance_sensitive else None, reports
    merged, owner = merge_masks(
        masks.cpu().numpy(),
        given.masks.cpu().numpy(),
        np.array(rule.class_values)[given.classes],
        label_map,
        edge_prob=edge_prob.float().cpu().numpy()[given.classes],
        unclaimed=unclaimed,
        ignore_index=rule.ignore_index,
    )
    if instance_map is None or not rule.instance_sensitive:
        return merged, None, reports
    ids = np.where(owner >= 0, np.array(given.instances)[owner], 0)
    return merged, ids.astype(instance_map.dtype), reports
