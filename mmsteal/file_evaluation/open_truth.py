"""Find the images and true boundaries of a data set on disk, in its released layout."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mmsteal.edge_files import PredictionFolder
from mmsteal.file_evaluation.boundary_truth import AnnotatorTruth, EdgeFileTruth
from mmsteal.file_evaluation.ground_truth import GroundTruth
from mmsteal.file_evaluation.label_map_truth import LabelMapTruth
from mmsteal.label_formats.cityscapes_labels import (
    BOUNDARY_IGNORED_IDS,
    CITYSCAPES_CLASSES,
    VOID_IDS,
)
from mmsteal.label_formats.value_map import label_value_map, may_be_mask
from mmsteal.label_formats.voc_labels import VOC_CLASSES
from mmsteal.pairing import list_files
from mmsteal.text_lists import read_names

KINDS = ('sbd', 'cityscapes', 'bsds', 'folder', 'edges')


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
        kind: `'sbd'` (`cls/`, `inst/`, `SPLIT.txt`), `'cityscapes'` (`gtFine/SPLIT`),
            `'bsds'` (`groundTruth/SPLIT/*.mat`), `'folder'` (label PNGs) or `'edges'` (edge maps
            made before: `class_001/*.png` ..., or `*.bin`).
        root: Folder of the data set; of the label PNGs or of the edge files.
        split: Part of the set; by default val, of BSDS test.
        class_names: Classes of `'folder'` and `'edges'`; the others know theirs.
        instances: Folder of instance PNGs, of `'folder'`.
        label_values: Value of each class in the label PNGs of `'folder'`;
            by default 0..K-1, leaving out background and ignored. With one class, files of 0 and
            255 alone are masks, in which 255 is the class, unless `ignore_values` has it.
        background: Values of pixels of no class, of `'folder'`.
        ignore_values: Values to ignore beside 255, of `'folder'`; 255 is ignored unless it is a
            class or background.

    Returns:
        The set.

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
        bins = list_files(root, ('.bin',))
        if bins:
            return EdgeFileTruth(sorted(bins), tuple(class_names), bins=bins)
        pngs = PredictionFolder(root, class_names)
        return EdgeFileTruth(pngs.names(), tuple(class_names), pngs)
    truth = LabelMapTruth(
        _listed(root, '.png'),
        tuple(class_names),
        root,
        None if instances is None else Path(instances),
    )
    told = len(class_names) if label_values is None else label_values
    mask = may_be_mask(told, background, ignore_values, instances=instances is not None)
    found = truth.values_found() if mask else ()
    truth.value_map = label_value_map(
        told, background=list(background), ignore_values=ignore_values, found=found
    )
    return truth


def _open_sbd(root: Path, split: str) -> GroundTruth:
    path = root / f'{split}.txt'
    if not path.is_file():
        raise FileNotFoundError(
            f'Expected the list of images at {path.resolve()}, but it does not exist; root is the '
            'folder that has cls/, inst/ and val.txt (benchmark_RELEASE/dataset).'
        )
    known = {file.stem for file in (root / 'cls').glob('*.mat')}
    names = sorted(set(read_names(path, known.__contains__, suffixes=('.jpg', '.mat'))))
    return LabelMapTruth(
        names,
        VOC_CLASSES,
        root / 'cls',
        root / 'inst',
        '.mat',
        '.mat',
        label_value_map(range(1, len(VOC_CLASSES) + 1), background=0),
        sbd=True,
    )


def _open_cityscapes(root: Path, split: str) -> GroundTruth:
    folder = root / 'gtFine' / split
    suffix = '_gtFine_labelIds.png'
    return LabelMapTruth(
        [name.removesuffix(suffix[:-4]) for name in _listed(folder, suffix)],
        tuple(label.name for label in CITYSCAPES_CLASSES),
        folder,
        folder,
        suffix,
        '_gtFine_instanceIds.png',
        label_value_map(
            [label.id for label in CITYSCAPES_CLASSES],
            background=VOID_IDS,
            ignore_values=(*BOUNDARY_IGNORED_IDS, 255),
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
