"""Arguments that the commands share which read labels."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from mmsteal.cli.key_values import KeyValues

# As in the library, which takes seconds to import.
FORMATS = ('png', 'cityscapes', 'voc', 'coco', 'labelme', 'sbd', 'cvat', 'label_studio')


def add_format(
    parser: argparse._ActionsContainer, flag: str = '--format', *, what: str, required: bool = False
) -> None:
    """Add a label format and its options.

    Args:
        parser (argparse.ArgumentParser): The parser, or a group of it.
        flag (str): Name of the argument; that of the options is `FLAG-options`.
        what (str): What is in the format.
        required (bool): Whether it must be given.
    """
    parser.add_argument(flag, required=required, choices=FORMATS, help=f'format of {what}')
    parser.add_argument(
        f'{flag}-options', nargs='+', action=KeyValues, default={}, metavar='KEY=VALUE',
        help=f'options of the format of {what}, as background=0, split=train or classes.car=7; '
        'see docs/refinement.md',
    )  # fmt: skip


def nested(options: Mapping[str, Any]) -> dict[str, Any]:
    """`classes.car=7` as an entry of the table `classes`."""
    found: dict[str, Any] = {}
    for key, value in options.items():
        table, dot, name = key.partition('.')
        if dot:
            found.setdefault(table, {})[name] = value
        else:
            found[key] = value
    return found
