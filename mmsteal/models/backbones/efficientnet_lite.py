"""EfficientNet-Lite: a light backbone, with the names that ImageNet weights have in timm."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from mmcv.cnn.bricks import Conv2dAdaptivePadding
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn

# Stages of EfficientNet-B0 (Tan & Le, ICML 2019, Table 1): blocks, kernel, stride, expansion,
# channels. The Lite networks leave out squeeze-and-excitation and use ReLU6.
_STAGES = (
    (1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112), (4, 5, 2, 6, 192), (1, 3, 1, 6, 320),
)  # fmt: skip
_STEM_CHANNELS = 32
# Factors of width and depth.
_ARCHS = {
    'lite0': (1.0, 1.0), 'lite1': (1.0, 1.1), 'lite2': (1.1, 1.2), 'lite3': (1.2, 1.4),
    'lite4': (1.4, 1.8),
}  # fmt: skip
# A level is what the last stage of its stride gives.
_LEVEL_STAGES = (0, 1, 2, 4, 6)


@MODELS.register_module()
class EfficientNetLite(BaseModule):
    """EfficientNet-Lite0 to Lite4, features only, with the names of timm's parameters.

    A checkpoint of timm's `tf_efficientnet_lite0` ... `tf_efficientnet_lite4` loads as it is;
    other files go through `mmsteal convert-backbone`. Images enter as RGB with mean and standard
    deviation 127.5. The five levels:

    ===== ======= ================
    index stride  channels (Lite0)
    ===== ======= ================
    0     2       16
    1     4       24
    2     8       40
    3     16      112
    4     32      320
    ===== ======= ================

    Args:
        arch (str): `'lite0'`, `'lite1'`, `'lite2'`, `'lite3'` or `'lite4'`.
        out_indices (Sequence[int]): The levels to return, out of 0..4.
        output_stride (int): 8, 16 or 32: stages beyond it are dilated in place of strided.
        norm_eval (bool): Keep the statistics of batch normalisation in training.
        init_cfg (dict | None): `dict(type='Pretrained', checkpoint=...)` loads weights.

    Attributes:
        out_channels (list[int]): Channels of the levels returned.

    Raises:
        ValueError: If there is no such network, level or stride.

    Example:
        >>> import torch
        >>> net = EfficientNetLite()
        >>> [tuple(x.shape) for x in net(torch.zeros(1, 3, 64, 64))][:2]
        [(1, 16, 32, 32), (1, 24, 16, 16)]
    """

    def __init__(
        self,
        arch: str = 'lite0',
        *,
        out_indices: Sequence[int] = (0, 1, 2, 3, 4),
        output_stride: int = 32,
        norm_eval: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if arch not in _ARCHS:
            raise ValueError(
                f'Expected argument `arch` to be one of {list(_ARCHS)}, but got {arch!r}.'
            )
        if not out_indices or not set(out_indices) <= set(range(len(_LEVEL_STAGES))):
            raise ValueError(
                f'Expected argument `out_indices` to hold levels out of 0..{len(_LEVEL_STAGES) - 1}'
                f', but got {tuple(out_indices)}.'
            )
        if output_stride not in (8, 16, 32):
            raise ValueError(
                f'Expected argument `output_stride` to be 8, 16 or 32, but got {output_stride!r}.'
            )
        self.levels = tuple(out_indices)
        self.norm_eval = norm_eval
        width, depth = _ARCHS[arch]
        self.conv_stem = _conv(3, _STEM_CHANNELS, 3, stride=2)
        self.bn1 = _norm(_STEM_CHANNELS)
        self.act = nn.ReLU6(inplace=True)
        channels, reached, dilation = _STEM_CHANNELS, 2, 1
        stages, widths = [], []
        for index, (repeats, kernel, stride, expansion, base) in enumerate(_STAGES):
            outer = index in (0, len(_STAGES) - 1)
            repeats = repeats if outer else math.ceil(repeats * depth)
            out_channels = _multiple_of_8(base * width)
            # The first block of a stage still has the dilation of the one before.
            first_dilation = dilation
            if stride > 1 and reached * stride > output_stride:
                stride, dilation = 1, dilation * stride
            reached *= stride
            blocks = []
            for block in range(repeats):
                options = dict(
                    kernel=kernel,
                    stride=stride if block == 0 else 1,
                    dilation=first_dilation if block == 0 else dilation,
                )
                if expansion == 1:
                    blocks.append(_SeparableBlock(channels, out_channels, **options))
                else:
                    blocks.append(_InvertedBlock(channels, out_channels, expansion, **options))
                channels = out_channels
            stages.append(nn.Sequential(*blocks))
            widths.append(out_channels)
        self.blocks = nn.ModuleList(stages)
        self.out_channels = [widths[_LEVEL_STAGES[level]] for level in self.levels]

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Compute the levels.

        Args:
            x (Tensor): Images (N, 3, H, W).

        Returns:
            tuple[Tensor]: One feature map per entry of `out_indices`.
        """
        # Depthwise convolutions are a fifth faster in this order, on CPUs and GPUs.
        x = x.contiguous(memory_format=torch.channels_last)
        x = self.act(self.bn1(self.conv_stem(x)))
        outs = []
        for index, stage in enumerate(self.blocks):
            x = stage(x)
            if index in _LEVEL_STAGES:
                outs.append(x)
        return tuple(outs[level] for level in self.levels)

    def train(self, mode: bool = True) -> EfficientNetLite:
        """Set the mode; with `norm_eval` the normalisation stays as at inference."""
        super().train(mode)
        if mode and self.norm_eval:
            for module in self.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        return self


