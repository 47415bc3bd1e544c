"""Boxes and ellipses whose coordinates lie between pixels, turned or not: CVAT, Label Studio."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmsteal.label_formats.annotation import LabelError, Region

# Ellipses are cut off at the image, boxes by the polygon that they are.
_CORNERS = np.array(((0, 0), (1, 0), (1, 1), (0, 1)), np.float64)


@dataclass(frozen=True)
class TurnedBox:
    """A box, or the ellipse in it, turned clockwise.

    Attributes:
        left, top: Corner of the box before it is turned.
        width, height: Its sides.
        degrees: How far it is turned.
        around_corner: Whether it is turned around that corner, as boxes of Label Studio are;
            otherwise around its middle.
    """

    left: float
    top: float
    width: float
    height: float
    degrees: float = 0.0
    around_corner: bool = False

    @classmethod
    def read(
        cls,
        path: Path,
        what: str,
        values: tuple[float, float, float, float, float],
        *,
        around_corner: bool = False,
    ) -> TurnedBox:
        """Check numbers of a file: left, top, width, height, degrees.

        Raises:
            LabelError: If one is not finite.
        """
        if not all(map(math.isfinite, values)):
            raise LabelError(f'{path}: {what} has a coordinate that is not finite; fix it.')
        return cls(*values, around_corner=around_corner)

    @property
    def corners(self) -> NDArray[np.float64]:
        """The four corners (4, 2) as x, y."""
        return self._turn((self.left, self.top) + _CORNERS * (self.width, self.height))

    def ellipse(self, shape: tuple[int, int]) -> Region:
        """The pixels of an image (H, W) whose middle lies in the ellipse."""
        radii = np.array((self.width, self.height)) / 2
        if not (radii > 0).all():
            return Region(0, 0, np.zeros((0, 0), bool))
        middle = self._turn(np.array(((self.left, self.top),)) + radii)[0]
        reach = math.hypot(*radii)
        low = np.clip(np.floor(middle - reach), 0, shape[::-1]).astype(int)
        high = np.clip(np.ceil(middle + reach), 0, shape[::-1]).astype(int)
        y, x = np.mgrid[low[1] : high[1], low[0] : high[0]] + 0.5
        x, y = x - middle[0], y - middle[1]
        sine, cosine = self._direction()
        along, across = x * cosine + y * sine, y * cosine - x * sine
        inside = (along / radii[0]) ** 2 + (across / radii[1]) ** 2 <= 1
        return Region.of(inside, int(low[1]), int(low[0]))

    def _turn(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        pivot = np.array((self.left, self.top))
        if not self.around_corner:
            pivot = pivot + np.array((self.width, self.height)) / 2
        sine, cosine = self._direction()
        x, y = (points - pivot).T
        return np.stack([x * cosine - y * sine, x * sine + y * cosine], axis=1) + pivot

    def _direction(self) -> tuple[float, float]:
        angle = math.radians(self.degrees)
        return math.sin(angle), math.cos(angle)
