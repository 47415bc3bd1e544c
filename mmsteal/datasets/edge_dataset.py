"""Images with label maps, from which boundaries are made: any folder of them."""

from __future__ import annotations

import os.path as osp
from collections.abc import Sequence
from typing import ClassVar, Literal

import cv2
import mmengine.fileio as fileio
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from mmsteal.datasets.label_check import check_edges, look_at_values
from mmsteal.datasets.samplers import Draw
from mmsteal.datasets.transforms.loading import LoadLabels
from mmsteal.label_formats.image_files import IMAGE_SUFFIXES
from mmsteal.label_formats.value_map import label_value_map, may_be_mask
from mmsteal.text_lists import read_names
from mmsteal.visualization.edge_colors import distinct_palette


@DATASETS.register_module()
class EdgeDataset(BaseSegDataset):
    """Folders of images and label PNGs, optionally of instance PNGs.

    The label maps that leave the loader hold 0..K-1 for the K classes in their order, K for
    background (pixels of no class; they do make edges) and 255 for ignore (makes none), whatever
    the files hold.

    Args:
        metainfo (dict): `classes` (K names) and, if wanted, `palette` (K RGB triples).
        data_root (str | None): Folder that the other paths are relative to.
        data_prefix (dict): Folders `img_path`, `seg_map_path` and, for instance-sensitive edges,
            `instance_map_path`. Labels have the same relative name as their image.
        ann_file (str): Text file with one relative name a line, with the suffix or without; empty:
            every image of the folder.
        img_suffix (str | Sequence[str]): Ending of the image files; several are tried in turn.
        seg_map_suffix, instance_map_suffix (str): Endings of the label files.
        label_values (Sequence[int] | None): The value of each class in the label files. None:
            0..K-1, leaving out `background` and `ignore_index`. With one class, files of 0 and 255
            alone are masks, in which 255 is the class, unless it is among `ignore_values`.
        background (int | Sequence[int] | None): The values in the label files of pixels of no
            class.
        ignore_values (Sequence[int]): Further values in the files to ignore, beside
            `ignore_index`.
        other_values (str): What any other value is: `'error'`, `'background'` or `'ignore'`.
        **kwargs: Passed to :class:`mmseg.datasets.BaseSegDataset`.

    Raises:
        FileNotFoundError: If a folder, the list, an image or a label is missing; named.
        ValueError: If there are no classes, no images, two images of one name, an image that is its
            own label, or values that do not fit. If no label map of a training set has an edge; of
            a test set it is a warning.
    """

    METAINFO: ClassVar[dict] = {}
    ANNOTATION_KEYS = ('seg_map_path', 'instance_map_path')
    MAX_CLASSES = 254

    def __init__(
        self,
        *,
        metainfo: dict | None = None,
        img_suffix: str | Sequence[str] = IMAGE_SUFFIXES,
        seg_map_suffix: str = '.png',
        instance_map_suffix: str = '.png',
        label_values: Sequence[int] | None = None,
        background: int | Sequence[int] | None = None,
        ignore_values: Sequence[int] = (),
        other_values: Literal['error', 'background', 'ignore'] = 'error',
        ignore_index: int = 255,
        **kwargs,
    ) -> None:
        if other_values not in ('error', 'background', 'ignore'):
            raise ValueError(
                "Expected argument `other_values` to be 'error', 'background' or 'ignore', but "
                f'got {other_values!r}.'
            )
        if kwargs.get('reduce_zero_label'):
            raise ValueError(
                'Expected no `reduce_zero_label`: say what zero is, `background=0` if it is a '
                'region without a class, `ignore_values=(0,)` if it is not to be learnt from.'
            )
        classes = tuple((metainfo or {}).get('classes', self.METAINFO.get('classes', ())))
        if not 1 <= len(classes) <= self.MAX_CLASSES:
            raise ValueError(
                f'Expected `metainfo` of {type(self).__name__} to name 1 to {self.MAX_CLASSES} '
                f"classes, as in metainfo=dict(classes=('road', 'car')), but got {len(classes)}."
            )
        if not ((metainfo or {}).get('palette') or self.METAINFO.get('palette')):
            # mmseg would draw lots, and give neighbors colors that nobody can tell apart.
            metainfo = {**(metainfo or {}), 'palette': distinct_palette(len(classes)).tolist()}
        self.instance_map_suffix = instance_map_suffix
        self._meaning = dict(
            label_values=len(classes) if label_values is None else label_values,
            background=background,
            ignore_values=ignore_values,
            ignore_index=ignore_index,
            other_values=other_values,
        )
        self.value_map = label_value_map(**self._meaning)
        kwargs.setdefault('data_prefix', dict(img_path='', seg_map_path=''))
        super().__init__(
            metainfo=metainfo,
            img_suffix=(img_suffix,) if isinstance(img_suffix, str) else tuple(img_suffix),
            seg_map_suffix=seg_map_suffix,
            # Ignored pixels leave the loader as 255 whatever they are in the files.
            ignore_index=255,
            **kwargs,
        )

    @classmethod
    def get_label_map(cls, new_classes=None) -> None:
        """Do nothing: `value_map` does this work, and knows background from ignore."""

    def load_data_list(self) -> list[dict]:
        """List images and labels.

        Returns:
            list[dict]: Per image `img_path`, the label paths, and what the loaders need to know:
            `value_map`, `num_classes`.
        """
        known = ('img_path', *self.ANNOTATION_KEYS)
        if not {'img_path'} <= set(self.data_prefix) <= set(known):
            raise ValueError(
                f'Expected `data_prefix` of {type(self).__name__} to have `img_path` and, as '
                f'needed, {self.ANNOTATION_KEYS}, but got {sorted(self.data_prefix)}.'
            )
        folders = {key: self.data_prefix.get(key) for key in known}
        folders = {key: folder for key, folder in folders.items() if folder}
        for key, folder in folders.items():
            if self.backend_args is None and not osp.isdir(folder):
                raise FileNotFoundError(
                    f'Expected the folder of `{key}` of {type(self).__name__} at '
                    f'{osp.abspath(folder)}, but it does not exist; set `data_root` and '
                    '`data_prefix` in the config.'
                )
        names = self._list_names(folders['img_path'])
        if not names:
            raise ValueError(
                f'Expected at least one image, but found none: list {self.ann_file or "(none)"}, '
                f'folder {osp.abspath(folders["img_path"])}, suffixes {self.img_suffix}.'
            )
        data = [self._data_info(name, folders) for name in names]
        _check_images([stem for stem, _ in names], data)
        self._look_at_labels(data)
        return data

    def _look_at_labels(self, data: list[dict]) -> None:
        """Understand masks of 0 and 255, and stop where there is nothing to learn."""
        steps = self.pipeline.transforms
        loader = next((step for step in steps if isinstance(step, LoadLabels)), None)
        if loader is None or 'seg_map_path' not in data[0]:
            return
        told = (self._meaning[key] for key in ('label_values', 'background', 'ignore_values'))
        if may_be_mask(*told, instances='instance_map_path' in data[0]):
            found = look_at_values(loader, data)
            self.value_map = label_value_map(**self._meaning, found=found)
            for info in data:
                info['value_map'] = self.value_map
        check_edges(loader, data, self._metainfo['classes'], stop=not self.test_mode)

    def __getitem__(self, idx: int) -> dict:
        """Load one sample; a :class:`Draw` brings the seed of its augmentation."""
        if isinstance(idx, Draw):
            idx.seed_transforms()
        return super().__getitem__(int(idx))

    def prepare_data(self, idx: int) -> dict:
        """Load and transform one sample; an unreadable image is named."""
        try:
            return super().prepare_data(idx)
        except (AssertionError, cv2.error) as error:
            if 'failed to load image' not in str(error) and 'imdecode' not in str(error):
                raise
            raise ValueError(
                f'Cannot read the image {self.get_data_info(idx)["img_path"]}; restore the file or '
                'leave it out of the list.'
            ) from error

    def _list_names(self, img_dir: str) -> list[tuple[str, str | None]]:
        """(relative name without suffix, suffix or None if it has to be looked for)."""
        if self.ann_file:
            if self.backend_args is None and not osp.isfile(self.ann_file):
                raise FileNotFoundError(
                    f'Expected the list of images at {osp.abspath(self.ann_file)} (`ann_file`), '
                    'but it does not exist.'
                )
            names = read_names(
                self.ann_file,
                lambda name: self._is_image(osp.join(img_dir, name)),
                suffixes=self.img_suffix,
                content=fileio.get(self.ann_file, backend_args=self.backend_args),
            )
            return [(name, None) for name in names]
        files = fileio.list_dir_or_file(
            img_dir,
            list_dir=False,
            recursive=True,
            backend_args=self.backend_args,
        )
        found = []
        for file in sorted(files):
            endings = [s for s in self.img_suffix if file.lower().endswith(s.lower())]
            if endings:
                cut = len(file) - max(map(len, endings))
                found.append((file[:cut], file[cut:]))
        return found

    def _data_info(self, name: tuple[str, str | None], folders: dict[str, str]) -> dict:
        stem, suffix = name
        image = self._find_image(osp.join(folders['img_path'], stem), suffix)
        info = dict(
            img_path=image,
            label_map=None,
            reduce_zero_label=False,
            seg_fields=[],
            value_map=self.value_map,
            num_classes=len(self._metainfo['classes']),
        )
        for key in self.ANNOTATION_KEYS:
            if key in folders:
                info[key] = osp.join(folders[key], self._annotation_name(stem, key))
                if self.backend_args is None and not osp.isfile(info[key]):
                    raise FileNotFoundError(
                        f'Expected the label of image {image} at {info[key]} (`{key}`), but it '
                        'does not exist; fix `data_prefix` or the suffixes, or leave the image '
                        'out of `ann_file`.'
                    )
        return info

    def _annotation_name(self, stem: str, key: str) -> str:
        suffix = self.seg_map_suffix if key == 'seg_map_path' else self.instance_map_suffix
        return stem + suffix

    def _candidates(self, stem: str, suffix: str | None = None) -> list[str]:
        endings = [suffix] if suffix else [*self.img_suffix, *(s.upper() for s in self.img_suffix)]
        return [stem + ending for ending in endings]

    def _is_image(self, stem: str) -> bool:
        return self.backend_args is None and any(map(osp.isfile, self._candidates(stem)))

    def _find_image(self, stem: str, suffix: str | None) -> str:
        candidates = self._candidates(stem, suffix)
        if self.backend_args is not None:
            return candidates[0]
        for path in candidates:
            if osp.isfile(path):
                return path
        raise FileNotFoundError(
            f'Expected an image {stem} with one of the suffixes {self.img_suffix}, but there is '
            'none; check `ann_file` and `data_prefix`.'
        )


def _check_images(names: Sequence[str], data: Sequence[dict]) -> None:
    """Refuse two images of one name and images that are labels, as where both share a folder."""
    seen: dict[str, str] = {}
    for name, info in zip(names, data, strict=True):
        image = info['img_path']
        other = seen.setdefault(name, image)
        if other != image:
            raise ValueError(
                f'Expected one image of each name, but found {other} and {image}; if one of them '
                f'is a label, say how images end, as img_suffix={osp.splitext(other)[1]!r}, '
                'otherwise remove one.'
            )
        if image == info.get('seg_map_path'):
            raise ValueError(
                f'Expected images apart from their labels, but {image} would be its own label; set '
                "`data_prefix`, or how images end, as img_suffix='.jpg'."
            )
