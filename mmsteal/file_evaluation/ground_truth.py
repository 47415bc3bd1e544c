"""What predictions are compared with: a set of images with true boundaries."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmsteal.evaluation.protocol import BoundaryProtocol


@dataclass
class ImageTruth:
    """What the prediction of one image is compared with.

    Attributes:
        edges (np.ndarray): (K, h, w) or (K, A, h, w) bool at the evaluation size.
        interior (np.ndarray | None): Region of each class (K, h, w) bool, where it is needed.
        ignored (np.ndarray | None): Pixels (h, w) bool whose label is not known.
        size (tuple[int, int] | None): Height and width of the label map, if there is one.
    """

    edges: NDArray[np.bool_]
    interior: NDArray[np.bool_] | None = None
    ignored: NDArray[np.bool_] | None = None
    size: tuple[int, int] | None = None


class GroundTruth(ABC):
    """A set of images with true boundaries.

    Attributes:
        names (list[str]): Names of the images, without suffix, sorted.
        class_names (tuple[str, ...]): Names of the K classes.
    """

    names: list[str]
    class_names: tuple[str, ...]

    @abstractmethod
    def files(self, name: str, protocol: BoundaryProtocol) -> list[Path]:
        """The files that decide the truth of an image."""

    @abstractmethod
    def load(
        self, name: str, protocol: BoundaryProtocol, size: tuple[int, int] | None = None
    ) -> ImageTruth:
        """Make the true boundaries of an image.

        Args:
            name: Name of the image.
            protocol: The rule.
            size: Height and width of the image, for files that do not know it.
        """

    @property
    def settings(self) -> dict[str, Any]:
        """What decides the truth beside its files, as JSON holds it."""
        return {}

    @property
    def held(self) -> str:
        """What the files hold, and what to do about it where nothing of it can be scored."""
        return ''

    def map_labels(self, labels: NDArray[Any], path: str) -> NDArray[np.int16]:
        """Labels in the values of the data set's files as 0..K-1, K for background."""
        raise ValueError(
            'Expected ground truth made of label maps, to know what the values of the predicted '
            'label maps mean; give them as 0..K-1 and K for background (--label-maps index).'
        )

    def check(self, names: Sequence[str], protocol: BoundaryProtocol) -> None:
        """Refuse a set of which files are missing.

        Raises:
            FileNotFoundError: If a file does not exist; named.
        """
        for name in names:
            for path in self.files(name, protocol):
                if not path.is_file():
                    raise FileNotFoundError(
                        f'Expected the ground truth of image {name} at {path}, but it is missing.'
                    )
