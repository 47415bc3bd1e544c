"""A report as one HTML file that needs nothing beside it."""

from __future__ import annotations

import base64
import html
import io
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mmsteal.files import write_file

_STYLE = """
:root { color-scheme: light; }
body { margin: 2.5rem auto; max-width: 62rem; padding: 0 1.2rem; background: #fff; color: #1c1e21;
  font: 16px/1.6 system-ui, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif; }
h1 { font-size: 1.9rem; line-height: 1.25; margin: 0 0 .4rem; }
h2 { font-size: 1.3rem; margin: 2.6rem 0 .6rem; padding-top: 1rem; border-top: 1px solid #dfe2e6; }
p { max-width: 46rem; margin: .6rem 0; white-space: pre-line; }
figure, .table { margin: 1.4rem 0; overflow-x: auto; }
img { display: block; max-width: 100%; height: auto; border: 1px solid #dfe2e6; }
figcaption, caption { color: #50565e; font-size: .9rem; text-align: left; padding: .4rem 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .9rem; border-bottom: 1px solid #e4e7ea; text-align: right; }
th { border-bottom: 2px solid #9aa1a9; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
.legend span { display: inline-block; margin-right: 1.1rem; white-space: nowrap; }
.legend i { display: inline-block; width: .9em; height: .9em; margin-right: .4em; }
.choice label { margin-right: 1.1rem; }
button { font: inherit; padding: .4rem 1.2rem; }
"""
# Collects what is ticked and hands it out as a file: no server is asked.
_SAVE = """
document.querySelectorAll('button[data-file]').forEach(button => button.onclick = () => {
  const choices = [...document.querySelectorAll('.choice')].flatMap(choice => {
    const ticked = choice.querySelector('input:checked');
    return ticked ? [{...JSON.parse(choice.dataset.key), verdict: ticked.value}] : [];
  });
  const text = JSON.stringify({choices}, null, 1);
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], {type: 'application/json'}));
  link.download = button.dataset.file;
  link.click();
});
"""


class Paragraph(NamedTuple):
    """Plain text; line breaks are kept."""

    text: str


class Table(NamedTuple):
    """A table; numbers that are no integers are shown with `digits` decimals, None as a dash."""

    header: Sequence[str]
    rows: Sequence[Sequence[object]]
    caption: str = ''
    digits: int = 3


class Figure(NamedTuple):
    """A picture: an RGB or gray array (uint8), the bytes of a PNG or JPEG, or the path of one."""

    image: NDArray[np.uint8] | bytes | str | os.PathLike[str]
    caption: str = ''


class Legend(NamedTuple):
    """What colors mean: name -> RGB."""

    colors: Mapping[str, Sequence[int]]


class Choice(NamedTuple):
    """A picture to accept or to reject; `key` says of what, in the file of a `SaveButton`."""

    image: bytes
    caption: str
    key: Mapping[str, str | int]


class SaveButton(NamedTuple):
    """A button that saves all choices of the page that were made, as JSON.

    The file holds `{"choices": [{**key, "verdict": "accept" or "reject"}, ...]}`.
    """

    text: str
    file_name: str


Block = Paragraph | Table | Figure | Legend | Choice | SaveButton


class Section(NamedTuple):
    """A heading with the blocks below it."""

    heading: str
    blocks: Sequence[Block]


def write_report(
    out_file: str | os.PathLike[str], *, title: str, sections: Sequence[Section], summary: str = ''
) -> Path:
    """Write a page that any browser opens offline: pictures and style are inside the file.

    Args:
        out_file: The HTML file; folders are made, an existing file is replaced at the end.
        title: Heading of the page. All text is escaped: none of it can be markup.
        sections: What follows, in order.
        summary: Text under the title.

    Returns:
        The path written.

    Raises:
        TypeError: If a block or a picture is of an unknown kind.
        ValueError: If a row has another length than its header, or a picture is no PNG or JPEG.
    """
    parts = [f'<h1>{html.escape(title)}</h1>']
    if summary:
        parts.append(_render(Paragraph(summary)))
    for section in sections:
        body = '\n'.join(_render(block) for block in section.blocks)
        parts.append(f'<section>\n<h2>{html.escape(section.heading)}</h2>\n{body}\n</section>')
    page = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<title>{html.escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n'
        + '\n'.join(parts)
        + (f'\n<script>{_SAVE}</script>' if any('<button' in part for part in parts) else '')
        + '\n</body>\n</html>\n'
    )
    write_file(out_file, page)
    return Path(out_file)


