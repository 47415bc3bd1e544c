"""The backbone of CASENet and STEAL: a ResNet that keeps fine resolution."""

from __future__ import annotations

from collections.abc import Sequence

from mmseg.models.backbones import ResNet
from mmseg.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class CASENetResNet(ResNet):
    """ResNet with a stride-1 stem and dilated stages, output stride 8 (CASENet, section 4.1).

    Boundaries need the full resolution of the first convolution, which mmseg's ResNet halves and
    does not return. This one returns five levels:

    ===== ============ ====== ========================
    index level        stride channels (depth >= 50)
    ===== ============ ====== ========================
    0     stem (res1)  1      64
    1-2   res2, res3   2, 4   256, 512
    3-4   res4, res5   8, 8   1024, 2048
    ===== ============ ====== ========================

    (depths 18 and 34: 64, 64, 128, 256, 512 channels). CASENet reads levels 0, 1, 2 and 4.

    Args:
        depth (int): 18, 34, 50, 101 or 152.
        out_indices (Sequence[int]): The levels to return, out of 0..4.
        strides (Sequence[int]): Stride of each of the four stages.
        dilations (Sequence[int]): Dilation of each of the four stages.
        caffe_pool (bool): Pool after the stem as Caffe does: no padding, size rounded up. Its
            windows lie one pixel further down and to the right than those of torchvision, whose
            weights were trained with padding. With `style='caffe'`, which puts the strides of
            the stages into their first 1x1 convolutions, this is the network of CASENet and of
            the released STEAL models.
        **kwargs: Passed to :class:`mmseg.models.backbones.ResNet` (style, norm_cfg, norm_eval,
            deep_stem, init_cfg, with_cp, ...).

    Raises:
        ValueError: If a level does not exist.

    Example:
        >>> import torch
        >>> net = CASENetResNet(18, out_indices=(0, 1, 2, 4))
        >>> [tuple(x.shape) for x in net(torch.zeros(1, 3, 32, 32))]
        [(1, 64, 32, 32), (1, 64, 16, 16), (1, 128, 8, 8), (1, 512, 4, 4)]
    """

    NUM_LEVELS = 5

    def __init__(
        self,
        depth: int,
        out_indices: Sequence[int] = (0, 1, 2, 4),
        strides: Sequence[int] = (1, 2, 2, 1),
        dilations: Sequence[int] = (2, 2, 2, 4),
        *,
        caffe_pool: bool = False,
        **kwargs,
    ) -> None:
        if not out_indices or not set(out_indices) <= set(range(self.NUM_LEVELS)):
            raise ValueError(
                f'Expected argument `out_indices` to hold levels out of 0..{self.NUM_LEVELS - 1} '
                f'(0 = stem, 1-4 = stages), but got {tuple(out_indices)}.'
            )
        # The parent counts stages only; its own choice of outputs is not used.
        super().__init__(
            depth,
            strides=tuple(strides),
            dilations=tuple(dilations),
            out_indices=(0, 1, 2, 3),
            **kwargs,
        )
        if caffe_pool:
            self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
        self.levels = tuple(out_indices)

    def _make_stem_layer(self, in_channels: int, stem_channels: int) -> None:
        super()._make_stem_layer(in_channels, stem_channels)
        first = self.stem[0] if self.deep_stem else self.conv1
        first.stride = (1, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Compute the levels.

        Args:
            x (Tensor): Images (N, 3, H, W).

        Returns:
            tuple[Tensor]: One feature map per entry of `out_indices`, finest first.
        """
        x = self.stem(x) if self.deep_stem else self.relu(self.norm1(self.conv1(x)))
        outs = [x]
        x = self.maxpool(x)
        for name in self.res_layers:
            x = getattr(self, name)(x)
            outs.append(x)
        return tuple(outs[i] for i in self.levels)
