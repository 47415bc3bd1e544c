"""Pack images with their edge labels for the model."""

from __future__ import annotations

import numpy as np
import torch
from mmengine.structures import PixelData
from mmseg.datasets.transforms import PackSegInputs
from mmseg.registry import TRANSFORMS


@TRANSFORMS.register_module()
class PackEdgeInputs(PackSegInputs):
    """Pack inputs and labels into a `SegDataSample`.

    Beside what :class:`mmseg.datasets.transforms.PackSegInputs` packs: `gt_edge_map`
    (K, H, W) uint8 and, where the pipeline loaded them, `gt_instance_map` (1, H, W) int32 and
    `gt_boundary_map` (K, H, W) uint8.
    """

    def transform(self, results: dict) -> dict:
        """Pack one sample."""
        # The parent would put a further axis in front of the edge maps.
        edges = results.pop('gt_edge_map', None)
        packed = super().transform(results)
        fields = {
            'gt_edge_map': edges,
            'gt_instance_map': results.get('gt_instance_map'),
            'gt_boundary_map': results.get('gt_boundary_map'),
        }
        for key, value in fields.items():
            if value is None:
                continue
            value = value.astype(np.int32)[None] if key == 'gt_instance_map' else value
            data = torch.from_numpy(np.ascontiguousarray(value))
            packed['data_samples'].set_data({key: PixelData(data=data)})
        return packed
