"""Masks as files of other tools, in one archive."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmsteal.annotator.messages import AnnotatorError
from mmsteal.annotator.session import Session
from mmsteal.label_formats import (
    LABEL_FORMATS,
    AnnotatedObject,
    Annotation,
    LabelFormat,
    LabelItem,
    open_label_format,
)
from mmsteal.label_formats.voc_labels import VOC_CLASSES

_TITLES = {
    'png': 'Label PNG (values and instances)',
    'voc': 'Pascal VOC',
    'coco': 'COCO (JSON)',
    'labelme': 'LabelMe (JSON)',
    'cityscapes': 'Cityscapes',
    'sbd': 'SBD (MATLAB)',
    'cvat': 'CVAT (XML)',
    'label_studio': 'Label Studio (JSON)',
}
# What the page calls them -> name in `LABEL_FORMATS`
EXPORT_FORMATS = {_TITLES.get(name, name): name for name in LABEL_FORMATS}


def export_masks(session: Session, format_name: str, folder: str | Path) -> Path:
    """Write what the page shows in a label format.

    Args:
        session (Session): Image, classes and masks.
        format_name (str): One of `LABEL_FORMATS`.
        folder (str | Path): Where the archive goes; made if need be.

    Returns:
        Path: `FOLDER/NAME_FORMAT.zip`, with the files of the format and `classes.txt`.

    Raises:
        AnnotatorError: If there is no mask, or the format cannot hold a class.
    """
    picture = session.image
    shown = session.shown_map()
    if not (shown >= 0).any():
        raise AnnotatorError('There is no mask to download; draw one or load a label PNG first.')
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        writer = _writer(format_name, session)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            # LabelMe names the image relative to its file.
            root = Path(scratch).resolve() / 'masks'
            item = LabelItem(picture.name, root / picture.file_name, ())
            writer.write(item, _annotation(session, shown), shown, root)
            writer.finish(root, [item])
            for parts in root.glob('.*_parts'):
                shutil.rmtree(parts)
            (root / 'classes.txt').write_text(_class_table(writer, session), encoding='utf-8')
            archive = Path(scratch) / 'masks.zip'
            with zipfile.ZipFile(archive, 'w', zipfile.ZIP_DEFLATED) as target:
                for path in sorted(p for p in root.rglob('*') if p.is_file()):
                    target.write(path, path.relative_to(root))
            return archive.replace(folder / f'{picture.name}_{format_name}.zip')
    except (ValueError, ImportError) as error:
        raise AnnotatorError(_explain(error, format_name)) from error


def _writer(name: str, session: Session) -> LabelFormat:
    values = {class_name: k for k, class_name in enumerate(session.classes, 1)}
    options: dict[str, Any] = {}
    if name == 'png':
        options = dict(classes=values, background=(0,), write_instances=True)
    elif name == 'coco' or (
        name in ('voc', 'sbd') and not set(session.classes) <= set(VOC_CLASSES)
    ):
        options = dict(classes=values)
    return open_label_format(name, **options)


def _annotation(session: Session, shown: NDArray[np.int32]) -> Annotation:
    names = [session.classes[k] for k in session.object_classes]
    objects = tuple(AnnotatedObject(name, name, m) for m, name in enumerate(names, 1))
    return Annotation(
        session.image.name, np.where(session.ignore, -1, shown), objects, session.ignore
    )


def _class_table(writer: LabelFormat, session: Session) -> str:
    """Value and name of each class, a line each."""
    lines = (f'{writer.classes.get(name, name)}\t{name}' for name in session.classes)
    return '\n'.join(lines) + '\n'


def _explain(error: Exception, format_name: str) -> str:
    if format_name == 'cityscapes':
        return (
            'Cityscapes has its own classes (person, rider, car, truck, road, sky, ...), and one '
            f'of yours is not among them. Rename it, or take another format. ({error})'
        )
    return str(error)
