"""Names of the classes that a person typed."""

from __future__ import annotations

import re

from mmsteal.annotator.messages import AnnotatorError

# 0 is background and 255 ignored in label maps of 8 bits.
MAX_CLASSES = 254
_MAX_LENGTH = 64


def parse_class_list(text: str) -> tuple[str, ...]:
    r"""Class names from lines, or divided by commas.

    Args:
        text (str): What was typed or pasted.

    Returns:
        tuple[str, ...]: The names, in their order.

    Raises:
        AnnotatorError: If there is none, there are too many, or one is twice, too long or odd.

    Example:
        >>> parse_class_list('person, car\nbus')
        ('person', 'car', 'bus')
    """
    names = [' '.join(part.split()) for part in re.split(r'[,\n;]', text)]
    names = [name for name in names if name]
    if not names:
        raise AnnotatorError('Type at least one class name.')
    if len(names) > MAX_CLASSES:
        raise AnnotatorError(
            f'{len(names)} classes; a label map of 8 bits holds up to {MAX_CLASSES}.'
        )
    for name in names:
        if len(name) > _MAX_LENGTH or not name.isprintable():
            raise AnnotatorError(
                f'"{name[:_MAX_LENGTH]}" is no class name; up to {_MAX_LENGTH} letters each.'
            )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise AnnotatorError(f'"{twice[0]}" is in the list twice; names tell classes apart.')
    return tuple(names)
