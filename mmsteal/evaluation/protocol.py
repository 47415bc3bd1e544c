"""How boundaries are compared: everything that decides a score."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from mmsteal.functional.edge_maps.edge_nms import edge_nms
from mmsteal.functional.edge_maps.edges import label_map_to_edges
from mmsteal.functional.edge_maps.thin import thin
from mmsteal.functional.labels.class_values import class_values
from mmsteal.functional.labels.resize import resample
from mmsteal.functional.scores.matching import edge_thresholds


@dataclass(frozen=True)
class BoundaryProtocol:
    """Everything that decides a boundary score, so that it can stand beside it.

    Attributes:
        name (str): What to call it.
        mode (str): `'thin'`: the prediction is thinned at every threshold and compared with a
            thin ground truth; `'raw'`: as it is, with the band of `radius`.
        max_dist (float): Largest distance of a match, as a fraction of the image diagonal.
        thresholds (int | tuple): Number of thresholds, evenly spaced inside (0, 1), or the
            thresholds themselves.
        margin (int | tuple): Pixels cut from prediction and ground truth on all sides, or (top,
            bottom, left, right); at the evaluation size.
        radius (float): Radius in px of the ground-truth band; a thin ground truth is the center
            line of this band.
        instance_sensitive (bool): Edges between two instances of one class count.
        stored (bool): Take the boundaries stored in the data set (SBD, BSDS), not those of a label
            map.
        scale (float): Evaluate at this fraction of the image size.
        drop_interior (bool): Drop predicted pixels inside the class, too far from its boundary to
            match, as the original SBD evaluation does.
        skip_absent (bool): Leave images without the class out, so that what is predicted there
            does not count as false.
        class_agnostic (bool): One boundary for all classes: the highest score of any class, and
            the edges of all of them together.
        test_nms (bool): Suppress non-maxima of the prediction before matching (the paper's "Test
            NMS").
        resize (bool): Bring predictions of any size to the evaluation size (bilinear); otherwise
            only those of the image's own size.
    """

    name: str = 'custom'
    mode: Literal['thin', 'raw'] = 'thin'
    max_dist: float = 0.0075
    thresholds: int | tuple[float, ...] = 99
    margin: int | tuple[int, int, int, int] = 0
    radius: float = 2.0
    instance_sensitive: bool = False
    stored: bool = False
    scale: float = 1.0
    drop_interior: bool = False
    skip_absent: bool = False
    class_agnostic: bool = False
    test_nms: bool = False
    resize: bool = False

    def __post_init__(self) -> None:
        if self.mode not in ('thin', 'raw'):
            raise ValueError(f"Expected `mode` to be 'thin' or 'raw', but got {self.mode!r}.")
        if not 0 < self.max_dist < 1:
            raise ValueError(
                'Expected `max_dist` to be a fraction of the image diagonal in (0, 1), such as '
                f'0.0075, but got {self.max_dist}.'
            )
        if not 0 < self.scale <= 1:
            raise ValueError(f'Expected `scale` to be in (0, 1], but got {self.scale}.')
        if not 0 < self.radius < math.inf:
            raise ValueError(
                f'Expected `radius` to be a number of pixels above 0, but got {self.radius}.'
            )
        margins = self.margin if isinstance(self.margin, list | tuple) else (self.margin,)
        if not all(isinstance(m, int | np.integer) and m >= 0 for m in margins):
            raise ValueError(
                'Expected `margin` to be a number of pixels or (top, bottom, left, right), but got '
                f'{self.margin!r}.'
            )
        edge_thresholds(self.thresholds)
        for name in ('thresholds', 'margin'):  # a config gives lists, which cannot be hashed
            if isinstance(getattr(self, name), list):
                object.__setattr__(self, name, tuple(getattr(self, name)))

    @property
    def label(self) -> str:
        """One line for tables and logs."""
        instances = 'instance-sensitive' if self.instance_sensitive else 'not instance-sensitive'
        truth = 'stored boundaries' if self.stored else f'radius {self.radius:g} px'
        number = self.num_thresholds
        parts = [self.name, self.mode, f'maxDist {self.max_dist:g}',
                 'class-agnostic' if self.class_agnostic else instances,
                 f'{number} threshold{"s" if number > 1 else ""}',
                 f'ground truth: {truth}']  # fmt: skip
        if self.margin:
            parts.append(f'margin {self.margin} px')
        if self.scale != 1:
            parts.append(f'scale {self.scale:g}')
        for name in ('drop_interior', 'skip_absent', 'resize'):
            if getattr(self, name):
                parts.append(name.replace('_', ' '))
        if self.test_nms:
            parts.append('test NMS')
        return ', '.join(parts)

    @property
    def num_thresholds(self) -> int:
        """Length of the curve."""
        return len(edge_thresholds(self.thresholds))

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width at which an image is evaluated."""
        return round(height * self.scale), round(width * self.scale)

    def ground_truth(
        self,
        label_map: NDArray[Any] | None,
        num_classes: int,
        *,
        background: int | None = None,
        instance_map: NDArray[Any] | None = None,
        boundary_map: NDArray[Any] | None = None,
        ignore_index: int = 255,
    ) -> NDArray[np.bool_]:
        """Make the true boundaries of an image by this protocol's rule.

        Args:
            label_map: (H, W) labels; may be None where boundaries are stored.
            num_classes: Number of classes K.
            background: Label of pixels of no class.
            instance_map: (H, W) instance ids.
            boundary_map: Stored boundaries, 1 on an edge: (K, H, W), or (K, A, H, W) of A
                annotators; where K is 1 also (A, H, W).
            ignore_index: Label of ignored pixels.

        Returns:
            (K, h, w) or (K, A, h, w) bool, at the evaluation size; K is 1 in a class-agnostic
            protocol.

        Raises:
            ValueError: If the protocol needs what the sample does not have.
        """
        if self.stored:
            return self._stored_truth(boundary_map, num_classes)
        if self.instance_sensitive and instance_map is None:
            raise ValueError(
                'Expected an instance map, because the protocol is instance-sensitive, but there '
                'is none; load one (data_prefix=dict(instance_map_path=...)) or set '
                'instance_sensitive=False.'
            )
        if label_map is None:
            raise ValueError('Expected a label map to make boundaries of, but got None.')
        instances = instance_map if self.instance_sensitive else None
        size = self.size(*label_map.shape)
        if self.mode == 'thin':
            label_map = resample(label_map, size)
            instances = None if instances is None else resample(instances, size)
        made = label_map_to_edges(
            label_map,
            num_classes,
            radius=self.radius,
            instance_map=instances,
            background=background,
            ignore_index=ignore_index,
        )
        edges: NDArray[np.bool_] = made == 1
        if self.class_agnostic:
            edges = np.any(edges, axis=0, keepdims=True)
        return thin(edges) if self.mode == 'thin' else resample(edges, size)

    def _stored_truth(
        self, boundary_map: NDArray[Any] | None, num_classes: int
    ) -> NDArray[np.bool_]:
        if boundary_map is None:
            raise ValueError(
                'Expected stored boundaries, because the protocol compares with them, but '
                "there are none; load them (dict(type='LoadSBDAnnotations', "
                "boundaries='cls')) or set stored=False to make them from the label map."
            )
        edges = np.asarray(boundary_map) == 1
        if num_classes == 1 and edges.ndim == 3 and len(edges) > 1:
            edges = edges[None]  # several maps of one class: one per annotator
        if len(edges) != num_classes:
            raise ValueError(
                f'Expected stored boundaries of {num_classes} classes, but got maps of shape '
                f'{np.shape(boundary_map)}.'
            )
        return edges.any(axis=0, keepdims=True) if self.class_agnostic else edges

    def interior(
        self, label_map: NDArray[Any], num_classes: int, *, background: int | None = None
    ) -> NDArray[np.bool_] | None:
        """Region of each class (K, h, w) bool, or None where the protocol does not need it."""
        if not self.drop_interior:
            return None
        label_map = self.nearest(label_map)
        values = class_values(num_classes, without=(background, 255))
        regions: NDArray[np.bool_] = label_map == np.array(values)[:, None, None]
        if self.class_agnostic:
            raise ValueError(
                'Expected drop_interior=False in a class-agnostic protocol: a boundary of all '
                'classes has no inside.'
            )
        return regions

    def nearest(self, label_map: NDArray[Any]) -> NDArray[Any]:
        """Bring a map (H, W) of labels to the evaluation size."""
        return resample(label_map, self.size(*label_map.shape))

    def predicted_edges(
        self, label_map: NDArray[Any], num_classes: int, *, background: int | None = None
    ) -> NDArray[np.bool_]:
        """Boundaries (K, h, w) bool of a segmentor's label map, by the rule of the ground truth.

        A label map tells no instances apart, so edges between them can only be missed.

        Args:
            label_map: (H, W) predicted labels.
            num_classes: Number of classes K.
            background: Label of pixels of no class.
        """
        rule = replace(self, stored=False, instance_sensitive=False)
        return rule.ground_truth(label_map, num_classes, background=background)

    def prediction(self, prob: NDArray[Any], size: tuple[int, int] | None = None) -> NDArray[Any]:
        """Bring predicted maps to the evaluation size (bilinear), then suppress, as asked.

        Args:
            prob: (K, H, W) float in [0, 1], or uint8, read as v / 255.
            size: Height and width of the ground truth; None: what the protocol makes of an image
                as large as the prediction.

        Returns:
            (K, h, w), or (1, h, w) if class-agnostic; the very scores where they have the size
            already and nothing is suppressed, otherwise float32.

        Raises:
            ValueError: If the size does not fit and the protocol does not resize.
        """
        shape = (prob.shape[1], prob.shape[2])
        whole = self.size(*shape)
        height, width = whole if size is None else size
        if (height, width) not in (shape, whole) and not self.resize:
            raise ValueError(
                f'Expected a prediction of {height} x {width} px (height x width), the size of '
                f'the ground truth, {"" if self.scale == 1 else "or of the whole image, "}but got '
                f'{shape[0]} x {shape[1]}; predict at the size of the image, or set resize=True '
                '(--resize) to have it resized.'
            )
        if self.class_agnostic:
            prob = prob.max(axis=0, keepdims=True)
        if (height, width) != shape or self.test_nms:
            prob = np.stack([_resized(p, (height, width)) for p in prob])
        # Sums of float weights may leave [0, 1] in the last bit.
        return np.clip(edge_nms(prob), 0, 1) if self.test_nms else prob


def _resized(score: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    score = score.astype(np.float32) / np.float32(255 if score.dtype == np.uint8 else 1)
    return cv2.resize(score, size[::-1], interpolation=cv2.INTER_LINEAR)
