"""Aligned labels on disk: an ordinary folder of label PNGs, each one whole or absent."""

from __future__ import annotations

import io
import json
import os.path as osp

import numpy as np
from mmseg.registry import TRANSFORMS
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from mmsteal.datasets import EdgeDataset, LoadEdgeAnnotations
from mmsteal.datasets.transforms import LoadSBDAnnotations
from mmsteal.datasets.transforms.coarsen import CoarsenLabels
from mmsteal.files import path_under, write_file

LABEL_DIR, INSTANCE_DIR = 'labels', 'instances'
LOADERS = (LoadEdgeAnnotations, LoadSBDAnnotations)
_REPORT_KEY = 'alignment'


@TRANSFORMS.register_module()
class LoadAlignedLabels(LoadEdgeAnnotations):
    """Load aligned labels in place of those that the dataset names.

    The hook puts it where the pipeline loads labels. It sets `labels_aligned`, so that
    :class:`CoarsenLabels` does not coarsen them again.

    Args:
        files (LabelFiles): Where they are, and what their values mean.
        folder (str): The folder of the round.
    """

    def __init__(self, files: LabelFiles, folder: str) -> None:
        super().__init__()
        self.files = files
        self.folder = folder

    def transform(self, results: dict) -> dict:
        """Load; see the class."""
        label, instance = self.files.paths(self.folder, results)
        results.update(
            seg_map_path=label,
            instance_map_path=instance,
            value_map=self.files.value_map,
            labels_aligned=True,
        )
        return super().transform(results)


class LabelFiles:
    """Names and values of the aligned label files of a dataset.

    Where the dataset reads label PNGs, its own values and names are used, so that a folder of
    aligned labels can stand in for the original one anywhere. Where it reads other files (the
    .mat files of SBD) PNGs are written with the values of training: 0..K-1, K for background.

    Args:
        dataset (EdgeDataset): The training dataset.
        instance_sensitive (bool): Whether instance PNGs are written beside the label PNGs.

    Attributes:
        value_map (dict[int, int]): Value in the aligned files -> training value.
        has_background (bool): Whether the dataset has pixels of no class.

    Raises:
        ValueError: If the dataset has instances to tell apart but no files of them, or its files
            have no value for ignored pixels and none for the background.
    """

    def __init__(self, dataset: EdgeDataset, *, instance_sensitive: bool) -> None:
        self.prefixes = {key: dataset.data_prefix.get(key) for key in dataset.ANNOTATION_KEYS}
        if instance_sensitive and not self.prefixes['instance_map_path']:
            raise ValueError(
                'Expected the dataset to have instance maps, since GenerateEdges is '
                'instance-sensitive, but its `data_prefix` has no `instance_map_path`.'
            )
        self.instance_sensitive = instance_sensitive
        self.num_classes = len(dataset.metainfo['classes'])
        self.has_background = self.num_classes in dataset.value_map.values()
        # In PNGs the dataset's own values; in place of other files those of training.
        if dataset.seg_map_suffix.lower().endswith('.png'):
            self.value_map = dataset.value_map
        else:
            self.value_map = {k: k for k in (*range(self.num_classes + 1), 255)}
        self._table = inverse_table(self.value_map)
        self._palette = _palette(self._table, dataset.metainfo.get('palette'))
        rest = self.num_classes if self.has_background else 255
        if self._table[rest] < 0:
            raise ValueError(
                'Expected the label files of the dataset to have a value for ignored pixels, '
                f'but its values {self.value_map} have none; set `ignore_values`.'
            )

    def paths(self, folder: str, info: dict) -> tuple[str, str | None]:
        """Label file and instance file of an image: the original relative names, ending in .png.

        Args:
            folder (str): Folder of the round.
            info (dict): What the dataset says of the image.

        Raises:
            ValueError: If the dataset names a label outside of its folder of labels.
        """
        found = []
        for key, name in (('seg_map_path', LABEL_DIR), ('instance_map_path', INSTANCE_DIR)):
            if key == 'instance_map_path' and not self.instance_sensitive:
                found.append(None)
                continue
            relative = osp.relpath(info[key], self.prefixes[key])
            png = f'{osp.splitext(relative)[0]}.png'
            found.append(str(path_under(osp.join(folder, name), png, links=False)))
        return found[0], found[1]

    def write(
        self,
        folder: str,
        info: dict,
        label_map: NDArray[np.uint8],
        instance_map: NDArray[np.integer] | None,
        report: dict,
    ) -> None:
        """Write the files of an image; the label file comes last, and makes it complete.

        Args:
            folder (str): Folder of the round.
            info (dict): What the dataset says of the image.
            label_map (NDArray): (H, W) uint8 in the values of training.
            instance_map (NDArray | None): (H, W) ids.
            report (dict): Kept in the label file as text, see :meth:`read_report`.

        Raises:
            ValueError: If a label has no value in the files.
            OSError: If a file cannot be written; none is left behind half.
        """
        label_path, instance_path = self.paths(folder, info)
        if instance_path is not None and instance_map is not None:
            write_file(instance_path, _encode(instance_map.astype(np.uint16)))
        values = self._table[label_map]
        if values.min() < 0:
            raise ValueError(
                f'Cannot write the aligned labels of {info["img_path"]}: the dataset has no file '
                f'value for the labels {np.unique(label_map[values < 0]).tolist()}.'
            )
        text = PngImagePlugin.PngInfo()
        text.add_text(_REPORT_KEY, json.dumps(report))
        narrow = self._table.max() < 256
        content = _encode(
            values.astype(np.uint8 if narrow else np.uint16),
            palette=self._palette if narrow else None,
            text=text,
        )
        write_file(label_path, content)

    def is_written(self, folder: str, info: dict) -> bool:
        """Whether the files of an image are there."""
        return all(path is None or osp.isfile(path) for path in self.paths(folder, info))

    def read_report(self, folder: str, info: dict) -> dict:
        """What was kept with the labels of an image."""
        with Image.open(self.paths(folder, info)[0]) as image:
            return json.loads(image.text[_REPORT_KEY])