class _SeparableBlock(nn.Module):
    """Depthwise and pointwise convolution, as the first stage has them."""

    def __init__(
        self, in_channels: int, out_channels: int, *, kernel: int, stride: int, dilation: int
    ) -> None:
        super().__init__()
        self.skip = stride == 1 and in_channels == out_channels
        self.conv_dw = _depthwise(in_channels, kernel, stride, dilation)
        self.bn1 = _norm(in_channels)
        self.conv_pw = _conv(in_channels, out_channels, 1)
        self.bn2 = _norm(out_channels)
        self.act = nn.ReLU6(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        y = self.act(self.bn1(self.conv_dw(x)))
        y = self.bn2(self.conv_pw(y))
        return x + y if self.skip else y


class _InvertedBlock(nn.Module):
    """Inverted residual: widen, filter each channel, narrow (MobileNetV2)."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        expansion: int,
        *,
        kernel: int,
        stride: int,
        dilation: int,
    ) -> None:
        super().__init__()
        self.skip = stride == 1 and in_channels == out_channels
        inner = _multiple_of_8(in_channels * expansion)
        self.conv_pw = _conv(in_channels, inner, 1)
        self.bn1 = _norm(inner)
        self.conv_dw = _depthwise(inner, kernel, stride, dilation)
        self.bn2 = _norm(inner)
        self.conv_pwl = _conv(inner, out_channels, 1)
        self.bn3 = _norm(out_channels)
        self.act = nn.ReLU6(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        y = self.act(self.bn1(self.conv_pw(x)))
        y = self.act(self.bn2(self.conv_dw(y)))
        y = self.bn3(self.conv_pwl(y))
        return x + y if self.skip else y


def _depthwise(channels: int, kernel: int, stride: int, dilation: int) -> nn.Conv2d:
    return _conv(channels, channels, kernel, stride=stride, dilation=dilation, groups=channels)


def _conv(in_channels: int, out_channels: int, kernel: int, *, stride: int = 1, **kwargs):
    if stride > 1:
        # The weights were trained with TensorFlow's padding, which is not symmetric here.
        return Conv2dAdaptivePadding(
            in_channels, out_channels, kernel, stride=stride, bias=False, **kwargs
        )
    padding = kwargs.get('dilation', 1) * (kernel - 1) // 2
    return nn.Conv2d(in_channels, out_channels, kernel, padding=padding, bias=False, **kwargs)


def _norm(channels: int) -> nn.BatchNorm2d:
    # TensorFlow's epsilon, and its momentum of 0.99 where torch counts the other way round.
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


def _multiple_of_8(channels: float) -> int:
    """Nearest multiple of 8 that loses no more than a tenth."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded
