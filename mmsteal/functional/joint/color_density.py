"""Densities of the colors of labels on a lattice: no start values, the same on every run.

Shape shorthand: H, W height and width; M labels; B colors of the lattice.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

# Width of a cell in units of 8-bit Lab, and of the kernel in cells: together about the spread of
# the colors of one surface in one light.
STEP = 6
_WIDTH = 1.0
# Pixels of the whole image that stand beside those of a label: they decide where it has none.
_PRIOR_PX = 20.0
_LEAST = 1e-9


@dataclass(frozen=True)
class ColorLattice:
    """The colors of an image, rounded to a lattice.

    Attributes:
        index: Color of each pixel (H, W), int32, from 0 to B - 1.
        shape: Cells along each channel; their product is B.
    """

    index: NDArray[np.int32]
    shape: tuple[int, ...]

    @classmethod
    def of(cls, image: NDArray[np.uint8]) -> ColorLattice:
        """The lattice of an RGB image (H, W, 3) or a grey one (H, W), uint8."""
        channels = image[..., None] if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
        index = np.zeros(image.shape[:2], np.int32)
        shape = []
        for channel in np.moveaxis(channels, 2, 0):
            low, high = int(channel.min()) // STEP, int(channel.max()) // STEP
            cell = (np.arange(256) // STEP - low).astype(np.int32)
            shape.append(high - low + 1)
            index = index * np.int32(shape[-1]) + cell[channel]
        return cls(index, tuple(shape))

    @property
    def size(self) -> int:
        """B."""
        return int(np.prod(self.shape))

    @cached_property
    def density(self) -> NDArray[np.float32]:
        """Density of the colors of the whole image (B,)."""
        spread = self._smooth(np.bincount(self.index.ravel(), minlength=self.size))
        return spread / max(float(spread.sum()), _LEAST)

    def costs(self, label_map: NDArray[np.int32], num_labels: int) -> NDArray[np.float32]:
        r"""What each color costs under each label: -log of its density.

        .. math::
            p_k(c) = \frac{\sum_{q : l_q = k} G(c - c_q) + \alpha\, p(c)}{n_k + \alpha}

        a Parzen estimate with a Gaussian :math:`G`, shrunk to the density :math:`p` of the image
        by :math:`\alpha` pixels: a label of few pixels says little, one of none nothing.

        Args:
            label_map: Labels (H, W), int32, 0 to M - 1; -1 for pixels that do not count.
            num_labels: M.

        Returns:
            Costs (M, B), float32.

        Example:
            >>> image = np.array([[0, 0, 200, 200]], np.uint8)
            >>> lattice = ColorLattice.of(image)
            >>> costs = lattice.costs(np.array([[0, 0, 1, 1]], np.int32), 2)
            >>> int(costs[:, lattice.index[0, 0]].argmin())
            0
        """
        known = label_map >= 0
        flat = label_map[known].astype(np.int64) * self.size + self.index[known]
        count = np.bincount(flat, minlength=num_labels * self.size)
        count = count.reshape(num_labels, self.size)
        total = count.sum(axis=1, keepdims=True, dtype=np.float32)
        density = self._smooth(count) + np.float32(_PRIOR_PX) * self.density
        density /= total + np.float32(_PRIOR_PX)
        costs: NDArray[np.float32] = -np.log(density + np.float32(_LEAST))
        return costs

    def _smooth(self, count: NDArray[np.integer]) -> NDArray[np.float32]:
        """Counts (..., B) spread by the kernel."""
        cells = count.reshape(-1, *self.shape).astype(np.float32)
        widths = (0.0, *[_WIDTH] * len(self.shape))
        # Mirrored at the ends of the lattice: nothing is lost there.
        smooth = gaussian_filter(cells, widths, mode='reflect', truncate=3.0)
        return smooth.reshape(count.shape)
