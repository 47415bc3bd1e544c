"""HED's head: an edge map from every level, all of them supervised, and their learnt mean."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmseg.registry import MODELS
from torch import Tensor

from mmsteal.models.decode_heads.side_output_head import SideOutputHead


@MODELS.register_module()
class HEDHead(SideOutputHead):
    r"""Holistically-nested edges (Xie & Tu, ICCV 2015): class-agnostic, with deep supervision.

    Each level gives a map :math:`F_i` by a 1x1 convolution; a learnt 1x1 convolution fuses them:

    .. math:: Y = \sum_{i=1}^{M} w_i F_i + b

    with all weights :math:`w_i = 1 / M` at the start. The prediction is Y; the paper also averages
    it with the maps of the levels. The maps start near 0 (in the paper at 0).

    With K classes every level gives K maps, and each class has its own fusion: the deeply
    supervised network that CASENet (section 3.2) compares with.

    Args:
        in_channels (Sequence[int]): Channels of the levels, finest first; at least two.
        in_index (Sequence[int]): Which of the backbone's outputs they are.
        num_classes (int): Number of classes K. 1 needs labels of one class:
            `dict(type='GenerateEdges', class_agnostic=True)` unites those of a dataset.
        loss_side (dict | Sequence[dict] | None): Losses of the maps of the levels.
        **kwargs: See :class:`SideOutputHead`: `in_strides`, `upsample`, `loss_decode`, ...

    Outputs:
        `'fused'` and `'side1'`, `'side2'`, ..., all (N, K, h, w).

    Raises:
        ValueError: If the levels, channels and strides do not fit together.

    Example:
        >>> from mmengine.registry import init_default_scope
        >>> init_default_scope('mmseg')
        >>> head = HEDHead(in_channels=[4, 8], in_index=[0, 1])
        >>> out = head([torch.zeros(1, 4, 8, 8), torch.zeros(1, 8, 4, 4)])
        >>> {name: tuple(x.shape) for name, x in out.items()}
        {'fused': (1, 1, 8, 8), 'side1': (1, 1, 8, 8), 'side2': (1, 1, 8, 8)}
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        *,
        in_index: Sequence[int],
        num_classes: int = 1,
        loss_side=dict(type='BalancedBCELoss'),  # noqa: B006  (mmseg's form; never changed)
        **kwargs,
    ) -> None:
        super().__init__(
            in_channels,
            in_index=in_index,
            num_classes=num_classes,
            loss_side=loss_side,
            **kwargs,
        )

    def _num_maps(self) -> list[int]:
        return [self.num_classes] * len(self.in_channels)

    def forward(self, inputs: Sequence[Tensor]) -> dict[str, Tensor]:
        """Compute the logits of every level and of their fusion.

        Args:
            inputs (Sequence[Tensor]): The backbone's outputs, each (N, C_i, h_i, w_i).

        Returns:
            dict[str, Tensor]: See the class.
        """
        maps = self._to_one_size(self._score(self._transform_inputs(inputs)))
        # All levels of the first class, all of the second, ...: a group of the convolution each.
        fused = self.fuse(torch.stack(maps, dim=2).flatten(1, 2))
        return {'fused': fused, **{f'side{i}': x for i, x in enumerate(maps, start=1)}}
