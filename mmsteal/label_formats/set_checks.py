"""What a set of labels has to have before anything is done with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from mmsteal.label_formats.annotation import LabelError, counted
from mmsteal.label_formats.base import LabelFormat, LabelItem


def require_photographs(items: Sequence[LabelItem]) -> None:
    """Refuse a set in which labels are taken for their own images.

    Raises:
        ValueError: If an image is one of its labels; named.
    """
    for item in items:
        if item.image in item.labels:
            raise ValueError(
                f'Expected images apart from their labels, but {item.image} would be its own '
                'label; give the folder of the images (--images), or how they end, as '
                'image_suffix=.jpg.'
            )


def require_objects_in_set(source: LabelFormat, items: Sequence[LabelItem]) -> None:
    """Refuse a set of which no image has an object; reads up to the first that has one.

    Where images cannot be read nobody knows: that is told when their turn comes.

    Raises:
        ValueError: If there is none; what the files hold is named.
    """
    unread: Counter[str] = Counter()
    for item in items:
        try:
            annotation = source.read(item)
        except LabelError:
            return
        if annotation.objects:
            return
        unread.update(annotation.unread)
    left = f'Not read as objects: {counted(unread)}. ' if unread else ''
    raise ValueError(
        f'Expected objects in the labels in {source.root}, but none of the {len(items)} images has '
        f'one. {left}{source.held}'.rstrip()
    )
