"""Options that travel together, changed by name as configs and commands do it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, TypeVar

Options = TypeVar('Options')


def change_options(options: Options, changes: Mapping[str, Any]) -> Options:
    """Change some of the options that travel together.

    Args:
        options: An instance of a frozen dataclass, such as
            :class:`~mmsteal.functional.AlignOptions`.
        changes: New values by name.

    Returns:
        A checked copy with the new values.

    Raises:
        TypeError: If there is no option of such a name; those that there are, are listed.
        ValueError: If a value is out of its range.

    Example:
        >>> from mmsteal.functional.alignment.align_options import AlignOptions
        >>> change_options(AlignOptions(), {'min_gain': 0.2}).min_gain
        0.2
    """
    known = [field.name for field in fields(options)]  # type: ignore[arg-type]
    unknown = sorted(set(changes) - set(known))
    if unknown:
        raise TypeError(
            f'Expected options of {type(options).__name__} out of {", ".join(known)}, '
            f'but got {", ".join(unknown)}.'
        )
    return replace(options, **changes)  # type: ignore[type-var]
