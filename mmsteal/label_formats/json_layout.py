"""JSON that is written in the layout of the file that was read."""

from __future__ import annotations

import codecs
import json
import re
from pathlib import Path
from typing import Any

from mmsteal.input_files import parse_json
from mmsteal.label_formats.annotation import LabelError


def load_json(path: Path) -> tuple[Any, bytes]:
    """A JSON file and its bytes.

    Raises:
        LabelError: If it is missing or damaged.
    """
    try:
        raw = path.read_bytes()
        return parse_json(raw), raw
    except UnicodeDecodeError as error:
        raise LabelError(
            f'{path}: cannot read the JSON, since it is not UTF-8 ({error}); save it as UTF-8.'
        ) from error
    except (OSError, ValueError) as error:
        raise LabelError(f'{path}: cannot read the JSON ({error}); fix or remove it.') from error


def dump_json(value: Any, like: bytes = b'') -> bytes:
    """JSON near the layout of a file that was read.

    Indentation, blanks after commas and colons, line ends, the byte order mark and whether letters
    beyond ASCII are escaped are as there. Lists that an indented file has on one line, and other
    ways to write a number or a letter, are not.

    Raises:
        LabelError: If it is nested too deeply.
    """
    mark = codecs.BOM_UTF8 if like.startswith(codecs.BOM_UTF8) else b''
    text = like[len(mark) :].decode('utf-8', 'replace')
    indented = re.match(r'\s*[\[{]\r?\n([ \t]*)', text)
    after_comma = r', \r?\n' if indented else r'["\d\]}], ["\d\[{-]'
    comma = ', ' if re.search(after_comma, text) else ','
    colon = ': ' if not like or '": ' in text else ':'
    try:
        dumped = json.dumps(
            value,
            indent=indented.group(1) if indented else None,
            separators=(comma if like else ', ', colon),
            ensure_ascii=text.isascii(),
        )
    except RecursionError:  # writing takes more of the stack than reading
        raise LabelError(
            'The JSON is nested too deeply to be written again; remove what the format does not '
            'know from it.'
        ) from None
    if '\r\n' in text[:4096]:
        dumped = dumped.replace('\n', '\r\n')
    # A file name that is no text is escaped, as JSON does it.
    return mark + (dumped + text[len(text.rstrip()) :]).encode(errors='backslashreplace')
