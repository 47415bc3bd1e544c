"""Align the labels of a batch with the logits that the head has just computed.

Shape shorthand: N images; K classes; H, W height and width.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from mmseg.structures import SegDataSample
from torch import Tensor

from mmsteal.engine.alignment.masks import (
    LabelRule,
    Segments,
    keep_owners,
    redraw_edges,
    segment,
)
from mmsteal.engine.alignment.summary import AlignmentSummary
from mmsteal.functional.alignment import align_masks


class AlignedImage(NamedTuple):
    """The first image of a batch, for a picture.

    Attributes:
        given (Tensor): Edges of the labels (K, H, W) uint8.
        aligned (Tensor): Edges after alignment (K, H, W) uint8.
        predicted (Tensor): Edge probabilities (K, H, W).
    """

    given: Tensor
    aligned: Tensor
    predicted: Tensor


class BatchAligner:
    """Aligner of an edge head: targets in, aligned targets out, on the device, without storage.

    Masks are taken from the augmented label map of each sample (`gt_sem_seg`, and
    `gt_instance_map` if instance-sensitive), all of a batch are moved together, and the edges of
    the classes in which a mask has moved are drawn again by the rule of GenerateEdges. All other
    channels come back bit for bit. Where two masks claim a pixel, the one that had it and still
    claims it keeps it.

    A batch whose logits are not finite comes back as it is, and is counted.

    Args:
        rule (LabelRule): How labels are read and edges drawn.
        align (dict): Options of :func:`mmsteal.functional.alignment.align_masks`.

    Attributes:
        summary (AlignmentSummary): Over all calls until somebody empties it.
        latest (AlignmentSummary): Of the last call.
        shown (AlignedImage | None): Of the last call, if `show` was set.
        show (bool): Whether to keep the first image of a batch.
    """

    def __init__(self, rule: LabelRule, align: dict) -> None:
        self.rule = rule
        self.align = align
        self.summary = AlignmentSummary()
        self.latest = AlignmentSummary()
        self.show = False
        self.shown: AlignedImage | None = None

    @torch.no_grad()
    def __call__(
        self, logits: Tensor, batch_data_samples: Sequence[SegDataSample], target: Tensor
    ) -> Tensor:
        """Align a batch.

        Args:
            logits (Tensor): (N, K, H, W), of the size of `target`.
            batch_data_samples (Sequence[SegDataSample]): Their samples.
            target (Tensor): Edge labels (N, K, H, W) uint8.

        Returns:
            Tensor: Aligned edge labels; `target` itself if nothing moved.
        """
        if bool(logits.sum(dtype=torch.float32).isfinite()):
            prob = logits.float().sigmoid()
            labels = _stack(batch_data_samples, 'gt_sem_seg', target, self.rule.ignore_index)
            aligned, self.latest = self._align(prob, labels, batch_data_samples, target)
        else:
            prob, aligned = torch.zeros_like(logits), target
            self.latest = AlignmentSummary(num_unpredicted=len(target))
        self.summary += self.latest
        self.shown = AlignedImage(target[0], aligned[0], prob[0]) if self.show else None
        return aligned

    def _align(
        self,
        prob: Tensor,
        labels: Tensor,
        batch_data_samples: Sequence[SegDataSample],
        target: Tensor,
    ) -> tuple[Tensor, AlignmentSummary]:
        instances = None
        if self.rule.instance_sensitive:
            instances = _stack(batch_data_samples, 'gt_instance_map', target, 0)
        given = segment(labels, instances, self.rule)
        if not given.images:
            return target, AlignmentSummary()
        masks, reports = align_masks(
            given.masks,
            prob,
            classes=given.classes,
            images=given.images,
            ignore=labels == self.rule.ignore_index,
            **self.align,
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
