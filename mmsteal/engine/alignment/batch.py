"""Align the masks of a batch with the logits that the head has just computed."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmseg.structures import SegDataSample
from torch import Tensor

from mmsteal.engine.alignment.aligner import Aligner
from mmsteal.engine.alignment.masks import (
    LabelRule,
    Segments,
    keep_owners,
    redraw_edges,
    segment,
)
from mmsteal.engine.alignment.summary import AlignmentSummary
from mmsteal.functional.alignment.align_masks import align_masks
from mmsteal.functional.alignment.align_options import AlignOptions


class BatchAligner(Aligner):
    """Aligner of an edge head that moves masks as level sets.

    Masks are taken from the augmented label map of each sample (`gt_sem_seg`, and
    `gt_instance_map` if instance-sensitive), all of a batch are moved together, and the edges of
    the classes in which a mask has moved are drawn again by the rule of GenerateEdges. All other
    channels come back bit for bit. Where two masks claim a pixel, the one that had it and still
    claims it keeps it.

    Args:
        rule (LabelRule): How labels are read and edges drawn.
        options (AlignOptions): How masks move.
    """

    def __init__(self, rule: LabelRule, options: AlignOptions) -> None:
        super().__init__(rule)
        self.options = options

    def align(
        self, prob: Tensor, batch_data_samples: Sequence[SegDataSample], target: Tensor
    ) -> tuple[Tensor, AlignmentSummary]:
        """Align a batch; see the parent."""
        labels = _stack(batch_data_samples, 'gt_sem_seg', target, self.rule.ignore_index)
        instances = None
        if self.rule.instance_sensitive:
            instances = _stack(batch_data_samples, 'gt_instance_map', target, 0)
        given = segment(labels, instances, self.rule)
        if not given.images:
            return target, AlignmentSummary()
        masks, reports = align_masks(
            given.masks,
            prob,
            self.options,
            classes=[self.rule.channels[k] for k in given.classes],
            images=given.images,
            ignore=labels == self.rule.ignore_index,
        )
        moved = [report.status == 'moved' for report in reports]
        summary = AlignmentSummary.of(reports)
        if not any(moved):
            return target, summary
        masks = keep_owners(masks, given.masks, given.images)
        now = Segments(masks, given.images, given.classes, given.instances)
        return redraw_edges(target, labels, now, moved, self.rule), summary


def _stack(samples: Sequence[SegDataSample], key: str, target: Tensor, pad_value: int) -> Tensor:
    """Maps (N, H, W) of a batch, padded at the right and bottom to the size of the target."""
    height, width = target.shape[2:]
    maps = []
    for sample in samples:
        if key not in sample:
            raise KeyError(
                f'Expected every sample to hold `{key}`, from which alignment takes the masks, '
                f'but it has only {sorted(sample.keys())}; load it in the training pipeline and '
                'keep it with dict(type="PackEdgeInputs").'
            )
        data = sample.get(key).data.reshape(sample.get(key).data.shape[-2:])
        # mmseg's stack_batch pads the label map and the edge map, but not the instance map.
        pad = (0, width - data.shape[1], 0, height - data.shape[0])
        maps.append(F.pad(data, pad, value=pad_value) if any(pad) else data)
    return torch.stack(maps).to(target.device)
