"""What a refinement run does: everything that its results depend on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mmsteal.functional.align_options import REFINE_OPTIONS, AlignOptions
from mmsteal.jobs import fingerprint
from mmsteal.label_formats import LabelFormat, open_label_format
from mmsteal.refinement.class_mapping import EdgeClasses
from mmsteal.version import __version__

# Options of formats that are lists of values.
_LISTS = ('background', 'ignore', 'known')


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
        align (AlignOptions): How objects evolve, in pixels of the edge maps.
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
    align: AlignOptions = REFINE_OPTIONS

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
        EdgeClasses(self.edge_names, self.class_map)
        if self.error_px is not None:
            self.align.for_error(self.error_px)

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
            'align': asdict(self.align),
        }
        return json.loads(json.dumps(found, default=str))

    def fingerprint(self) -> str:
        """A hash of the parameters."""
        return fingerprint(self.parameters())


def _absolute(path: str | None) -> str | None:
    return None if path is None else str(Path(path).resolve())
