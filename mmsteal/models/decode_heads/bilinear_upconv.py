"""Up-convolution that starts as bilinear interpolation and learns from there."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class BilinearUpConv(nn.ConvTranspose2d):
    """Per-channel transposed convolution by an integer factor (CASENet's and STEAL's upsampling).

    Kernel 2s, stride s, padding s/2; weights start as bilinear interpolation and are learnt.

    Args:
        channels (int): Channels C; each has its own kernel.
        factor (int): s; 1 is the identity and has no weights. Even, or 1.

    Shape:
        (N, C, h, w) -> (N, C, s * h, s * w), or (N, C, H, W) of the size asked for

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

    def reach(self, length: int) -> int:
        """Rows (columns) of the enlarged map that `length` rows (columns) can give."""
        # Without padding the kernels of the last row reach s / 2 rows further than with it.
        return length if self.factor == 1 else length * self.factor + self.factor // 2

    def forward(self, x: Tensor, size: Sequence[int] | None = None) -> Tensor:
        """Enlarge by the factor.

        With a size this is CASENet's transposed convolution without padding, cropped at an offset
        of s/2; where the size is (s * h, s * w), both are the same.

        Args:
            x (Tensor): Maps (N, C, h, w).
            size (Sequence[int] | None): (H, W), at most :meth:`reach` of (h, w); None is
                (s * h, s * w).

        Returns:
            Tensor: (N, C, H, W).

        Raises:
            ValueError: If the size is beyond reach.
        """
        if size is None:
            size = [self.factor * n for n in x.shape[2:]]
        reach = [self.reach(n) for n in x.shape[2:]]
        if any(a > b for a, b in zip(size, reach, strict=True)):
            raise ValueError(
                f'Expected argument `size` to be at most {tuple(reach)}, which a map of '
                f'{tuple(x.shape[2:])} reaches at a factor of {self.factor}, but got '
                f'{tuple(size)}; interpolate instead.'
            )
        if self.factor > 1:
            # The parent cannot return fewer rows than s * h, only more.
            least = [self.factor * n for n in x.shape[2:]]
            x = super().forward(x, [max(a, b) for a, b in zip(size, least, strict=True)])
        return x[:, :, : size[0], : size[1]]
