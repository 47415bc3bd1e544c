"""What every aligner of an edge head shares: checks, counts and the picture.

Shape shorthand: N images; K classes; H, W height and width.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import torch
from mmseg.structures import SegDataSample
from torch import Tensor

from mmsteal.engine.alignment.masks import LabelRule
from mmsteal.engine.alignment.summary import AlignmentSummary


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


class Aligner(ABC):
    """Base of the aligners of an edge head: targets in, aligned targets out, without storage.

    A batch whose logits are not finite comes back as it is, and is counted.

    Args:
        rule (LabelRule): How labels are read and edges drawn.

    Attributes:
        summary (AlignmentSummary): Over all calls until somebody empties it.
        latest (AlignmentSummary): Of the last call.
        shown (AlignedImage | None): Of the last call, if `show` was set.
        show (bool): Whether to keep the first image of a batch.
    """

    def __init__(self, rule: LabelRule) -> None:
        self.rule = rule
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
            aligned, self.latest = self.align(prob, batch_data_samples, target)
        else:
            prob, aligned = torch.zeros_like(logits), target
            self.latest = AlignmentSummary(num_unpredicted=len(target))
        self.summary += self.latest
        self.shown = AlignedImage(target[0], aligned[0], prob[0]) if self.show else None
        return aligned

    @abstractmethod
    def align(
        self, prob: Tensor, batch_data_samples: Sequence[SegDataSample], target: Tensor
    ) -> tuple[Tensor, AlignmentSummary]:
        """Align a batch whose edge probabilities `prob` (N, K, H, W) are finite.

        Returns:
            tuple: The aligned target, `target` itself if nothing moved, and what happened.
        """
