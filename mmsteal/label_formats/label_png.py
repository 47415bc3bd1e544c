"""Folders of label PNGs: one value a pixel, and instances if there is a second folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mmsteal.functional.labels.mask_values import INSIDE, are_mask_values
from mmsteal.label_formats.annotation import Annotation, LabelError
from mmsteal.label_formats.base import (
    LabelFormat,
    LabelItem,
    LabelProblem,
    Unclaimed,
    as_values,
    check_unclaimed,
    integer_values,
)
from mmsteal.label_formats.image_files import IMAGE_SUFFIXES, check_size, find_files, pair_files
from mmsteal.label_formats.label_maps import (
    annotated_objects,
    encode_map,
    map_values,
    paint_all,
    paint_changes,
    present_values,
    read_map,
    require_objects,
    unclaimed_value,
)
from mmsteal.label_formats.soft_rims import soft_rim_values
from mmsteal.label_formats.value_map import told_values

# Label maps that are looked at to tell masks.
_SAMPLE = 50
_MAX_VALUE = 65535  # mode I;16; what fits mode L or P is seen when a file is written


class LabelPngFormat(LabelFormat):
    """Label PNGs (mode L, P or I;16; palette and mode are kept).

    Output: `OUT/NAME.png`; with instances `OUT/labels/NAME.png` and `OUT/instances/NAME.png`.

    Args:
        root: Folder of the label PNGs, searched with its subfolders.
        images: Folder of the images, with the same relative names.
        instances: Folder of instance PNGs. An object is then the pixels with one value and one
            instance id.
        image_suffix: Ending of the images, e.g. `'_leftImg8bit.png'`; None: any image.
        label_suffix, instance_suffix: Endings of the label and instance files.
        ignore: Values of pixels to leave alone. None: 255, unless it is named as a class or as
            background, or the set holds 0 and 255 alone and no class is named: then they are masks,
            in which 0 is background and 255 the object.
        background: Values that are no object, and that objects may grow into.
        components: Without instances, each 8-connected component of a value is an object; False:
            each value is one.
        known: All values that may occur; others are refused. None: the values of `classes`, or any
            if there are none.
        write_instances: When labels of another format are written: write instances too.
        classes: See :class:`LabelFormat`.
        unclaimed: See :class:`LabelFormat`; needed if there is neither background nor an ignored
            value.

    Raises:
        ValueError: If a value does not fit into a PNG, or `unclaimed` is needed and not given.
    """

    name: ClassVar[str] = 'png'

    def __init__(
        self,
        root: str | Path | None = None,
        *,
        images: str | Path | None = None,
        instances: str | Path | None = None,
        image_suffix: str | None = None,
        label_suffix: str = '.png',
        instance_suffix: str = '.png',
        ignore: int | Sequence[int] | None = None,
        background: int | Sequence[int] = (),
        components: bool = False,
        known: Sequence[int] | None = None,
        write_instances: bool = False,
        classes: Mapping[str, int | str] | None = None,
        unclaimed: Unclaimed = None,
    ) -> None:
        classes = integer_values(classes or {}, 0, _MAX_VALUE, what='a PNG')
        check_unclaimed(unclaimed, 0, _MAX_VALUE, what='a PNG')
        super().__init__(root, classes=classes, unclaimed=unclaimed)
        if root is not None and images is None:
            raise ValueError('Expected argument `images`, the folder of the images, to be given.')
        self.images = None if images is None else Path(images)
        self.instances = None if instances is None else Path(instances)
        self.image_endings = IMAGE_SUFFIXES if image_suffix is None else (image_suffix,)
        self.label_suffix = label_suffix
        self.instance_suffix = instance_suffix
        self._background = as_values(background)
        named = {*classes.values(), *self._background}
        self._ignore = tuple({INSIDE} - named) if ignore is None else as_values(ignore)
        both = sorted(named & set(self._ignore))
        if both:
            raise ValueError(
                f'Expected values of classes and background not to be ignored, but got {both} in '
                'both; set the option `ignore`.'
            )
        self._may_be_mask = (
            ignore is None
            and root is not None
            and not classes
            and known is None
            and set(self._background) <= {0}
            and (instances is None or bool(self._background))
        )
        self.components = components
        # An error now rather than at the first image that needs it.
        unclaimed_value(unclaimed, self._background, self._ignore, what=self._what)
        self._known = None if known is None else frozenset(as_values(known))
        if known is None and self.classes:
            self._known = frozenset((*classes.values(), *self._ignore, *self._background))
        self.write_instances = write_instances

    @cached_property
    def _is_mask(self) -> bool:
        """Whether the label maps, as far as some of them are looked at, are masks."""
        return self._may_be_mask and are_mask_values(self._values_found())

    def _values_found(self) -> set[int]:
        items = self._scan()[0]
        num = min(len(items), _SAMPLE)
        found: set[int] = set()
        for i in range(num):
            with suppress(LabelError):  # told when its turn comes
                found.update(
                    present_values(map_values(read_map(items[i * len(items) // num].labels[0])))
                )
        return found

    @property
    def ignore(self) -> tuple[int, ...]:
        """Values of pixels to leave alone."""
        return () if self._is_mask else self._ignore

    @property
    def background(self) -> tuple[int, ...]:
        """Values that are no object."""
        return (0,) if self._is_mask else self._background

    @property
    def known(self) -> frozenset[int] | None:
        """All values that may occur; None: any."""
        # Another value among masks would make 255 the ignored one.
        return frozenset({0, INSIDE}) if self._is_mask else self._known

    @property
    def held(self) -> str:
        """What the label maps hold; see the parent."""
        special = {
            **dict.fromkeys(self.ignore, 'ignored'),
            **dict.fromkeys(self.background, 'background'),
        }
        values = {v: special.get(v, 'an object') for v in self._values_found()}
        return (
            f'The label maps hold {told_values(values)}. Say what the values are with the options '
            'background, ignore and classes.NAME=VALUE of the format.'
        )

    def _find(self, root: Path) -> tuple[list[LabelItem], list[LabelProblem]]:
        assert self.images is not None  # __init__ has seen to it
        images = find_files(self.images, self.image_endings, what='images')
        labels = {
            name: (path,)
            for name, path in find_files(root, (self.label_suffix,), what='labels').items()
        }
        return self._pair(root, images, labels)

    def _pair(
        self, root: Path, images: dict[str, Path], labels: Mapping[str, tuple[Path, ...]]
    ) -> tuple[list[LabelItem], list[LabelProblem]]:
        items, problems = pair_files(images, labels)
        if self.instances is None:
            return items, problems
        instances = find_files(self.instances, (self.instance_suffix,), what='instance maps')
        paired = []
        for item in items:
            if item.name in instances:
                paired.append(
                    LabelItem(item.name, item.image, (*item.labels, instances[item.name]))
                )
            else:
                problems.append(LabelProblem(item.labels[0], 'the label has no instance map.'))
        return paired, problems

    def _read(self, item: LabelItem) -> Annotation:
        maps = []
        for path in item.labels:
            maps.append(read_map(path))
            check_size(path, maps[-1].size[::-1], item)
        labels = map_values(maps[0])
        self._check_values(item.labels[0], labels)
        object_map, objects, ignored = annotated_objects(
            labels,
            map_values(maps[1]) if len(maps) > 1 else None,
            background=self.background,
            ignore=self.ignore,
            components=self.components,
            names=self.class_names,
        )
        background = ~ignored & (object_map < 0)
        require_objects(item.labels[0], objects, negative=bool(background.any()))
        return Annotation(
            item.name, object_map, objects, ignored, format=self.name, content=tuple(maps)
        )

    def _check_values(self, path: Path, labels: NDArray[np.int32]) -> None:
        """Refuse values that are unknown, and those that no person has drawn."""
        unknown: list[int] = []
        if self.known is not None:
            unknown = sorted(set(present_values(labels)) - self.known)
            if not unknown:
                return
        soft = soft_rim_values(labels)
        if soft:
            raise LabelError(
                f'{path}: {len(soft)} values, {soft[:5]} among them, lie on thin rims alone, as '
                'antialiasing, smooth scaling or JPEG leave them. Save the mask with hard edges, '
                'as PNG; or name its values in `known`.'
            )
        if unknown:
            raise LabelError(
                f'{path}: unknown values {unknown[:8]}; expected {sorted(self.known or ())}. Name '
                'them as classes, background or ignored.'
            )

    def outputs(self, item: LabelItem, out_dir: str | Path) -> list[Path]:
        """The files that are written for an image; see the parent."""
        return self._paths(item, Path(out_dir), with_instances=len(item.labels) > 1)

    def _paths(self, item: LabelItem, out_dir: Path, *, with_instances: bool) -> list[Path]:
        if not with_instances:
            return [out_dir / f'{item.name}{self.label_suffix}']
        return [
            out_dir / 'labels' / f'{item.name}{self.label_suffix}',
            out_dir / 'instances' / f'{item.name}{self.instance_suffix}',
        ]

    def _update(
        self, item: LabelItem, annotation: Annotation, object_map: NDArray[np.int32], out_dir: Path
    ) -> dict[Path, bytes]:
        maps: tuple[Image.Image, ...] = annotation.content
        values = (
            np.array([entry.category for entry in annotation.objects], np.int64),
            np.array([entry.instance for entry in annotation.objects], np.int64),
        )
        unclaimed = (self._unclaimed, self._unclaimed_id)
        paths = self._paths(item, out_dir, with_instances=len(maps) > 1)
        return {
            path: encode_map(
                paint_changes(map_values(image), annotation, object_map, value, rest),
                path,
                like=image,
            )
            for path, image, value, rest in zip(paths, maps, values, unclaimed, strict=False)
        }

    @property
    def _what(self) -> str:
        return f'the format {self.name!r}'

    def _unclaimed(self) -> int:
        return unclaimed_value(self.unclaimed, self.background, self.ignore, what=self._what)

    def _unclaimed_id(self) -> int:
        """An unclaimed pixel is of no instance."""
        return self._void_id() if self._unclaimed() in self.ignore else 0

    def _convert(
        self, item: LabelItem, annotation: Annotation, object_map: NDArray[np.int32], out_dir: Path
    ) -> dict[Path, bytes]:
        values = np.array(
            [self.class_value(annotation, entry) for entry in annotation.objects], np.int64
        )
        rest = self._unclaimed()
        ignored = self.ignore[0] if self.ignore else rest
        paths = self._paths(item, out_dir, with_instances=self.write_instances)
        labels = paint_all(annotation, object_map, values, rest=rest, ignored=ignored)
        files = {paths[0]: encode_map(labels, paths[0], like=self._like())}
        if self.write_instances:
            ids = np.arange(1, len(values) + 1)
            instances = paint_all(annotation, object_map, ids, rest=0, ignored=self._void_id())
            files[paths[1]] = encode_map(instances, paths[1], like=self._like())
        return files

    def _like(self) -> Any:
        """A picture whose mode and palette new files get; None: whatever the values need."""
        return None

    def _void_id(self) -> int:
        """Instance id of ignored pixels in new files."""
        return 0
