"""How boundaries are compared: the published protocols and one's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np

from mmsteal.functional.edges import label_map_to_edges
from mmsteal.functional.thin import thin


@dataclass(frozen=True)
class BoundaryProtocol:
    """Everything that decides a boundary score, so that it can stand beside it.

    Attributes:
        name (str): What to call it.
        mode (str): `'thin'`: the prediction is thinned at every threshold and compared with a
            thin ground truth; `'raw'`: as it is, with the band of `radius`.
        max_dist (float): Largest distance of a match, as a fraction of the image diagonal.
        thresholds (int): Number of thresholds, evenly spaced inside (0, 1).
        margin (int | tuple): Pixels cut from prediction and ground truth on all sides, or (top,
            bottom, left, right).
        radius (float): Radius in px of the ground-truth band; a thin ground truth is the centre
            line of this band.
        instance_sensitive (bool): Edges between two instances of one class count.
        stored (bool): Take the boundaries stored in the data set (SBD), not those of a label map.
        scale (float): Evaluate at this fraction of the image size.
        drop_interior (bool): Drop predicted pixels inside the class, too far from its boundary to
            match, as the original SBD evaluation does.
    """

    name: str = 'custom'
    mode: Literal['thin', 'raw'] = 'thin'
    max_dist: float = 0.0075
    thresholds: int = 99
    margin: int | tuple[int, int, int, int] = 0
    radius: float = 2.0
    instance_sensitive: bool = False
    stored: bool = False
    scale: float = 1.0
    drop_interior: bool = False

    def __post_init__(self) -> None:
        if self.mode not in ('thin', 'raw'):
            raise ValueError(f"Expected `mode` to be 'thin' or 'raw', but got {self.mode!r}.")
        if not 0 < self.max_dist < 1:
            raise ValueError(
                'Expected `max_dist` to be a fraction of the image diagonal in (0, 1), such as '
                f'0.0075, but got {self.max_dist}.'
            )

    @property
    def label(self) -> str:
        """One line for tables and logs."""
        instances = 'instance-sensitive' if self.instance_sensitive else 'not instance-sensitive'
        truth = 'stored boundaries' if self.stored else f'radius {self.radius:g} px'
        parts = [self.name, self.mode, f'maxDist {self.max_dist:g}', instances,
                 f'{self.thresholds} thresholds', f'ground truth: {truth}']  # fmt: skip
        if self.margin:
            parts.append(f'margin {self.margin} px')
        if self.scale != 1:
            parts.append(f'scale {self.scale:g}')
        return ', '.join(parts)

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width at which an image is evaluated."""
        return round(height * self.scale), round(width * self.scale)

    def ground_truth(
        self,
        label_map: np.ndarray,
        num_classes: int,
        *,
        background: int | None = None,
        instance_map: np.ndarray | None = None,
        boundary_map: np.ndarray | None = None,
        ignore_index: int = 255,
    ) -> np.ndarray:
        """Make the true boundaries of an image by this protocol's rule.

        Args:
            label_map (np.ndarray): (H, W) labels.
            num_classes (int): K.
            background (int | None): Label of pixels of no class.
            instance_map (np.ndarray | None): (H, W) instance ids.
            boundary_map (np.ndarray | None): (K, H, W) stored boundaries.
            ignore_index (int): Label of ignored pixels.

        Returns:
            np.ndarray: (K, h, w) bool, at the evaluation size.

        Raises:
            ValueError: If the protocol needs what the sample does not have.
        """
        if self.stored:
            if boundary_map is None:
                raise ValueError(
                    'Expected stored boundaries, because the protocol compares with them, but '
                    "there are none; load them (dict(type='LoadSBDAnnotations', "
                    "boundaries='cls')) or set stored=False to make them from the label map."
                )
            return np.asarray(boundary_map) == 1
        if self.instance_sensitive and instance_map is None:
            raise ValueError(
                'Expected an instance map, because the protocol is instance-sensitive, but there '
                'is none; load one (data_prefix=dict(instance_map_path=...)) or set '
                'instance_sensitive=False.'
            )
        thin_truth = self.mode == 'thin'
        maps = [label_map, instance_map if self.instance_sensitive else None]
        size = self.size(*label_map.shape)
        if thin_truth:
            maps = [_nearest(m, size) for m in maps]
        edges = label_map_to_edges(
            maps[0],
            num_classes,
            radius=self.radius,
            instance_map=maps[1],
            background=background,
            ignore_index=ignore_index,
        )
        edges = edges == 1
        if thin_truth:
            return thin(edges)
        return np.stack([_nearest(e.astype(np.uint8), size) for e in edges]) == 1

    def prediction(self, prob: np.ndarray) -> np.ndarray:
        """Bring predicted maps (K, H, W) to the evaluation size (bilinear)."""
        size = self.size(*prob.shape[1:])
        if size == tuple(prob.shape[1:]):
            return prob
        return np.stack([cv2.resize(p, size[::-1], interpolation=cv2.INTER_LINEAR) for p in prob])


