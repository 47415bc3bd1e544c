"""PASCAL VOC: SegmentationClass and SegmentationObject."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from PIL import Image

from mmsteal.label_formats.base import LabelItem, LabelProblem, Unclaimed
from mmsteal.label_formats.image_files import IMAGE_SUFFIXES, find_files
from mmsteal.label_formats.label_png import LabelPngFormat
from mmsteal.label_formats.voc_labels import VOC_CLASSES, voc_palette
from mmsteal.text_lists import read_names


class VocFormat(LabelPngFormat):
    """VOC: 0 is background, 255 the border of objects, which is left alone.

    Output: `OUT/SegmentationClass/NAME.png` and, where there are instances,
    `OUT/SegmentationObject/NAME.png`, with the palette of the input or VOC's.

    Args:
        root: Folder with JPEGImages, SegmentationClass and, if there is one, SegmentationObject
            (`VOCdevkit/VOC2012`).
        images: Folder of the images, if it is not `JPEGImages`.
        split: Use the images of `ImageSets/Segmentation/SPLIT.txt` only.
        components: See :class:`LabelPngFormat`.
        write_instances: When labels of another format are written: write SegmentationObject too.
        classes: Names -> values, by default VOC's 20. Values that are not in it are refused.
        ignore: Values of pixels to leave alone; None: 255, unless it is named as a class.
        unclaimed: See :class:`LabelFormat`.
    """

    name: ClassVar[str] = 'voc'

    def __init__(
        self,
        root: str | Path | None = None,
        *,
        images: str | Path | None = None,
        split: str | None = None,
        components: bool = False,
        write_instances: bool = True,
        classes: Mapping[str, int | str] | None = None,
        ignore: int | Sequence[int] | None = None,
        unclaimed: Unclaimed = None,
    ) -> None:
        instances = None if root is None else Path(root) / 'SegmentationObject'
        if root is not None and images is None:
            images = Path(root) / 'JPEGImages'
        super().__init__(
            root,
            images=images,
            instances=instances if instances is not None and instances.is_dir() else None,
            ignore=ignore,
            background=(0,),
            components=components,
            write_instances=write_instances,
            classes=classes or {name: value for value, name in enumerate(VOC_CLASSES, 1)},
            unclaimed=unclaimed,
        )
        self.split = split

    def _find(self, root: Path) -> tuple[list[LabelItem], list[LabelProblem]]:
        assert self.images is not None  # __init__ has seen to it
        images = find_files(self.images, self.image_endings, what='images')
        found = find_files(root / 'SegmentationClass', ('.png',), what='labels')
        labels = {name: (path,) for name, path in found.items()}
        if self.split is None:
            # Most images of VOC have no segmentation; that is how it was made.
            return self._pair(
                root, {name: path for name, path in images.items() if name in labels}, labels
            )
        wanted = read_names(
            root / 'ImageSets' / 'Segmentation' / f'{self.split}.txt',
            lambda name: name in images or name in labels,
            suffixes=IMAGE_SUFFIXES,
        )
        missing = [
            LabelProblem(self.images / name, f'the list {self.split}.txt names it, no file does.')
            for name in wanted
            if name not in images and name not in labels
        ]
        items, problems = self._pair(
            root,
            {name: images[name] for name in wanted if name in images},
            {name: labels[name] for name in wanted if name in labels},
        )
        return items, [*missing, *problems]

    def _paths(self, item: LabelItem, out_dir: Path, *, with_instances: bool) -> list[Path]:
        folders = ['SegmentationClass', *(['SegmentationObject'] if with_instances else [])]
        return [out_dir / folder / f'{item.name}.png' for folder in folders]

    def _like(self) -> Image.Image:
        image = Image.new('P', (1, 1))
        image.putpalette(voc_palette().ravel().tolist())
        return image

    def _void_id(self) -> int:
        return self.ignore[0] if self.ignore else 0
