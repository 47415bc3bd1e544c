"""The Semantic Boundaries Dataset: cls/*.mat and inst/*.mat."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mmsteal.label_formats.annotation import Annotation, LabelError
from mmsteal.label_formats.base import (
    LabelFormat,
    LabelItem,
    LabelProblem,
    Unclaimed,
    check_unclaimed,
    integer_values,
)
from mmsteal.label_formats.image_files import (
    IMAGE_SUFFIXES,
    check_size,
    find_files,
    pair_files,
)
from mmsteal.label_formats.label_maps import (
    annotated_objects,
    paint_all,
    paint_changes,
    present_values,
    require_objects,
    unclaimed_value,
)
from mmsteal.label_formats.sbd_mat import STRUCTS, Kind, blank_fields, encode_mat, read_mat
from mmsteal.label_formats.voc_labels import VOC_CLASSES
from mmsteal.text_lists import read_names


class SbdFormat(LabelFormat):
    """SBD's .mat files: segmentation, boundaries and categories of classes and of instances.

    Output: `OUT/cls/NAME.mat` and `OUT/inst/NAME.mat`, whichever the input has. Boundaries of
    classes and instances that changed are made again by the rule of the data set, see
    :func:`mmsteal.label_formats.sbd_mat.sbd_boundary`; the others are kept.

    Args:
        root: Folder with cls and, if there is one, inst (`benchmark_RELEASE/dataset`).
        images: Folder of the images, if it is not `ROOT/img`.
        split: Use the images of `ROOT/SPLIT.txt` only.
        classes: Names -> values from 1 to 254, by default VOC's 20. Values that are not in it are
            refused.
        unclaimed: See :class:`LabelFormat`. Background is 0.

    Raises:
        ValueError: If a value does not fit into SBD's bytes.
    """

    name: ClassVar[str] = 'sbd'

    def __init__(
        self,
        root: str | Path | None = None,
        *,
        images: str | Path | None = None,
        split: str | None = None,
        classes: Mapping[str, int | str] | None = None,
        unclaimed: Unclaimed = None,
    ) -> None:
        classes = classes or {name: value for value, name in enumerate(VOC_CLASSES, 1)}
        classes = integer_values(classes, 1, 254, what='SBD')
        check_unclaimed(unclaimed, 0, 255, what='SBD')
        super().__init__(root, classes=classes, unclaimed=unclaimed)
        if images is None and root is not None:
            images = Path(root) / 'img'
        self.images = None if images is None else Path(images)
        self.split = split

    def _find(self, root: Path) -> tuple[list[LabelItem], list[LabelProblem]]:
        assert self.images is not None  # __init__ has seen to it
        images = find_files(self.images, IMAGE_SUFFIXES, what='images')
        found = [
            find_files(root / kind, ('.mat',), what='labels')
            for kind in STRUCTS
            if (root / kind).is_dir()
        ]
        if not found:
            raise FileNotFoundError(f'Expected the folder cls or inst in {root.resolve()}.')
        if self.split is not None:
            known = {*images, *(name for files in found for name in files)}
            path = root / f'{self.split}.txt'
            wanted = set(read_names(path, known.__contains__, suffixes=IMAGE_SUFFIXES))
            images = {name: path for name, path in images.items() if name in wanted}
            found = [{n: p for n, p in files.items() if n in wanted} for files in found]
        labels = {
            name: tuple(files[name] for files in found if name in files)
            for name in sorted(set().union(*found))
        }
        items, problems = pair_files(images, labels)
        for item in [item for item in items if len(item.labels) < len(found)]:
            items.remove(item)
            problems.append(
                LabelProblem(item.labels[0], 'only one of cls and inst has a file of this name.')
            )
        return items, problems

    def _read(self, item: LabelItem) -> Annotation:
        content: dict[Kind, dict[str, Any]] = {}
        for path in item.labels:
            kind = _kind(item, path)
            content[kind] = _load(path, kind)
            check_size(path, content[kind]['Segmentation'].shape, item)
        instances = content['inst']['Segmentation'].astype(np.int32) if 'inst' in content else None
        if 'cls' in content:
            labels = content['cls']['Segmentation'].astype(np.int32)
        elif instances is not None:
            # Category of each instance; 0 stays background.
            of_instance = np.append(0, np.ravel(content['inst']['Categories']).astype(np.int32))
            if instances.max() >= len(of_instance):
                raise LabelError(
                    f'{item.labels[0]}: instance {instances.max()} has no category; the file lists '
                    f'{len(of_instance) - 1}.'
                )
            labels = of_instance[instances]
        unknown = sorted(set(present_values(labels)) - {0, 255, *self.class_names})
        if unknown:
            raise LabelError(
                f'{item.labels[0]}: unknown values {unknown[:8]}; expected 0, 255 and '
                f'{sorted(self.class_names)}.'
            )
        object_map, objects, ignored = annotated_objects(
            labels, instances, background=(0,), ignore=(255,), names=self.class_names
        )
        background = ~ignored & (object_map < 0)
        require_objects(item.labels[0], objects, negative=bool(background.any()))
        return Annotation(
            item.name, object_map, objects, ignored, format=self.name, content=content
        )

    def outputs(self, item: LabelItem, out_dir: str | Path) -> list[Path]:
        """The files that are written for an image; see the parent."""
        return [Path(out_dir) / _kind(item, path) / f'{item.name}.mat' for path in item.labels]

    def _unclaimed(self) -> int:
        return unclaimed_value(self.unclaimed, (0,), (255,), what='SBD')

    def _update(
        self, item: LabelItem, annotation: Annotation, object_map: NDArray[np.int32], out_dir: Path
    ) -> dict[Path, bytes]:
        paths = self.outputs(item, out_dir)
        objects = annotation.objects
        values = np.array([entry.category for entry in objects], np.int64)
        ids = np.array([entry.instance for entry in objects], np.int64)
        files = {}
        for source, path in zip(item.labels, paths, strict=True):
            kind = _kind(item, source)
            before = annotation.content[kind]
            segmentation = paint_changes(
                before['Segmentation'].astype(np.int64),
                annotation,
                object_map,
                ids if kind == 'inst' else values,
                (lambda: 0) if kind == 'inst' else self._unclaimed,
            )
            files[path] = encode_mat(path, kind, before, segmentation)
        return files

    def _convert(
        self, item: LabelItem, annotation: Annotation, object_map: NDArray[np.int32], out_dir: Path
    ) -> dict[Path, bytes]:
        objects = annotation.objects
        values = np.array([self.class_value(annotation, entry) for entry in objects], np.int64)
        if len(values) > 255:
            raise LabelError(f'{item.name}: SBD holds up to 255 instances, got {len(values)}.')
        rest = self._unclaimed()
        labels = paint_all(annotation, object_map, values, rest=rest, ignored=255)
        ids = paint_all(annotation, object_map, np.arange(1, len(values) + 1), rest=0, ignored=0)
        num_classes = max(int(value) for value in self.classes.values())
        cls = blank_fields('cls', labels.shape, num_classes)
        inst = {
            **blank_fields('inst', ids.shape, len(values)),
            'Categories': values.astype(np.uint8)[:, None],
        }
        path = out_dir / 'cls' / f'{item.name}.mat'
        of_instances = out_dir / 'inst' / f'{item.name}.mat'
        return {
            path: encode_mat(path, 'cls', cls, labels),
            of_instances: encode_mat(of_instances, 'inst', inst, ids),
        }


def _kind(item: LabelItem, path: Path) -> Kind:
    """Which of the two folders a file is from: ROOT/KIND/NAME.mat, where NAME may have folders."""
    return 'inst' if path.parents[item.name.count('/')].name == 'inst' else 'cls'


def _load(path: Path, kind: Kind) -> dict[str, Any]:
    try:
        return read_mat(path.read_bytes(), kind)
    except Exception as error:  # scipy raises what it likes on damaged files
        raise LabelError(
            f'{path}: cannot read the struct {STRUCTS[kind]} ({type(error).__name__}: {error}); '
            'fix or remove the file.'
        ) from error
