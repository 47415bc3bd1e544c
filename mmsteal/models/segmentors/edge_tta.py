"""Test-time augmentation of boundary maps."""

from __future__ import annotations

import torch
from mmengine.structures import PixelData
from mmseg.models.segmentors import SegTTAModel
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample


@MODELS.register_module()
class EdgeTTAModel(SegTTAModel):
    """Average the boundary probabilities of flipped and scaled copies of an image.

    Of a :class:`SegEdgeEncoderDecoder` the class probabilities too.
    """

    def merge_preds(self, data_samples_list: list[list[SegDataSample]]) -> list[SegDataSample]:
        """Merge the predictions of each image's copies.

        Args:
            data_samples_list (list[list[SegDataSample]]): Per image, one sample per copy, already
                mapped back onto the original image.

        Returns:
            list[SegDataSample]: One sample per image, with the mean `pred_edge_map` and, where
            the copies have `seg_logits`, the `pred_sem_seg` of their mean.
        """
        probs = [
            torch.stack([s.pred_edge_map.data for s in samples]).mean(dim=0)
            for samples in data_samples_list
        ]
        merged = [samples[0] for samples in data_samples_list]
        if 'seg_logits' in merged[0]:
            merged = super().merge_preds(data_samples_list)
        for sample, prob in zip(merged, probs, strict=True):
            sample.set_data({'pred_edge_map': PixelData(data=prob)})
        return merged
