"""CASENet's head: side features shared among all classes, one fusion weight a class."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor

from mmsteal.models.decode_heads.side_output_head import SideOutputHead


@MODELS.register_module()
class CASENetHead(SideOutputHead):
    r"""Category-aware semantic edges from side outputs (CASENet, section 3.3; STEAL's network).

    Every level but the last gives one class-agnostic map :math:`F_j`, the last gives K maps
    :math:`A_k`. Shared concatenation and a grouped 1x1 convolution fuse them:

    .. math:: Y_k = w_{k,0} A_k + \sum_{j=1}^{J} w_{k,j} F_j + b_k

    with all weights :math:`w = 1 / (J + 1)` at the start (1/4 for CASENet's three sides).

    Args:
        in_channels (Sequence[int]): Channels of the levels, finest first; at least two.
        in_index (Sequence[int]): Which of the backbone's outputs they are.
        num_classes (int): Number of classes K.
        supervise_sides (bool): Train the maps :math:`F_j`, too, on the edges of all classes
            together.
        **kwargs: See :class:`SideOutputHead` (`in_strides`, `upsample`) and :class:`EdgeHead`.

    Outputs:
        `'fused'` and `'side5'` (the last level's own K maps), both (N, K, h, w); with
        `supervise_sides` also `'edge1'`, `'edge2'`, ..., the :math:`F_j`, (N, 1, h, w).

    Raises:
        ValueError: If the levels, channels and strides do not fit together.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        *,
        num_classes: int,
        in_index: Sequence[int],
        supervise_sides: bool = False,
        **kwargs,
    ) -> None:
        super().__init__(in_channels, num_classes=num_classes, in_index=in_index, **kwargs)
        self.supervise_sides = supervise_sides

    def _num_maps(self) -> list[int]:
        return [1] * (len(self.in_channels) - 1) + [self.num_classes]

    def forward(self, inputs: Sequence[Tensor]) -> dict[str, Tensor]:
        """Compute fused and last-side logits.

        Args:
            inputs (Sequence[Tensor]): The backbone's outputs, each (N, C_i, h_i, w_i).

        Returns:
            dict[str, Tensor]: See the class.
        """
        *sides, side5 = self._to_one_size(self._score(self._transform_inputs(inputs)))
        return self._outputs(self._fuse(torch.cat(sides, dim=1), side5), sides, side5)

    def _outputs(self, fused: Tensor, sides: Sequence[Tensor], side5: Tensor) -> dict[str, Tensor]:
        """Name what is to be trained."""
        supervised = sides if self.supervise_sides else ()
        edges = {f'edge{i}': side for i, side in enumerate(supervised, start=1)}
        return {'fused': fused, 'side5': side5, **edges}

    def _fuse(self, sides: Tensor, side5: Tensor) -> Tensor:
        # The grouped convolution over [A_k, F_1 .. F_J] for every k, without building its input
        # of K * (J + 1) channels: the shared sides go through one dense convolution.
        weight = self.fuse.weight
        shared = F.conv2d(sides, weight[:, 1:], self.fuse.bias)
        return shared + side5 * weight[:, 0].view(1, -1, 1, 1)
