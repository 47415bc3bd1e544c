"""Label formats by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmsteal.label_formats.base import LabelFormat
from mmsteal.label_formats.cityscapes import CityscapesFormat
from mmsteal.label_formats.coco import CocoFormat
from mmsteal.label_formats.cvat import CvatFormat
from mmsteal.label_formats.label_png import LabelPngFormat
from mmsteal.label_formats.label_studio import LabelStudioFormat
from mmsteal.label_formats.labelme import LabelmeFormat
from mmsteal.label_formats.sbd import SbdFormat
from mmsteal.label_formats.voc import VocFormat

LABEL_FORMATS: dict[str, type[LabelFormat]] = {
    label_format.name: label_format
    for label_format in (
        LabelPngFormat,
        CityscapesFormat,
        VocFormat,
        CocoFormat,
        LabelmeFormat,
        SbdFormat,
        CvatFormat,
        LabelStudioFormat,
    )
}


def open_label_format(name: str, root: str | Path | None = None, **options: Any) -> LabelFormat:
    """Open labels on disk, or with `root=None` a writer for labels of other formats.

    Args:
        name: One of `LABEL_FORMATS`: png, cityscapes, voc, coco, labelme, sbd, cvat, label_studio.
        root: Where the labels are; see the class of the format.
        **options: Options of the class of the format.

    Raises:
        ValueError: If the format or an option is unknown; those that exist are in the message.

    Example:
        >>> writer = open_label_format('voc')
        >>> writer.name, writer.classes['person']
        ('voc', 15)
    """
    if name not in LABEL_FORMATS:
        raise ValueError(
            f'Expected argument `name` to be one of {tuple(LABEL_FORMATS)}, but got {name!r}.'
        )
    label_format = LABEL_FORMATS[name]
    known = label_format.option_names()
    unknown = sorted(options.keys() - set(known))
    if unknown:
        raise ValueError(
            f'Expected options of the format {name!r} to be among {", ".join(known)}, but got '
            f'{", ".join(unknown)}; correct the name, or leave it out.'
        )
    return label_format(root, **options)
