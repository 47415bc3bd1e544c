"""What the heads with side outputs share: maps of every level, brought to one size, and fused."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from mmsteal.models.decode_heads.backbone_levels import check_strides
from mmsteal.models.decode_heads.bilinear_upconv import BilinearUpConv
from mmsteal.models.decode_heads.edge_head import EdgeHead


class SideOutputHead(EdgeHead):
    """Base of the heads that score every level of a backbone and fuse the scores.

    Layers: `sides` score the levels but the last, `side5` (CASENet's name) the last; `upsamplers`
    bring the maps to one size, where they are learnt; `fuse` makes the prediction of them all.

    A subclass says how many maps a level gives (:meth:`_num_maps`), and in :meth:`forward` what
    becomes of the maps. It may change what scores a level (:meth:`_side`) and what fuses
    (:meth:`_fusion`).

    Args:
        in_channels (Sequence[int]): Channels of the levels, finest first; at least two.
        num_classes (int): Number of classes K.
        in_index (Sequence[int]): Which of the backbone's outputs they are.
        in_strides (Sequence[int] | None): Stride of each level against the network's input.
            Needed for `upsample='upconv'`.
        upsample (str): `'upconv'`: learnable up-convolutions that start as bilinear
            interpolation, to full resolution, as in CASENet's paper. `'bilinear'`: fixed
            interpolation to the finest level; for any backbone.
        **kwargs: See :class:`EdgeHead`.

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
        num_maps = self._num_maps()
        *sides, self.side5 = (self._side(level) for level in range(len(num_maps)))
        self.sides = nn.ModuleList(sides)
        if upsample == 'upconv':
            self.upsamplers = nn.ModuleList(
                BilinearUpConv(n, stride) for n, stride in zip(num_maps, in_strides, strict=True)
            )
        else:
            self.upsamplers = None
        self.fuse = self._fusion()
        self._reset_parameters()

    @abstractmethod
    def _num_maps(self) -> list[int]:
        """How many maps each level gives."""

    def _side(self, level: int) -> nn.Module:
        """From a level to its maps; where it is more than a convolution, `score` makes them."""
        return nn.Conv2d(self.in_channels[level], self._num_maps()[level], 1)

    def _fusion(self) -> nn.Module:
        """What makes K fused maps of those of all levels: one weight a level and class."""
        num_levels, k = len(self.in_channels), self.num_classes
        return nn.Conv2d(k * num_levels, k, 1, groups=k)

    def _reset_parameters(self) -> None:
        for side in (*self.sides, self.side5):
            score = getattr(side, 'score', side)
            nn.init.normal_(score.weight, std=0.01)
            nn.init.zeros_(score.bias)
        if isinstance(self.fuse, nn.Conv2d):
            nn.init.constant_(self.fuse.weight, 1 / len(self.in_channels))
            nn.init.zeros_(self.fuse.bias)

    def init_weights(self) -> None:
        """Initialise as the paper does; `init_cfg`, where given, comes after."""
        self._reset_parameters()
        super().init_weights()

    def _transform_inputs(self, inputs: Sequence[Tensor]) -> Sequence[Tensor]:
        """Select the levels; those that do not fit are named."""
        levels = super()._transform_inputs(inputs)
        check_strides(levels, [up.factor for up in self.upsamplers or ()])
        return levels

    def _score(self, levels: Sequence[Tensor]) -> list[Tensor]:
        """Maps of each level, at its size."""
        return [side(x) for side, x in zip((*self.sides, self.side5), levels, strict=True)]

    def _to_one_size(self, maps: list[Tensor]) -> list[Tensor]:
        if self.upsamplers is None:
            size = maps[0].shape[2:]
            return [
                x if x.shape[2:] == size
                else F.interpolate(x, size=size, mode='bilinear', align_corners=self.align_corners)
                for x in maps
            ]  # fmt: skip
        # The size of the network's input, if every level reaches it. Coarser levels come back a few
        # rows too large, or too small where the backbone rounds down.
        size = [
            min(
                self.upsamplers[0].factor * maps[0].shape[axis],
                *(up.reach(x.shape[axis]) for up, x in zip(self.upsamplers, maps, strict=True)),
            )
            for axis in (2, 3)
        ]
        return [up(x, size) for up, x in zip(self.upsamplers, maps, strict=True)]
