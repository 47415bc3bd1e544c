"""Segmentor that also predicts boundary maps, with an auxiliary edge head."""

from __future__ import annotations

import torch
from mmengine.structures import PixelData
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmsteal.models.decode_heads.edge_head import EdgeHead
from mmsteal.models.pretrained import checked_pretrained
from mmsteal.models.segmentors.edge_encoder_decoder import undo_test_transforms
from mmsteal.models.segmentors.one_size import OneSizeBatches


@MODELS.register_module()
class SegEdgeEncoderDecoder(OneSizeBatches, EncoderDecoder):
    """Encoder-decoder with a segmentation head and an auxiliary edge head, both of them predicted.

    The auxiliary edge head is trained by :class:`mmseg.models.segmentors.EncoderDecoder` too, which
    drops it at test time. Here the predictions are `pred_sem_seg` and `seg_logits` as ever, and
    `pred_edge_map`, (K, H, W) float in [0, 1] at the image's original size, from one pass of the
    backbone; in slide mode overlapping windows are averaged.

    Arguments as in :class:`mmseg.models.segmentors.EncoderDecoder`. `auxiliary_head` is an edge
    head (:class:`CASENetHead`), or a list with one among others; of several the first is predicted.

    Raises:
        ValueError: If there is no edge head among the auxiliary heads, or `decode_head` is one.
    """

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if isinstance(self.decode_head, EdgeHead):
            raise ValueError(
                'Expected the decode_head of SegEdgeEncoderDecoder to segment, but '
                f'{type(self.decode_head).__name__} is an edge head; use '
                "type='EdgeEncoderDecoder', or make it the auxiliary_head."
            )
        if not self._edge_heads():
            names = [type(head).__name__ for head in self._auxiliary_heads()]
            raise ValueError(
                'Expected an edge head among the auxiliary heads of SegEdgeEncoderDecoder, but got '
                f'{names or "none"}; add dict(type="CASENetHead", ...) to `auxiliary_head`, or use '
                "type='EncoderDecoder'."
            )

    def init_weights(self) -> None:
        """Initialise; pretrained weights that do not fit are an error."""
        with checked_pretrained(self):
            super().init_weights()

    @property
    def edge_head(self) -> EdgeHead:
        """The head whose edges are predicted."""
        return self._edge_heads()[0]

    def _edge_heads(self) -> list[EdgeHead]:
        return [head for head in self._auxiliary_heads() if isinstance(head, EdgeHead)]

    def _auxiliary_heads(self) -> list[nn.Module]:
        if not self.with_auxiliary_head:
            return []
        heads = self.auxiliary_head
        return list(heads) if isinstance(heads, nn.ModuleList) else [heads]

    def encode_decode(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Segmentation logits and, behind them, boundary probabilities: (N, C + K, H, W)."""
        features = self.extract_feat(inputs)
        logits = self.decode_head.predict(features, batch_img_metas, self.test_cfg)
        edges = self.edge_head.predict(features, batch_img_metas, self.test_cfg).sigmoid()
        return torch.cat([logits, edges], dim=1)

    def slide_inference(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Average overlapping windows; see the parent."""
        # The parent makes room for `out_channels` maps; here the edges need theirs as well.
        out_channels = self.out_channels
        self.out_channels = out_channels + self.edge_head.num_classes
        try:
            return super().slide_inference(inputs, batch_img_metas)
        finally:
            self.out_channels = out_channels

    def postprocess_result(
        self, seg_logits: Tensor, data_samples: list[SegDataSample] | None = None
    ) -> list[SegDataSample]:
        """Undo padding, flip and resize; choose the class of each pixel.

        Args:
            seg_logits (Tensor): What :meth:`encode_decode` gives, (N, C + K, H, W).
            data_samples (list[SegDataSample] | None): Samples that say what was done to the
                images; None takes the maps as they are.

        Returns:
            list[SegDataSample]: The samples, each with `pred_sem_seg`, `seg_logits` and
            `pred_edge_map`.
        """
        logits, edges = seg_logits.tensor_split([self.out_channels], dim=1)
        samples = super().postprocess_result(logits, data_samples)
        for prob, sample in zip(edges, samples, strict=True):
            prob = undo_test_transforms(prob, sample.metainfo, self.align_corners)
            sample.set_data({'pred_edge_map': PixelData(data=prob)})
        return samples
