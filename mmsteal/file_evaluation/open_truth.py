"""True boundaries of a data set on disk, in its released layout, by the rule of a protocol."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import scipy.io

from mmsteal.datasets.cityscapes_edge import IGNORED_IDS, LABEL_IDS, VOID_IDS, CityscapesEdgeDataset
from mmsteal.datasets.edge_dataset import label_value_map, lookup_table
from mmsteal.datasets.sbd_edge import SBDEdgeDataset
from mmsteal.datasets.transforms import LoadEdgeAnnotations, LoadSBDAnnotations
from mmsteal.edge_files import PredictionFolder, read_edge_bin, read_edge_pngs
from mmsteal.edge_files.file_index import find_file, index_files
from mmsteal.evaluation.protocol import BoundaryProtocol
from mmsteal.functional.class_values import class_values

KINDS = ('sbd', 'cityscapes', 'bsds', 'folder', 'edges')


@dataclass
class ImageTruth:
    """What the prediction of one image is compared with.

    Attributes:
        edges (np.ndarray): (K, h, w) or (K, A, h, w) bool at the evaluation size.
        interior (np.ndarray | None): Region of each class (K, h, w) bool, where it is needed.
        ignored (np.ndarray | None): Pixels (h, w) bool whose label is not known.
        size (tuple[int, int] | None): Height and width of the label map, if there is one.
    """

    edges: np.ndarray
    interior: np.ndarray | None = None
    ignored: np.ndarray | None = None
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
            name (str): Name of the image.
            protocol (BoundaryProtocol): The rule.
            size (tuple[int, int] | None): Height and width of the image, for files that do not
                know it.
        """

    def map_labels(self, labels: np.ndarray, path: str) -> np.ndarray:
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
            :func:`mmsteal.datasets.edge_dataset.label_value_map`.
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
        results = dict(zip(
            ('seg_map_path', 'instance_map_path'),
            map(str, self.files(name, protocol)),
            strict=False,
        ))  # fmt: skip
        results['value_map'] = self.value_map
        if self.sbd:
            stored = 'inst' if protocol.instance_sensitive else 'cls'
            loader = LoadSBDAnnotations(boundaries=stored if protocol.stored else None)
        else:
            loader = LoadEdgeAnnotations()
        results = loader.transform(results)
        labels = results['gt_seg_map']
        num_classes = len(self.class_names)
        edges = protocol.ground_truth(
            labels.astype(np.int32),
            num_classes,
            background=num_classes,
            instance_map=results.get('gt_instance_map'),
            boundary_map=results.get('gt_boundary_map'),
        )
        return ImageTruth(
            edges,
            protocol.interior(labels, num_classes, background=num_classes),
            protocol.nearest(labels == 255),
            labels.shape,
        )

    def map_labels(self, labels: np.ndarray, path: str) -> np.ndarray:
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
            annotations = scipy.io.loadmat(path)['groundTruth'].ravel()
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
            return [find_file(self.bins, name) or Path(f'{name}.bin')]
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


