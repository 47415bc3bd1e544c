"""Test-time augmentation of boundary maps."""

from __future__ import annotations

import torch
from mmengine.structures import PixelData
from mmseg.models.segmentors import SegTTAModel
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample


@MODELS.register_module()
class EdgeTTAModel(SegTTAModel):
    """Average the boundary probabilities of flipped and scaled copies of an image."""

    def merge_preds(self, data_samples_list: list[list[SegDataSample]]) -> list[SegDataSample]:
        """Merge the predictions of each image's copies.

        Args:
            data_samples_list (list[list[SegDataSample]]): Per image, one sample per copy, already
                mapped back onto the original image.

        Returns:
            list[SegDataSample]: One sample per image, with the mean `pred_edge_map`.
        """
        merged = []
        for samples in data_samples_list:
            prob = torch.stack([s.pred_edge_map.data for s in samples]).mean(dim=0)
            sample = samples[0]
            sample.set_data({'pred_edge_map': PixelData(data=prob)})
            merged.append(sample)
        return merged
