"""CASENet's head: side features shared among all classes, one fusion weight a class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmsteal.models.decode_heads.bilinear_upconv import BilinearUpConv
from mmsteal.models.decode_heads.edge_head import EdgeHead


@MODELS.register_module()
class CASENetHead(EdgeHead):
    r"""Category-aware semantic edges from side outputs (CASENet, section 3.3; STEAL's network).

    Every level but the last gives one class-agnostic map :math:`F_j`, the last gives K maps
    :math:`A_k`. Shared concatenation and a grouped 1x1 convolution fuse them:

    .. math:: Y_k = w_{k,0} A_k + \sum_{j=1}^{J} w_{k,j} F_j + b_k

    with all weights :math:`w = 1 / (J + 1)` at the start (1/4 for CASENet's three sides).

    Args:
        in_channels (Sequence[int]): Channels of the levels, finest first; at least two.
        in_index (Sequence[int]): Which of the backbone's outputs they are.
        num_classes (int): K.
        in_strides (Sequence[int] | None): Stride of each level against the network's input.
            Needed for `upsample='upconv'`.
        upsample (str): `'upconv'`: learnable up-convolutions that start as bilinear
            interpolation, to full resolution, as in the paper. `'bilinear'`: fixed interpolation
            to the finest level; for any backbone.
        **kwargs: See :class:`EdgeHead`.

    Outputs:
        `'fused'` and `'side5'` (the last level's own K maps), both (N, K, h, w).

    Raises:
        ValueError: If the levels, channels and strides do not fit together.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        *,
        num_classes: int,
        in_index: Sequence[int],
        in_strides: Sequence[int] | None = None,
        upsample: Literal['upconv', 'bilinear'] = 'bilinear',
        **kwargs,
    ) -> None:
        in_channels, in_index = list(in_channels), list(in_index)
        if len(in_channels) != len(in_index) or len(in_channels) < 2:
            raise ValueError(
                'Expected arguments `in_channels` and `in_index` to name the same two or more '
                f'levels, but got {in_channels} and {in_index}.'
            )
        if upsample not in ('upconv', 'bilinear'):
            raise ValueError(
                f"Expected argument `upsample` to be 'upconv' or 'bilinear', but got {upsample!r}."
            )
        if upsample == 'upconv' and len(in_strides or ()) != len(in_channels):
            raise ValueError(
                'Expected argument `in_strides` to give the stride of each of the '
                f"{len(in_channels)} levels for upsample='upconv', but got {in_strides}; or use "
                "upsample='bilinear'."
            )
        super().__init__(
            in_channels,
            num_classes=num_classes,
            in_index=in_index,
            input_transform='multiple_select',
            **kwargs,
        )
        self.sides = nn.ModuleList(nn.Conv2d(c, 1, 1) for c in in_channels[:-1])
        self.side5 = nn.Conv2d(in_channels[-1], num_classes, 1)
        if upsample == 'upconv':
            channels = [1] * len(self.sides) + [num_classes]
            self.upsamplers = nn.ModuleList(
                BilinearUpConv(c, stride) for c, stride in zip(channels, in_strides, strict=True)
            )
        else:
            self.upsamplers = None
        self.fuse = nn.Conv2d(num_classes * len(in_channels), num_classes, 1, groups=num_classes)
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        for conv in (*self.sides, self.side5):
            nn.init.normal_(conv.weight, std=0.01)
            nn.init.zeros_(conv.bias)
        nn.init.constant_(self.fuse.weight, 1 / (len(self.sides) + 1))
        nn.init.zeros_(self.fuse.bias)

    def init_weights(self) -> None:
        """Initialise as the paper does; `init_cfg`, where given, comes after."""
        self._reset_parameters()
        super().init_weights()

    def forward(self, inputs: Sequence[Tensor]) -> dict[str, Tensor]:
        """Compute fused and last-side logits.

        Args:
            inputs (Sequence[Tensor]): The backbone's outputs, each (N, C_i, h_i, w_i).

        Returns:
            dict[str, Tensor]: `'fused'` and `'side5'`, (N, K, h, w).
        """
        levels = self._transform_inputs(inputs)
        maps = [conv(x) for conv, x in zip((*self.sides, self.side5), levels, strict=True)]
        maps = self._to_one_size(maps)
        *sides, side5 = maps
        return {'fused': self._fuse(torch.cat(sides, dim=1), side5), 'side5': side5}

    def _to_one_size(self, maps: list[Tensor]) -> list[Tensor]:
        if self.upsamplers is None:
            size = maps[0].shape[2:]
            return [
                x if x.shape[2:] == size
                else F.interpolate(x, size=size, mode='bilinear', align_corners=self.align_corners)
                for x in maps
            ]  # fmt: skip
        maps = [up(x) for up, x in zip(self.upsamplers, maps, strict=True)]
        # A level of ceil(H / s) rows comes back as up to s - 1 rows too many: cut to the smallest.
        height = min(x.shape[2] for x in maps)
        width = min(x.shape[3] for x in maps)
        return [x[:, :, :height, :width] for x in maps]

    def _fuse(self, sides: Tensor, side5: Tensor) -> Tensor:
        # The grouped convolution over [A_k, F_1 .. F_J] for every k, without building its input
        # of K * (J + 1) channels: the shared sides go through one dense convolution.
        weight = self.fuse.weight
        shared = F.conv2d(sides, weight[:, 1:], self.fuse.bias)
        return shared + side5 * weight[:, 0].view(1, -1, 1, 1)