def label_steps(transforms: list) -> tuple[int, list]:
    """Where a pipeline loads labels, and the steps that make the labels that training is given.

    Args:
        transforms (list): The steps of the pipeline.

    Returns:
        tuple[int, list]: Position of the loader; the loader and, where labels are coarsened, that
        step.

    Raises:
        ValueError: If none of mmsteal's loaders is among them.
    """
    places = [i for i, step in enumerate(transforms) if isinstance(step, LOADERS)]
    if not places:
        raise ValueError(
            'Expected the training pipeline to load labels by LoadEdgeAnnotations or '
            f'LoadSBDAnnotations, but it has {[type(t).__name__ for t in transforms]}; aligned '
            'labels are read in place of theirs.'
        )
    loader = transforms[places[0]]
    return places[0], [loader, *(step for step in transforms if isinstance(step, CoarsenLabels))]


def inverse_table(value_map: dict[int, int]) -> NDArray[np.int32]:
    """Invert a value map of :func:`mmsteal.label_formats.value_map.label_value_map`.

    Of several file values with one meaning the first is taken. Where all values that are not
    listed have a meaning of their own, the smallest of them stands for it.

    Args:
        value_map (dict[int, int]): File value -> training value; the key -1 holds what all others
            become.

    Returns:
        NDArray: File value of each training value (256,), -1 where there is none.

    Example:
        >>> inverse_table({255: 255, 7: 0, 11: 1, -1: 2})[[0, 1, 2, 255]].tolist()
        [7, 11, 0, 255]
    """
    table = np.full(256, -1, np.int32)
    for value, label in value_map.items():
        if value >= 0 and table[label] < 0:
            table[label] = value
    other = value_map.get(-1)
    if other is not None and table[other] < 0:
        table[other] = next(value for value in range(len(value_map) + 1) if value not in value_map)
    return table


def _palette(table: NDArray[np.int32], colors) -> bytes | None:
    """Colors of the file values, for those who look at the files; black where there is none."""
    if colors is None:
        return None
    palette = np.zeros((256, 3), np.uint8)
    for value, color in zip(table, colors, strict=False):
        if 0 <= value < 256:
            palette[value] = color
    if 0 <= table[255] < 256:
        palette[table[255]] = 255
    return palette.tobytes()


def _encode(
    array: NDArray, *, palette: bytes | None = None, text: PngImagePlugin.PngInfo | None = None
) -> bytes:
    image = Image.fromarray(array)
    if palette is not None:
        image.putpalette(palette)
    buffer = io.BytesIO()
    image.save(buffer, format='PNG', pnginfo=text)
    return buffer.getvalue()
