"""Options KEY=VALUE of a command line, read as mmengine reads them, but without mmengine."""

from __future__ import annotations

from argparse import Action, ArgumentError, ArgumentParser, Namespace
from collections.abc import Sequence
from typing import Any


class KeyValues(Action):
    """Collect `KEY=VALUE KEY=VALUE ...` in a dict, for `add_argument(..., nargs='+')`.

    Values are read as by `mmengine.config.DictAction`, see :func:`parse_value`; but blanks within
    a text stay, since folders may have them.
    """

    def __call__(
        self,
        parser: ArgumentParser,
        namespace: Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Add the pairs to those that are there already."""
        found = dict(getattr(namespace, self.dest, None) or {})
        for pair in values or ():
            key, equals, value = pair.partition('=')
            if not equals:
                raise ArgumentError(self, f'expected KEY=VALUE, but got {pair!r}')
            try:
                found[key] = parse_value(value)
            except ValueError as error:
                raise ArgumentError(self, str(error)) from error
        setattr(namespace, self.dest, found)


def parse_value(text: str) -> Any:
    """Read a number, `true`, `false`, `None`, a list, a tuple, or else a text.

    Args:
        text (str): `1,2` and `[1,2]` are lists, `(1,2)` is a tuple; they nest. Texts in them need
            no quotes.

    Raises:
        ValueError: If a bracket has no partner.

    Example:
        >>> parse_value('0.5'), parse_value('None'), parse_value('a,b'), parse_value('[(1,2),c]')
        (0.5, None, ['a', 'b'], [(1, 2), 'c'])
    """
    text = text.strip(' \'"')
    if text.startswith('(') and text.endswith(')'):
        return tuple(_elements(text[1:-1]))
    if text.startswith('[') and text.endswith(']'):
        return _elements(text[1:-1])
    return _elements(text) if ',' in text else _scalar(text)


def _elements(text: str) -> list[Any]:
    """Values between the commas that are not in brackets."""
    parts, depth = [''], 0
    for letter in text:
        depth += (letter in '([') - (letter in ')]')
        if depth < 0:
            break
        if letter == ',' and depth == 0:
            parts.append('')
        else:
            parts[-1] += letter
    if depth:
        raise ValueError(f'expected a partner for each bracket, but got {text!r}')
    if not parts[-1].strip():
        parts.pop()
    return [parse_value(part) for part in parts]


def _scalar(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return {'true': True, 'false': False}.get(text.lower(), None if text == 'None' else text)
