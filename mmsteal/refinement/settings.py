"""What a refinement run does: everything that its results depend on."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mmsteal.functional.alignment import align_masks
from mmsteal.functional.refinement import refine_objects
from mmsteal.jobs import fingerprint
from mmsteal.label_formats import LabelFormat, open_label_format
from mmsteal.refinement.class_mapping import EdgeClasses
from mmsteal.version import __version__

# Options of formats that are lists of values.
_LISTS = ('background', 'ignore', 'known')
# What the run sets itself for each image.
_OWN = {'masks', 'edge_prob', 'classes', 'images', 'ignore'}
ALIGN_OPTIONS = tuple(
    name for name in inspect.signature(align_masks).parameters if name not in _OWN
)


@dataclass(frozen=True)
class FormatSpec:
    """Labels in one format; can be sent to other processes and opened there.

    Attributes:
        name (str): See :func:`mmsteal.label_formats.open_label_format`.
        root (str | None): Where the labels are; None to only write.
        options (Mapping[str, Any]): Options of the format.
    """

    name: str
    root: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def open(self) -> LabelFormat:
        """Open the labels.

        Raises:
            ValueError: If the format or one of its options is unknown.
        """
        # One value in place of a list of one, as people write on a command line.
        options = {
            key: (value,) if key in _LISTS and isinstance(value, int | str) else value
            for key, value in self.options.items()
        }
        try:
            return open_label_format(self.name, self.root, **options)
        except TypeError as error:
            raise ValueError(f'Cannot open labels of the format {self.name!r}: {error}.') from error


@dataclass(frozen=True)
class RefineSettings:
    """A run: labels in, labels out, and how.

    Attributes:
        source (FormatSpec): The labels.
        out_dir (str): Folder of the results; labels go to its folder `labels`.
        edge_names (tuple[str, ...]): Names of the edge maps.
        edges (str | None): Folder of the edge maps; None where a model makes them.
        model (Mapping[str, str]): What tells one model from another, as hashes of its files.
        target (FormatSpec | None): Format of the results; None: that of `source`.
        class_map (Mapping[str, str]): See :class:`EdgeClasses`.
        scale (float | None): Size at which objects evolve, in sizes of the labels; None: that of
            the edge maps.
        error_px (float | None): How far outlines may be off, in pixels of the labels.
        align (Mapping[str, Any]): Further options of
            :func:`mmsteal.functional.refinement.refine_objects`.
    """

    source: FormatSpec
    out_dir: str
    edge_names: tuple[str, ...]
    edges: str | None = None
    model: Mapping[str, str] = field(default_factory=dict)
    target: FormatSpec | None = None
    class_map: Mapping[str, str] = field(default_factory=dict)
    scale: float | None = None
    error_px: float | None = None
    align: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse at once what every image would fail on."""
        if (self.edges is None) == (not self.model):
            raise ValueError(
                'Expected either `edges`, a folder of edge maps, or `model` to make them with, '
                'but got both or none.'
            )
        if self.scale is not None and not 0 < self.scale < np.inf:
            raise ValueError(
                f'Expected argument `scale` to be > 0 and finite, but got {self.scale}.'
            )
        unknown = sorted(set(self.align) - set(ALIGN_OPTIONS))
        if unknown:
            raise ValueError(
                f'Expected options of the alignment out of {", ".join(ALIGN_OPTIONS)}, '
                f'but got {", ".join(unknown)}.'
            )
        EdgeClasses(self.edge_names, self.class_map)
        refine_objects(
            np.pad(np.zeros((4, 4), np.int32), 2, constant_values=-1),
            np.zeros((1, 8, 8), np.float32),
            classes=[0],
            error_px=self.error_px,
            **self.align,
        )

    @property
    def labels_dir(self) -> Path:
        """Folder of the refined labels."""
        return Path(self.out_dir) / 'labels'

    def parameters(self) -> dict[str, Any]:
        """What the result of an image depends on, besides its files, as JSON holds it."""
        target = self.target or self.source
        found = {
            'version': __version__,
            'format': self.source.name,
            'labels': _absolute(self.source.root),
            'format_options': dict(self.source.options),
            'to': target.name,
            'to_options': dict(self.target.options) if self.target else {},
            'edges': _absolute(self.edges),
            'model': dict(self.model),
            'edge_names': list(self.edge_names),
            'class_map': dict(self.class_map),
            'scale': self.scale,
            'error_px': self.error_px,
            'align': dict(self.align),
        }
        return json.loads(json.dumps(found, default=str))

    def fingerprint(self) -> str:
        """A hash of the parameters."""
        return fingerprint(self.parameters())


def _absolute(path: str | None) -> str | None:
    return None if path is None else str(Path(path).resolve())