def _nearest(array: np.ndarray | None, size: tuple[int, int]) -> np.ndarray | None:
    """Resize to (h, w), taking pixels 0, 2, 4, ... at half size."""
    if array is None or tuple(array.shape) == size:
        return array
    return cv2.resize(array, size[::-1], interpolation=cv2.INTER_NEAREST)


# Hariharan et al. 2011; SEAL (Yu et al. 2018) on SBD and Cityscapes, as STEAL uses them; BSDS.
PROTOCOLS: dict[str, dict[str, BoundaryProtocol]] = {
    'sbd': {
        'thin': BoundaryProtocol('sbd', 'thin', 0.02, stored=True, drop_interior=True),
    },
    'seal': {
        'thin': BoundaryProtocol('seal', 'thin', 0.0075, margin=5, stored=True),
        'raw': BoundaryProtocol('seal', 'raw', 0.0075, margin=5),
    },
    'cityscapes': {
        'thin': BoundaryProtocol(
            'cityscapes', 'thin', 0.0035, radius=1.0, scale=0.5, instance_sensitive=True
        ),
        'raw': BoundaryProtocol(
            'cityscapes', 'raw', 0.0035, radius=2.0, scale=0.5, instance_sensitive=True
        ),
    },
    'bsds': {
        'thin': BoundaryProtocol('bsds', 'thin', 0.0075),
    },
}


def boundary_protocol(name: str | None = None, mode: str = 'thin', **changes) -> BoundaryProtocol:
    """Look a published protocol up, and change what is asked.

    Args:
        name (str | None): `'sbd'`, `'seal'`, `'cityscapes'` or `'bsds'`; None starts from the
            defaults of :class:`BoundaryProtocol`.
        mode (str): `'thin'` or `'raw'`.
        **changes: Attributes of :class:`BoundaryProtocol` to set; None leaves one as it is.

    Returns:
        BoundaryProtocol: The protocol.

    Raises:
        ValueError: If there is no such protocol, mode or attribute.

    Example:
        >>> boundary_protocol('seal', 'raw', max_dist=0.02).label
        'seal, raw, maxDist 0.02, not instance-sensitive, 99 thresholds, ground truth: radius 2 px, margin 5 px'
    """  # noqa: E501
    changes = {key: value for key, value in changes.items() if value is not None}
    unknown = set(changes) - set(BoundaryProtocol.__dataclass_fields__)
    if unknown:
        raise ValueError(
            f'Expected attributes out of {sorted(BoundaryProtocol.__dataclass_fields__)}, but got '
            f'{sorted(unknown)}.'
        )
    if name is None:
        return BoundaryProtocol(mode=mode, **changes)  # type: ignore[arg-type]
    _check_choice('protocol', name, PROTOCOLS)
    _check_choice(f'mode of {name!r}', mode, PROTOCOLS[name])
    return replace(PROTOCOLS[name][mode], **changes)


def _check_choice(what: str, value: str, choices: Sequence[str] | dict) -> None:
    if value not in choices:
        raise ValueError(f'Expected {what} to be one of {sorted(choices)}, but got {value!r}.')
