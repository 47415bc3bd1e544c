"""Labels named by format, place and options, to be opened here or in another process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mmsteal.label_formats.base import LabelFormat
from mmsteal.label_formats.open_format import open_label_format

# Options of formats that are lists of values.
_LISTS = ('background', 'ignore', 'known')


@dataclass(frozen=True)
class FormatSpec:
    """Labels in one format; can be sent to other processes and opened there.

    Attributes:
        name (str): See :func:`mmsteal.label_formats.open_label_format`.
        root (str | None): Where the labels are; None to only write.
        options (Mapping[str, Any]): Options of the format.
    """

    name: str
    root: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def open(self) -> LabelFormat:
        """Open the labels.

        Raises:
            ValueError: If the format or one of its options is unknown.
        """
        # One value in place of a list of one, as people write on a command line.
        options = {
            key: (value,) if key in _LISTS and isinstance(value, int | str) else value
            for key, value in self.options.items()
        }
        try:
            return open_label_format(self.name, self.root, **options)
        except TypeError as error:
            raise ValueError(f'Cannot open labels of the format {self.name!r}: {error}.') from error
