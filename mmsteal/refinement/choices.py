"""What a person has accepted and rejected on the contact sheet."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from mmsteal.label_formats import Annotation, LabelError

CHOICES = 'choices.json'

# Image -> (object, its class) of what was rejected
Rejected = Mapping[str, tuple[tuple[int, str], ...]]


def read_choices(path: str | Path) -> Rejected:
    """Read the file that the button of the contact sheet saves.

    Args:
        path: `{"choices": [{"image": ..., "object": ..., "class": ..., "verdict": "reject"}]}`.

    Returns:
        The rejected objects of each image that has some.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is another file.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(
            f'Expected the choices of a contact sheet at {Path(path).resolve()}; there is no file.'
        )
    found: dict[str, set[tuple[int, str]]] = {}
    try:
        for entry in json.loads(Path(path).read_bytes())['choices']:
            if entry['verdict'] not in ('accept', 'reject'):
                raise ValueError(f'the verdict {entry["verdict"]!r}')
            if entry['verdict'] == 'reject':
                one = (int(entry['object']), str(entry['class']))
                found.setdefault(str(entry['image']), set()).add(one)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f'Expected {path} to hold the choices of a contact sheet, but got {error}; save them '
            'with the button of the page.'
        ) from error
    return {name: tuple(sorted(entries)) for name, entries in sorted(found.items())}


def rejected_objects(choices: Rejected, annotation: Annotation) -> list[int]:
    """Indices of the rejected objects of an image.

    Raises:
        LabelError: If they are not those of its labels.
    """
    rejected = choices.get(annotation.name, ())
    for index, name in rejected:
        names = [entry.category_name for entry in annotation.objects]
        if not 0 <= index < len(names) or names[index] != name:
            has = repr(names[index]) if 0 <= index < len(names) else f'{len(names)} objects'
            raise LabelError(
                f'{annotation.name}: the choices reject the object {index}, {name!r}, but the '
                f'labels have {has} there; make the choices again.'
            )
    return [index for index, _ in rejected]
