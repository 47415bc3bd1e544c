"""True boundaries that files hold as such: BSDS's annotators, and edge maps made before."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mmsteal.edge_files import PredictionFolder, read_edge_bin, read_edge_pngs
from mmsteal.evaluation.protocol import BoundaryProtocol
from mmsteal.file_evaluation.ground_truth import GroundTruth, ImageTruth
from mmsteal.input_files import read_mat_file


@dataclass
class AnnotatorTruth(GroundTruth):
    """BSDS: boundaries by several annotators, class-agnostic, as `groundTruth/*.mat`."""

    names: list[str]
    folder: Path
    class_names: tuple[str, ...] = ('boundary',)

    def files(self, name: str, protocol: BoundaryProtocol) -> list[Path]:
        """The .mat file."""
        return [self.folder / f'{name}.mat']

    def load(
        self, name: str, protocol: BoundaryProtocol, size: tuple[int, int] | None = None
    ) -> ImageTruth:
        """Make the true boundaries of an image; see the parent."""
        path = self.folder / f'{name}.mat'
        try:
            annotations = read_mat_file(path.read_bytes())['groundTruth'].ravel()
            maps = np.stack([a['Boundaries'][0, 0] for a in annotations])
        except FileNotFoundError:
            raise
        except Exception as error:
            raise ValueError(
                f'Cannot read the annotations {path}: {type(error).__name__}: {error}.'
            ) from error
        return ImageTruth(_as_stored(protocol).ground_truth(None, 1, boundary_map=maps[None] > 0))


@dataclass
class EdgeFileTruth(GroundTruth):
    """Boundaries made before: per-class PNGs, or uint32 files of CASENet and SEAL."""

    names: list[str]
    class_names: tuple[str, ...]
    pngs: PredictionFolder | None = None
    bins: dict[str, Path] = field(default_factory=dict)

    def files(self, name: str, protocol: BoundaryProtocol) -> list[Path]:
        """The files of the image."""
        if self.pngs is None:
            return [self.bins.get(name, Path(f'{name}.bin'))]
        return [path or Path(f'{name}.png ({what})') for what, path in self.pngs.files(name)]

    def load(
        self, name: str, protocol: BoundaryProtocol, size: tuple[int, int] | None = None
    ) -> ImageTruth:
        """Read the true boundaries of an image; see the parent."""
        if protocol.drop_interior:
            raise ValueError(
                'Expected drop_interior=False (--no-drop-interior) with ground truth of edge '
                'files, which do not know the inside of a class.'
            )
        if self.pngs is not None:
            edges = read_edge_pngs(self.pngs, name)
        elif size is None:
            raise ValueError(f'Expected the size of the image of {name}.bin to be given.')
        else:
            (path,) = self.files(name, protocol)
            if path.stat().st_size == 4 * np.prod(protocol.size(*size)):
                size = protocol.size(*size)  # the prediction is of the whole image
            edges = read_edge_bin(path, len(self.class_names), size)
        protocol = _as_stored(protocol)
        truth = protocol.ground_truth(None, len(edges), boundary_map=edges == 1)
        return ImageTruth(truth, None, (edges == 255).any(axis=0))


def _as_stored(protocol: BoundaryProtocol) -> BoundaryProtocol:
    if not protocol.stored:
        raise ValueError(
            'Expected stored=True in the protocol: this ground truth is boundaries, not label maps.'
        )
    return protocol
