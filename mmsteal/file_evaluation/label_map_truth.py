"""True boundaries made of label maps, and those that SBD's label files store."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmsteal.evaluation.protocol import BoundaryProtocol
from mmsteal.file_evaluation.ground_truth import GroundTruth, ImageTruth
from mmsteal.label_formats.label_files import decode_png, read_label_file
from mmsteal.label_formats.label_maps import present_values
from mmsteal.label_formats.sbd_mat import Kind, segmentation, stored_boundaries
from mmsteal.label_formats.value_map import (
    lookup_table,
    map_labels,
    told_values,
    value_meaning,
)

# Label files that are looked at for their values.
_SAMPLE = 50


@dataclass
class LabelMapTruth(GroundTruth):
    """Label maps, from which edges are made; SBD's files also store boundaries.

    Attributes:
        names (list[str]): Names of the images.
        class_names (tuple[str, ...]): Names of the classes.
        labels (Path): Folder of the label files.
        instances (Path | None): Folder of the instance files.
        label_suffix, instance_suffix (str): Endings of the files.
        value_map (dict[int, int]): Values of the files -> 0..K-1, K, 255; see
            :func:`mmsteal.label_formats.value_map.label_value_map`.
        sbd (bool): The files are SBD's .mat.
    """

    names: list[str]
    class_names: tuple[str, ...]
    labels: Path
    instances: Path | None
    label_suffix: str = '.png'
    instance_suffix: str = '.png'
    value_map: dict[int, int] = field(default_factory=dict)
    sbd: bool = False

    @property
    def settings(self) -> dict[str, Any]:
        """What the values of the files mean."""
        return {'value_map': self.value_map}

    def values_found(self) -> set[int]:
        """Values of evenly spaced label files; those that cannot be read are passed over."""
        found: set[int] = set()
        num = min(len(self.names), _SAMPLE)
        for i in range(num):
            path = self.labels / f'{self.names[i * len(self.names) // num]}{self.label_suffix}'
            with suppress(ValueError, OSError):
                found |= set(present_values(read_label_file(path, self._decode('cls'))))
        return found

    @property
    def held(self) -> str:
        """What the label files hold; see the parent."""
        labels = {v: self.value_map.get(v, self.value_map.get(-1, -1)) for v in self.values_found()}
        meanings = {v: value_meaning(label, self.class_names) for v, label in labels.items()}
        return (
            f'The label files in {self.labels} hold {told_values(meanings)}. Say what the values '
            'are: --names, --label-values, --background, --ignore.'
        )

    def files(self, name: str, protocol: BoundaryProtocol) -> list[Path]:
        """Label file and, where the protocol tells instances apart, instance file."""
        paths = [self.labels / f'{name}{self.label_suffix}']
        if protocol.instance_sensitive:
            if self.instances is None:
                raise ValueError(
                    'Expected a folder of instance maps (--instances), because the protocol is '
                    'instance-sensitive, or instance_sensitive=False '
                    '(--no-instance-sensitive), but got neither.'
                )
            paths.append(self.instances / f'{name}{self.instance_suffix}')
        return paths

    def load(
        self, name: str, protocol: BoundaryProtocol, size: tuple[int, int] | None = None
    ) -> ImageTruth:
        """Make the true boundaries of an image; see the parent."""
        label_file, *instance_file = self.files(name, protocol)
        values = read_label_file(label_file, self._decode('cls'))
        labels = map_labels(values, self.value_map, label_file)
        instances = [read_label_file(file, self._decode('inst')) for file in instance_file]
        stored = None
        if self.sbd and protocol.stored:
            kind: Kind = 'inst' if instance_file else 'cls'
            stored = read_label_file(
                [label_file, *instance_file][-1], partial(stored_boundaries, kind=kind)
            )
        num_classes = len(self.class_names)
        edges = protocol.ground_truth(
            labels.astype(np.int32),
            num_classes,
            background=num_classes,
            instance_map=instances[0] if instances else None,
            boundary_map=stored,
        )
        return ImageTruth(
            edges,
            protocol.interior(labels, num_classes, background=num_classes),
            protocol.nearest(labels == 255),
            labels.shape,
        )

    def _decode(self, kind: Kind) -> Callable[[bytes], NDArray[Any]]:
        return partial(segmentation, kind=kind) if self.sbd else decode_png

    def map_labels(self, labels: NDArray[Any], path: str) -> NDArray[np.int16]:
        """Labels in the values of the data set's files as 0..K-1, K for background."""
        mapped = lookup_table(self.value_map, 65536)[labels]
        if mapped.min() < 0:
            raise ValueError(
                f'Expected {path} to hold the values of the ground truth files '
                f'{sorted(v for v in self.value_map if v >= 0)}, but it also holds '
                f'{np.unique(labels[mapped < 0])[:8].tolist()}; if it holds 0..K-1 say so '
                '(--label-maps index).'
            )
        return mapped
