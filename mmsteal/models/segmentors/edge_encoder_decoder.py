"""Segmentor whose output is K boundary maps instead of one label map."""

from __future__ import annotations

from mmengine.structures import PixelData
from mmseg.models.segmentors import EncoderDecoder
from mmseg.models.utils import resize
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor


@MODELS.register_module()
class EdgeEncoderDecoder(EncoderDecoder):
    """Encoder-decoder that predicts a boundary probability per class.

    A pixel may lie on the boundary of several classes at once: outputs are K sigmoids, there is
    no argmax. Predictions are `pred_edge_map`, (K, H, W) float in [0, 1] at the image's original
    size. `test_cfg=dict(mode='whole')` or `dict(mode='slide', crop_size=..., stride=...)`;
    overlapping windows are averaged as probabilities.

    Arguments as in :class:`mmseg.models.segmentors.EncoderDecoder`, with an edge head
    (:class:`CASENetHead`) as `decode_head`.
    """

    def encode_decode(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Boundary probabilities (N, K, H, W) of images (N, 3, H, W)."""
        return super().encode_decode(inputs, batch_img_metas).sigmoid()

    def postprocess_result(
        self, seg_logits: Tensor, data_samples: list[SegDataSample] | None = None
    ) -> list[SegDataSample]:
        """Undo padding, flip and resize.

        Args:
            seg_logits (Tensor): Probabilities (N, K, H, W) at the network's input size.
            data_samples (list[SegDataSample] | None): Samples that say what was done to the
                images; None takes the maps as they are.

        Returns:
            list[SegDataSample]: The samples, each with `pred_edge_map` (K, H, W).
        """
        if data_samples is None:
            data_samples = [SegDataSample() for _ in seg_logits]
        for prob, sample in zip(seg_logits, data_samples, strict=True):
            prob = _undo_test_transforms(prob, sample.metainfo, self.align_corners)
            sample.set_data({'pred_edge_map': PixelData(data=prob)})
        return data_samples


def _undo_test_transforms(prob: Tensor, meta: dict, align_corners: bool) -> Tensor:
    """Map (K, H, W) probabilities back onto the original image."""
    left, right, top, bottom = meta.get('img_padding_size', meta.get('padding_size', (0, 0, 0, 0)))
    height, width = prob.shape[-2:]
    prob = prob[:, top : height - bottom, left : width - right]
    if meta.get('flip'):
        axes = {'horizontal': (-1,), 'vertical': (-2,), 'diagonal': (-2, -1)}
        prob = prob.flip(dims=axes[meta['flip_direction']])
    size = tuple(meta.get('ori_shape', prob.shape[-2:]))[:2]
    if size != tuple(prob.shape[-2:]):
        prob = resize(prob[None], size=size, mode='bilinear', align_corners=align_corners)[0]
    return prob
