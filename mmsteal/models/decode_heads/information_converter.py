"""DDS's information converter: room between the backbone and a side's own task."""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn


class _ResidualBlock(nn.Module):
    """x + conv(relu(conv(relu(x)))), 3x3."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(self.conv1(x.relu()).relu())


class InformationConverter(nn.Sequential):
    """A 3x3 convolution to fewer channels and two residual blocks (DDS, section 3.3).

    Sides that learn class-agnostic edges and a top that learns semantic ones ask different things
    of one backbone. The converter lets each turn the features into its own.

    Args:
        in_channels (int): Channels of the level.
        channels (int): Channels that come out.

    Shape:
        (N, in_channels, h, w) -> (N, channels, h, w)

    Example:
        >>> import torch
        >>> tuple(InformationConverter(8, 4)(torch.zeros(1, 8, 5, 5)).shape)
        (1, 4, 5, 5)
    """

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__(
            OrderedDict(
                reduce=nn.Conv2d(in_channels, channels, 3, padding=1, bias=False),
                block1=_ResidualBlock(channels),
                block2=_ResidualBlock(channels),
            )
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
