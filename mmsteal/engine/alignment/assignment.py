"""Assign the edges of a batch to the logits that the head has just computed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from mmseg.structures import SegDataSample
from torch import Tensor

from mmsteal.engine.alignment.aligner import Aligner
from mmsteal.engine.alignment.masks import LabelRule
from mmsteal.engine.alignment.summary import AlignmentSummary
from mmsteal.functional.alignment.assign_options import AssignOptions
from mmsteal.functional.alignment.edge_assignment import assign_edges
from mmsteal.functional.alignment.edge_bands import carry_bands
from mmsteal.functional.edge_maps.edges import IGNORE
from mmsteal.functional.edge_maps.thin import thin


class AssignmentAligner(Aligner):
    """Aligner of an edge head that moves edge pixels one-to-one, as SEAL does.

    The edges of each class are thinned, their pixels are assigned to pixels nearby, and the bands
    around them go along, as wide as GenerateEdges drew them. Only the edges themselves are read:
    samples need no label map. Ignored pixels stay ignored and nothing moves onto them. The
    assignment runs on the CPU.

    Args:
        rule (LabelRule): How edges are drawn.
        options (AssignOptions): How edge pixels move.
    """

    def __init__(self, rule: LabelRule, options: AssignOptions) -> None:
        super().__init__(rule)
        self.options = options

    def align(
        self, prob: Tensor, batch_data_samples: Sequence[SegDataSample], target: Tensor
    ) -> tuple[Tensor, AlignmentSummary]:
        """Align a batch; see the parent."""
        given = target.cpu().numpy()
        # Every class of every image is a problem of its own.
        edges, ignored = given == 1, given == IGNORE
        n, k = np.nonzero(edges.any(axis=(2, 3)))
        if not len(n):
            return target, AlignmentSummary()
        bands = edges[n, k]
        lines = bands if self.rule.thin else thin(bands)
        labels = np.where(ignored[n, k], IGNORE, lines).astype(np.uint8)
        scores = prob[torch.from_numpy(n), torch.from_numpy(k)].cpu().numpy()
        assigned, reports = assign_edges(labels, scores, self.options)
        summary = AlignmentSummary.of(reports)
        moved = np.array([report.status == 'moved' for report in reports])
        if not moved.any():
            return target, summary
        if not self.rule.thin:
            assigned = carry_bands(bands, reports, radius=self.rule.radius)
        aligned = given.copy()
        n, k = n[moved], k[moved]
        aligned[n, k] = np.where(ignored[n, k], IGNORE, assigned[moved])
        return torch.from_numpy(aligned).to(target.device), summary
