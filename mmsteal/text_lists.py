"""Lists that people write by hand: names of images, pairs of classes, one a line."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_lines(path: str | Path, content: bytes | None = None) -> list[str]:
    r"""Lines of a list, without blanks around them, empty ones left out.

    Text is UTF-8, with a byte order mark or without, or UTF-16 with one, as Windows writes it.

    Args:
        path: The file; to be named if `content` is given.
        content: Its bytes; None: from the disk.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no text; the file is named.

    Example:
        >>> read_lines('list.txt', codecs.BOM_UTF8 + b'a b \r\n\nc')
        ['a b', 'c']
    """
    if content is None:
        if not Path(path).is_file():
            raise FileNotFoundError(f'Expected a list at {Path(path).resolve()}; there is no file.')
        content = Path(path).read_bytes()
    try:
        text = content.decode('utf-16' if content.startswith(_WIDE) else 'utf-8-sig')
    except UnicodeDecodeError as error:
        raise ValueError(
            f'{path}: expected text in UTF-8, but byte {error.start} is none ({error.reason}); '
            'save the file as UTF-8.'
        ) from error
    if '\0' in text:
        raise ValueError(f'{path}: expected text, but got zero bytes; save the file as UTF-8.')
    return [line.strip() for line in text.splitlines() if line.strip()]


def read_names(
    path: str | Path,
    known: Callable[[str], bool],
    *,
    suffixes: Sequence[str] = (),
    content: bytes | None = None,
) -> list[str]:
    r"""Names of images in a list, one a line.

    A line is a name, with an ending or without; else its first word is, since some lists have
    columns behind it. So names may have blanks.

    Args:
        path: The file.
        known: Tells whether there is an image of a name. Where nothing of a line is known, the line
            without an ending is the name: whoever looks for it tells that it is missing.
        suffixes: Endings that a name may have in the list, with the dot.
        content: Bytes of the file; None: from the disk.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no text; the file is named.

    Example:
        >>> lines = b'city one\nb.jpg\nc 1'
        >>> read_names('list.txt', {'city one', 'b', 'c'}.__contains__, suffixes=['.jpg'],
        ...     content=lines)
        ['city one', 'b', 'c']
    """
    return [_name(line, known, suffixes) for line in read_lines(path, content)]


def _name(line: str, known: Callable[[str], bool], suffixes: Iterable[str]) -> str:
    endings = sorted(suffixes, key=len, reverse=True)
    word = line.split()[0]
    bare = _without(line, endings)
    return next(filter(known, [line, bare, word, _without(word, endings)]), bare)


def _without(name: str, endings: Iterable[str]) -> str:
    """A name without the first of the endings that it has."""
    lower = name.lower()
    cut = next((len(end) for end in endings if lower.endswith(end.lower())), 0)
    return name[: len(name) - cut] if cut else name
