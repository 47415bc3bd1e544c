"""Up-convolution that starts as bilinear interpolation and learns from there."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class BilinearUpConv(nn.ConvTranspose2d):
    """Per-channel transposed convolution by an integer factor (CASENet's and STEAL's upsampling).

    Kernel 2s, stride s, padding s/2; weights start as bilinear interpolation and are learnt.

    Args:
        channels (int): Channels C; each has its own kernel.
        factor (int): s; 1 is the identity and has no weights. Even, or 1.

    Shape:
        (N, C, h, w) -> (N, C, s * h, s * w)

    Raises:
        ValueError: If the factor is odd and not 1.

    Example:
        >>> up = BilinearUpConv(1, 2)
        >>> tuple(up(torch.ones(1, 1, 4, 4)).shape)
        (1, 1, 8, 8)
    """

    def __init__(self, channels: int, factor: int) -> None:
        if factor != 1 and (factor < 1 or factor % 2):
            raise ValueError(
                f'Expected argument `factor` to be 1 or an even positive number, but got {factor}.'
            )
        super().__init__(
            channels,
            channels,
            kernel_size=2 * factor,
            stride=factor,
            padding=factor // 2,
            groups=channels,
            bias=False,
        )
        self.factor = factor
        if factor == 1:
            self.register_parameter('weight', None)

    def reset_parameters(self) -> None:
        """Set the weights to bilinear interpolation."""
        factor = self.stride[0]
        position = torch.arange(2 * factor, dtype=torch.float32)
        tent = 1 - (position - (factor - 0.5)).abs() / factor
        with torch.no_grad():
            self.weight.copy_((tent[:, None] * tent[None, :]).expand_as(self.weight))

    def forward(self, x: Tensor) -> Tensor:
        """Enlarge by the factor."""
        return x if self.factor == 1 else super().forward(x)