def _render(block: Block) -> str:
    if isinstance(block, Paragraph):
        return f'<p>{html.escape(block.text)}</p>'
    if isinstance(block, Figure):
        caption = html.escape(block.caption)
        note = f'<figcaption>{caption}</figcaption>' if caption else ''
        return f'<figure><img src="{_data_uri(block.image)}" alt="{caption}">{note}</figure>'
    if isinstance(block, Table):
        return _render_table(block)
    if isinstance(block, Legend):
        spans = ''.join(
            f'<span><i style="background: rgb({red}, {green}, {blue})"></i>{html.escape(name)}'
            '</span>'
            for name, (red, green, blue) in block.colors.items()
        )
        return f'<p class="legend">{spans}</p>'
    if isinstance(block, Choice):
        key = html.escape(json.dumps(dict(block.key)))
        buttons = ' '.join(
            f'<label><input type="radio" name="{key}" value="{verdict}"> {verdict}</label>'
            for verdict in ('accept', 'reject')
        )
        figure = _render(Figure(block.image, block.caption))
        return f'<div class="choice" data-key="{key}">{figure}{buttons}</div>'
    if isinstance(block, SaveButton):
        name, text = html.escape(block.file_name), html.escape(block.text)
        return f'<p><button type="button" data-file="{name}">{text}</button></p>'
    raise TypeError(
        f'Expected a block to be a Paragraph, a Table, a Figure or another block of this '
        f'module, but got {type(block).__name__}.'
    )


def _render_table(table: Table) -> str:
    for row in table.rows:
        if len(row) != len(table.header):
            raise ValueError(
                f'Expected rows of {len(table.header)} cells as in the header '
                f'{list(table.header)}, but got {list(row)}.'
            )
    caption = f'<caption>{html.escape(table.caption)}</caption>' if table.caption else ''
    head = ''.join(f'<th scope="col">{html.escape(str(name))}</th>' for name in table.header)
    rows = ''.join(
        '<tr>' + ''.join(f'<td>{_format(cell, table.digits)}</td>' for cell in row) + '</tr>\n'
        for row in table.rows
    )
    return (
        f'<div class="table"><table>{caption}\n<thead><tr>{head}</tr></thead>\n'
        f'<tbody>\n{rows}</tbody></table></div>'
    )


def _format(cell: object, digits: int) -> str:
    if cell is None:
        return '-'
    if isinstance(cell, (float, np.floating)):
        return '-' if np.isnan(cell) else f'{cell:.{digits}f}'
    return html.escape(str(cell))


def _data_uri(image: NDArray[np.uint8] | bytes | str | os.PathLike[str]) -> str:
    if isinstance(image, np.ndarray):
        if image.dtype != np.uint8:
            raise TypeError(
                f'Expected a picture to be of uint8, but got an array of {image.dtype}.'
            )
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, format='PNG', optimize=True)
        image = buffer.getvalue()
    elif isinstance(image, (str, os.PathLike)):
        image = Path(image).read_bytes()
    elif not isinstance(image, bytes):
        raise TypeError(
            f'Expected a picture to be an array, bytes or a path, but got {type(image).__name__}.'
        )
    for kind, magic in (('png', b'\x89PNG\r\n\x1a\n'), ('jpeg', b'\xff\xd8\xff')):
        if image.startswith(magic):
            return f'data:image/{kind};base64,{base64.b64encode(image).decode("ascii")}'
    raise ValueError('Expected a picture to be a PNG or a JPEG, but its first bytes are neither.')
