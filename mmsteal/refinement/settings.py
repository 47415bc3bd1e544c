"""What a refinement run does: everything that its results depend on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mmsteal.functional.alignment.align_options import AlignOptions
from mmsteal.functional.refinement.refine_engines import (
    Engine,
    EngineOptions,
    engine_of,
    engine_options,
)
from mmsteal.jobs import fingerprint
from mmsteal.label_formats import FormatSpec
from mmsteal.refinement.choices import Rejected
from mmsteal.refinement.class_mapping import EdgeClasses
from mmsteal.version import __version__

# What the edge maps are called where no one brings any.
GRADIENT = 'gradient'


@dataclass(frozen=True)
class RefineSettings:
    """A run: labels in, labels out, and how.

    Attributes:
        source (FormatSpec): The labels.
        out_dir (str): Folder of the results; labels go to its folder `labels`.
        edge_names (tuple[str, ...]): Names of the edge maps.
        edges (str | None): Folder of the edge maps; None where a model makes them, or the color
            gradient of the photographs serves.
        model (Mapping[str, str]): What tells one model from another, as hashes of its files;
            empty without one.
        target (FormatSpec | None): Format of the results; None: that of `source`.
        class_map (Mapping[str, str]): See :class:`EdgeClasses`.
        scale (float | None): Size at which objects are refined, as a fraction of the size of the
            labels; None: that of the edge maps where they are smaller.
        error_px (float | None): How far outlines may be off, in pixels of the labels. None:
            estimated for each image.
        set_error_px (float | None): Typical error of the set, towards which the estimates of its
            images are drawn.
        options (EngineOptions | None): Those of the engine; None: the joint labelling as it is.
            Its `set_offset` is measured on some images of the set where it is None.
        independent (bool): Every image speaks for itself, and nothing is measured on the set.
        background (bool | None): Whether pixels of no object are background; otherwise nobody
            labelled them, and those near objects are filled. None: as in the format.
        choices (Rejected): Objects that a person has rejected, which get the given label back; see
            :func:`mmsteal.refinement.choices.read_choices`. They concern their images alone, and
            are no parameters of the run.
    """

    source: FormatSpec
    out_dir: str
    edge_names: tuple[str, ...] = (GRADIENT,)
    edges: str | None = None
    model: Mapping[str, str] = field(default_factory=dict)
    target: FormatSpec | None = None
    class_map: Mapping[str, str] = field(default_factory=dict)
    scale: float | None = None
    error_px: float | None = None
    set_error_px: float | None = None
    options: EngineOptions | None = None
    independent: bool = False
    background: bool | None = None
    choices: Rejected = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse at once what every image would fail on."""
        if self.edges is not None and self.model:
            raise ValueError(
                'Expected either `edges`, a folder of edge maps, or `model` to make them with, '
                'but got both.'
            )
        if self.gradient and len(self.edge_names) != 1:
            raise ValueError(
                'Expected one name in `edge_names` without `edges` and `model`, that of the '
                f'gradient, but got {len(self.edge_names)}.'
            )
        object.__setattr__(self, 'options', engine_options(options=self.options))
        if self.scale is not None and not 0 < self.scale < np.inf:
            raise ValueError(
                f'Expected argument `scale` to be > 0 and finite, but got {self.scale}.'
            )
        EdgeClasses(self.edge_names, self.class_map)
        if self.error_px is not None:
            if not 0 < self.error_px < np.inf:
                raise ValueError(
                    f'Expected argument `error_px` to be > 0 and finite, but got {self.error_px}.'
                )
            if isinstance(self.options, AlignOptions):
                self.options.for_error(self.error_px)

    @property
    def engine(self) -> Engine:
        """What refines the labels."""
        return engine_of(self.options)

    @property
    def gradient(self) -> bool:
        """Whether the edges are those of the colors."""
        return self.edges is None and not self.model

    @property
    def needs_photos(self) -> bool:
        """Whether the photographs are read, beyond what a model does."""
        return self.engine == 'joint' or self.gradient or self.error_px is None

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
            'set_error_px': self.set_error_px,
            'independent': self.independent,
            'background': self.background,
            'engine': self.engine,
            'options': asdict(self.options) if self.options is not None else {},
        }
        return json.loads(json.dumps(found, default=str))

    def fingerprint(self) -> str:
        """A hash of the parameters."""
        return fingerprint(self.parameters())


def _absolute(path: str | None) -> str | None:
    return None if path is None else str(Path(path).resolve())