def open_ground_truth(
    kind: str,
    root: str | Path,
    *,
    split: str | None = None,
    class_names: Sequence[str] = (),
    instances: str | Path | None = None,
    label_values: Sequence[int] | None = None,
    background: Sequence[int] = (),
    ignore_values: Sequence[int] = (),
) -> GroundTruth:
    """Find the images of a data set.

    Args:
        kind (str): `'sbd'` (`cls/`, `inst/`, `SPLIT.txt`), `'cityscapes'` (`gtFine/SPLIT`),
            `'bsds'` (`groundTruth/SPLIT/*.mat`), `'folder'` (label PNGs) or `'edges'` (edge maps
            made before: `class_001/*.png` ..., or `*.bin`).
        root (str | Path): Folder of the data set; of the label PNGs or of the edge files.
        split (str | None): Part of the set; by default val, of BSDS test.
        class_names (Sequence[str]): Classes of `'folder'` and `'edges'`; the others know theirs.
        instances (str | Path | None): Folder of instance PNGs, of `'folder'`.
        label_values (Sequence[int] | None): Value of each class in the label PNGs of `'folder'`;
            by default 0..K-1, leaving out background and ignored.
        background (Sequence[int]): Values of pixels of no class, of `'folder'`.
        ignore_values (Sequence[int]): Values to ignore beside 255, of `'folder'`.

    Returns:
        GroundTruth: The set.

    Raises:
        FileNotFoundError: If a folder or list does not exist, or there are no images in it.
        ValueError: If the kind is unknown or class names are missing.
    """
    root = Path(root)
    if kind not in KINDS:
        raise ValueError(f'Expected argument `kind` to be one of {KINDS}, but got {kind!r}.')
    if not root.is_dir():
        raise FileNotFoundError(
            f'Expected the ground truth in the folder {root.resolve()}, but there is none.'
        )
    if kind in ('folder', 'edges') and not class_names:
        raise ValueError(
            f'Expected the names of the classes (--names) of ground truth of kind {kind!r}.'
        )
    if kind == 'sbd':
        return _open_sbd(root, split or 'val')
    if kind == 'cityscapes':
        return _open_cityscapes(root, split or 'val')
    if kind == 'bsds':
        places = ('data/groundTruth', 'groundTruth', '.')
        candidates = [root / place / part for place in places for part in (split or 'test', '.')]
        folder = next((c for c in candidates if any(c.glob('*.mat'))), root)
        return AnnotatorTruth(_listed(folder, '.mat'), folder)
    if kind == 'edges':
        bins = index_files(root, ('.bin',))
        if bins:
            return EdgeFileTruth(_listed(root, '.bin'), tuple(class_names), bins=bins)
        pngs = PredictionFolder(root, class_names)
        return EdgeFileTruth(pngs.names(), tuple(class_names), pngs)
    return LabelMapTruth(
        _listed(root, '.png'),
        tuple(class_names),
        root,
        None if instances is None else Path(instances),
        value_map=label_value_map(
            class_values(len(class_names), without=(255, *background, *ignore_values))
            if label_values is None
            else label_values,
            background=list(background),
            ignore_values=(*ignore_values, 255),
        ),
    )


def _open_sbd(root: Path, split: str) -> GroundTruth:
    path = root / f'{split}.txt'
    if not path.is_file():
        raise FileNotFoundError(
            f'Expected the list of images at {path.resolve()}, but it does not exist; root is the '
            'folder that has cls/, inst/ and val.txt (benchmark_RELEASE/dataset).'
        )
    names = sorted(set(path.read_text().split()))
    return LabelMapTruth(
        names,
        tuple(SBDEdgeDataset.METAINFO['classes']),
        root / 'cls',
        root / 'inst',
        '.mat',
        '.mat',
        label_value_map(range(1, 21), background=0),
        sbd=True,
    )


def _open_cityscapes(root: Path, split: str) -> GroundTruth:
    folder = root / 'gtFine' / split
    suffix = '_gtFine_labelIds.png'
    return LabelMapTruth(
        [name.removesuffix(suffix[:-4]) for name in _listed(folder, suffix)],
        tuple(CityscapesEdgeDataset.METAINFO['classes']),
        folder,
        folder,
        suffix,
        '_gtFine_instanceIds.png',
        label_value_map(
            LABEL_IDS,
            background=VOID_IDS,
            ignore_values=(*IGNORED_IDS, 255),
        ),
    )


def _listed(folder: Path, ending: str) -> list[str]:
    """Relative names, without the last suffix, of the files below a folder."""
    names = sorted(
        path.relative_to(folder).with_suffix('').as_posix()
        for path in folder.rglob(f'*{ending}')
        if not path.name.startswith('.')
    )
    if not names:
        raise FileNotFoundError(
            f'Expected files *{ending} below {folder.resolve()}, but there are none.'
        )
    return names
