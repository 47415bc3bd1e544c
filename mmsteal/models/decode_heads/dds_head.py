"""DDS's head: class-agnostic edges at the sides, semantic edges at the top, converters between."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from mmseg.registry import MODELS
from torch import nn

from mmsteal.models.decode_heads.casenet_head import CASENetHead
from mmsteal.models.decode_heads.information_converter import InformationConverter


@MODELS.register_module()
class DDSHead(CASENetHead):
    r"""Semantic edges with diverse deep supervision (Liu et al., IJCV 2022).

    CASENet's head with an :class:`InformationConverter` before every 1x1 convolution, and all
    outputs supervised: the maps :math:`F_1 .. F_J` of the finer levels learn the edges of all
    classes together, the last level's :math:`A_k` and the fusion learn the edges of each class.

    The converters have as many channels as their level, at most 128 (the last: 512).

    Args:
        in_channels (Sequence[int]): Channels of the levels, finest first; five in the paper.
        in_index (Sequence[int]): Which of the backbone's outputs they are.
        num_classes (int): Number of classes K.
        loss_side (dict | Sequence[dict] | None): Losses of the outputs other than `'fused'`.
        **kwargs: See :class:`SideOutputHead`: `in_strides`, `upsample`, `loss_decode`, ...
            The paper interpolates: `upsample='bilinear'`, the default.

    Outputs:
        `'fused'` and `'side5'`, (N, K, h, w); `'edge1'`, `'edge2'`, ..., (N, 1, h, w).

    Raises:
        ValueError: If the levels, channels and strides do not fit together.

    Example:
        >>> import torch
        >>> from mmengine.registry import init_default_scope
        >>> init_default_scope('mmseg')
        >>> head = DDSHead(in_channels=[4, 8], in_index=[0, 1], num_classes=3)
        >>> out = head([torch.zeros(1, 4, 8, 8), torch.zeros(1, 8, 4, 4)])
        >>> {name: tuple(x.shape) for name, x in out.items()}
        {'fused': (1, 3, 8, 8), 'side5': (1, 3, 8, 8), 'edge1': (1, 1, 8, 8)}
    """

    # Of the released networks on ResNet-50 and -101: 64, 128, 128, 128 and 512.
    SIDE_CHANNELS = 128
    LAST_CHANNELS = 512

    def __init__(
        self,
        in_channels: Sequence[int],
        *,
        in_index: Sequence[int],
        num_classes: int,
        loss_side=dict(type='BalancedBCELoss'),  # noqa: B006  (mmseg's form; never changed)
        **kwargs,
    ) -> None:
        super().__init__(
            in_channels,
            in_index=in_index,
            num_classes=num_classes,
            loss_side=loss_side,
            supervise_sides=True,
            **kwargs,
        )

    def _side(self, level: int) -> nn.Module:
        in_channels, last = self.in_channels[level], level == len(self.in_channels) - 1
        channels = min(in_channels, self.LAST_CHANNELS if last else self.SIDE_CHANNELS)
        return nn.Sequential(
            OrderedDict(
                convert=InformationConverter(in_channels, channels),
                score=nn.Conv2d(channels, self._num_maps()[level], 1),
            )
        )
