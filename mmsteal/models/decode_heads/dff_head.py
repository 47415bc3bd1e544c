"""DFF's head: CASENet's maps, fused with weights of each pixel."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import torch
from mmcv.cnn import ConvModule, build_norm_layer
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmsteal.models.decode_heads.bilinear_upconv import BilinearUpConv
from mmsteal.models.decode_heads.casenet_head import CASENetHead


class LocationAdaptiveFusion(nn.Module):
    r"""Fuse the maps of all levels with weights that depend on the pixel (DFF, section 3.3).

    .. math::
        Y_k(p) = w_{k,0}(p)\, A_k(p) + \sum_{j=1}^{J} w_{k,j}(p)\, F_j(p)

    The weights come from a map of features through three 1x1 convolutions with normalisation.

    Args:
        num_classes (int): Number of classes K.
        num_levels (int): J + 1.
        norm_cfg (dict | None): Normalisation layer.
    """

    def __init__(self, num_classes: int, num_levels: int, norm_cfg: dict | None) -> None:
        super().__init__()
        self.shape = (num_classes, num_levels)
        c = num_classes * num_levels
        self.learner = nn.Sequential(
            ConvModule(c, c, 1, norm_cfg=norm_cfg),
            ConvModule(c, c, 1, norm_cfg=norm_cfg),
            ConvModule(c, c, 1, norm_cfg=norm_cfg, act_cfg=None),
        )

    def forward(self, features: Tensor, sides: Sequence[Tensor], side5: Tensor) -> Tensor:
        """Fuse.

        Args:
            features (Tensor): (N, K * (J + 1), h, w).
            sides (Sequence[Tensor]): The J maps F_j, each (N, 1, h, w).
            side5 (Tensor): A, (N, K, h, w).

        Returns:
            Tensor: Y, (N, K, h, w).
        """
        weights = self.learner(features).unflatten(1, self.shape)
        fused = weights[:, :, 0] * side5
        for j, side in enumerate(sides, start=1):
            # One level after the other: the products of all at once are as large as the weights.
            fused = torch.addcmul(fused, weights[:, :, j], side)
        return fused


@MODELS.register_module()
class DFFHead(CASENetHead):
    """Semantic edges by dynamic feature fusion (Hu et al., IJCAI 2019).

    CASENet's maps, each normalised, so that no level speaks louder than another, and fused by
    :class:`LocationAdaptiveFusion`: the weights are predicted from the last level, for each pixel
    and class, in place of CASENet's one number a class. The paper supervises the fusion and the
    last level.

    Args:
        in_channels (Sequence[int]): Channels of the levels, finest first; at least two.
        in_index (Sequence[int]): Which of the backbone's outputs they are.
        num_classes (int): Number of classes K.
        norm_cfg (dict | None): Normalisation layer; `dict(type='SyncBN')` on several GPUs.
        loss_side (dict | Sequence[dict] | None): Losses of the outputs other than `'fused'`.
        **kwargs: See :class:`SideOutputHead`: `in_strides`, `upsample`, `loss_decode`, ...

    Outputs:
        As :class:`CASENetHead`.

    Raises:
        ValueError: If the levels, channels and strides do not fit together.

    Example:
        >>> from mmengine.registry import init_default_scope
        >>> init_default_scope('mmseg')
        >>> head = DFFHead(in_channels=[4, 8], in_index=[0, 1], num_classes=3)
        >>> out = head([torch.zeros(2, 4, 8, 8), torch.zeros(2, 8, 4, 4)])
        >>> {name: tuple(x.shape) for name, x in out.items()}
        {'fused': (2, 3, 8, 8), 'side5': (2, 3, 8, 8)}
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        *,
        in_index: Sequence[int],
        num_classes: int,
        in_strides: Sequence[int] | None = None,
        norm_cfg: dict | None = dict(type='BN'),  # noqa: B006  (mmseg's form; never changed)
        loss_side=dict(type='BalancedBCELoss'),  # noqa: B006
        **kwargs,
    ) -> None:
        super().__init__(
            in_channels,
            in_index=in_index,
            num_classes=num_classes,
            in_strides=in_strides,
            norm_cfg=norm_cfg,
            loss_side=loss_side,
            **kwargs,
        )
        features = num_classes * len(self.in_channels)
        self.weight_features = self._normalised(self.in_channels[-1], features)
        if self.upsamplers is not None:
            self.upsamplers.append(BilinearUpConv(features, in_strides[-1]))

    def _side(self, level: int) -> nn.Module:
        return self._normalised(self.in_channels[level], self._num_maps()[level])

    def _normalised(self, in_channels: int, channels: int) -> nn.Module:
        layers = OrderedDict(score=nn.Conv2d(in_channels, channels, 1))
        if self.norm_cfg is not None:
            layers['norm'] = build_norm_layer(self.norm_cfg, channels)[1]
        return nn.Sequential(layers)

    def _fusion(self) -> nn.Module:
        return LocationAdaptiveFusion(self.num_classes, len(self.in_channels), self.norm_cfg)

    def forward(self, inputs: Sequence[Tensor]) -> dict[str, Tensor]:
        """Compute fused and last-side logits.

        Args:
            inputs (Sequence[Tensor]): The backbone's outputs, each (N, C_i, h_i, w_i).

        Returns:
            dict[str, Tensor]: See the class.
        """
        levels = self._transform_inputs(inputs)
        maps = [*self._score(levels), self.weight_features(levels[-1])]
        *sides, side5, features = self._to_one_size(maps)
        return self._outputs(self.fuse(features, sides, side5), sides, side5)
