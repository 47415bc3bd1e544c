"""Segmentor whose output is K boundary maps instead of one label map."""

from __future__ import annotations

import torch
from mmengine.structures import PixelData
from mmseg.models.segmentors import EncoderDecoder
from mmseg.models.utils import resize
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor

from mmsteal.models.pretrained import checked_pretrained
from mmsteal.models.segmentors.one_size import OneSizeBatches


@MODELS.register_module()
class EdgeEncoderDecoder(OneSizeBatches, EncoderDecoder):
    """Encoder-decoder that predicts a boundary probability per class.

    A pixel may lie on the boundary of several classes at once: outputs are K sigmoids, there is
    no argmax. Predictions are `pred_edge_map`, (K, H, W) float in [0, 1] at the image's original
    size. `test_cfg=dict(mode='whole')` or `dict(mode='slide', crop_size=..., stride=...)`;
    overlapping windows are averaged as probabilities. In slide mode `margin=16` gives the network
    16 pixels more on every side of a window, which see the surroundings and are then cut off; the
    image is mirrored beyond its border. That is how the released STEAL model runs on Cityscapes.

    Arguments as in :class:`mmseg.models.segmentors.EncoderDecoder`, with an edge head
    (:class:`CASENetHead`) as `decode_head`.

    Raises:
        ValueError: If `test_cfg.margin` is not a number of pixels or has no slide mode, or if the
            steps of the windows leave gaps.
    """

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        test_cfg = self.test_cfg or {}
        mode, margin = test_cfg.get('mode', 'whole'), test_cfg.get('margin', 0)
        if not isinstance(margin, int) or margin < 0:
            raise ValueError(
                'Expected `test_cfg.margin` to be a number of pixels, 0 or more, but got '
                f'{margin!r}.'
            )
        if margin and mode != 'slide':
            raise ValueError(
                f"Expected `test_cfg.margin` together with mode='slide', but got mode={mode!r}; "
                'set the mode, or leave the margin out.'
            )
        if mode == 'slide':
            crop_size, stride = tuple(test_cfg['crop_size']), tuple(test_cfg['stride'])
            if any(not 0 < a <= b for a, b in zip(stride, crop_size, strict=True)):
                raise ValueError(
                    'Expected `test_cfg.stride` to be at most `test_cfg.crop_size`, so that the '
                    f'windows leave no gaps, but got {stride} and {crop_size}.'
                )

    def init_weights(self) -> None:
        """Initialise; pretrained weights that do not fit are an error."""
        with checked_pretrained(self):
            super().init_weights()

    def encode_decode(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Boundary probabilities (N, K, H, W) of images (N, 3, H, W)."""
        return super().encode_decode(inputs, batch_img_metas).sigmoid()

    def slide_inference(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Average the probabilities of overlapping windows.

        Args:
            inputs (Tensor): Images (N, 3, H, W).
            batch_img_metas (list[dict]): Meta information of each image.

        Returns:
            Tensor: Probabilities (N, K, H, W).
        """
        margin = self.test_cfg.get('margin', 0)
        height, width = inputs.shape[2:]
        surrounded = _mirror_border(inputs, margin)
        total = inputs.new_zeros((len(inputs), self.out_channels, height, width))
        count = inputs.new_zeros((height, width))
        for y in _windows(height, self.test_cfg.crop_size[0], self.test_cfg.stride[0]):
            for x in _windows(width, self.test_cfg.crop_size[1], self.test_cfg.stride[1]):
                crop = surrounded[
                    :, :, y.start : y.stop + 2 * margin, x.start : x.stop + 2 * margin
                ]
                batch_img_metas[0]['img_shape'] = crop.shape[2:]  # the head's output size
                prob = self.encode_decode(crop, batch_img_metas)
                inner = (..., slice(margin, margin + y.stop - y.start),
                         slice(margin, margin + x.stop - x.start))  # fmt: skip
                total[..., y, x] += prob[inner]
                count[y, x] += 1
        return total / count

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
            prob = undo_test_transforms(prob, sample.metainfo, self.align_corners)
            sample.set_data({'pred_edge_map': PixelData(data=prob)})
        return data_samples


def _windows(length: int, size: int, stride: int) -> list[slice]:
    """Windows that cover one axis; the last is moved back to the border."""
    steps = max(length - size + stride - 1, 0) // stride + 1
    stops = [min(i * stride + size, length) for i in range(steps)]
    return [slice(max(stop - size, 0), stop) for stop in stops]


def _mirror_border(images: Tensor, margin: int) -> Tensor:
    """Enlarge (N, 3, H, W) on every side by its mirror image, the border pixel included."""
    for axis in (2, 3) if margin else ():
        length = images.shape[axis]
        index = torch.arange(-margin, length + margin, device=images.device) % (2 * length)
        images = images.index_select(axis, torch.minimum(index, 2 * length - 1 - index))
    return images


def undo_test_transforms(prob: Tensor, meta: dict, align_corners: bool) -> Tensor:
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
