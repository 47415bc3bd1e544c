"""CVAT's XML: where in the file each shape stands, so that only that place is written anew."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from mmsteal.label_formats.annotation import LabelError

_ATTRIBUTE = rb'\s+([^\s=/>]+)\s*=\s*("[^"]*"|\'[^\']*\')'
_START_TAG = re.compile(rb'<[^\s/>]+(?:' + _ATTRIBUTE + rb')*\s*/?>')

Changes = Mapping[str, str]


@dataclass
class Element:
    """A tag of the file and where it stands there, in bytes."""

    tag: str
    attributes: dict[str, str]
    start: int = 0
    end: int = 0


@dataclass
class ImageElement(Element):
    """An image of the file, with its shapes."""

    shapes: list[Element] = field(default_factory=list)


def read_xml(path: Path) -> tuple[bytes, list[ImageElement], frozenset[str]]:
    """The bytes of a file, its images, and the labels of the task (none if it does not say)."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise LabelError(f'{path}: cannot read the XML ({error}).') from error
    images: list[ImageElement] = []
    labels: set[str] = set()
    stack: list[str] = []
    text: list[str] = []
    parser = expat.ParserCreate()

    def refuse(*_: Any) -> None:
        raise LabelError(f'{path}: expected no DOCTYPE, as exports of CVAT have none; remove it.')

    def declared(version: str, encoding: str | None, _: int) -> None:
        if encoding is not None and encoding.lower() not in ('utf-8', 'ascii', 'us-ascii'):
            raise LabelError(f'{path}: expected UTF-8, but the file is {encoding}; convert it.')

    def start(tag: str, attributes: dict[str, str]) -> None:
        if not stack and tag != 'annotations':
            raise LabelError(
                f'{path}: expected <annotations>, as "CVAT for images 1.1" has it, but got <{tag}>.'
            )
        if stack == ['annotations'] and tag == 'track':
            raise LabelError(
                f'{path}: there are tracks of a video task in it; export the task as "CVAT for '
                'images 1.1", which has their shapes image by image.'
            )
        if stack == ['annotations'] and tag == 'image':
            images.append(ImageElement(tag, attributes))
        elif stack == ['annotations', 'image']:
            images[-1].shapes.append(Element(tag, attributes, parser.CurrentByteIndex))
        stack.append(tag)
        text.clear()

    def end(tag: str) -> None:
        stack.pop()
        if stack == ['annotations', 'image']:
            images[-1].shapes[-1].end = parser.CurrentByteIndex
        elif stack[-2:] == ['labels', 'label'] and tag == 'name':
            labels.add(''.join(text).strip())

    parser.StartDoctypeDeclHandler = refuse
    parser.XmlDeclHandler = declared
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text.append
    try:
        parser.Parse(raw, True)
    except expat.ExpatError as error:
        raise LabelError(f'{path}: cannot read the XML ({error}); fix or remove it.') from error
    for image in images:
        for entry in image.shapes:
            # Of an element with a closing tag the parser told where that begins.
            if raw[entry.end : entry.end + 2] == b'</':
                entry.end = raw.index(b'>', entry.end) + 1
    return raw, images, frozenset(labels)


def new_xml(parts: list[dict[str, Any]], tag: str) -> bytes:
    """A file of new shapes.

    Args:
        parts: Of each image its attributes (`image`) and its objects (`shapes`): attributes of
            the shapes of each.
        tag: Tag of the shapes.
    """
    labels = sorted(
        {entry['label'] for part in parts for shape in part['shapes'] for entry in shape}
    )
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>', '<annotations>', '  <version>1.1</version>',
        '  <meta>', '    <task>', f'      <size>{len(parts)}</size>',
        '      <mode>annotation</mode>', '      <labels>',
    ]  # fmt: skip
    for label in labels:
        lines += [
            '        <label>',
            f'          <name>{escape(label)}</name>',
            '          <attributes>',
            '          </attributes>',
            '        </label>',
        ]
    lines += ['      </labels>', '    </task>', '  </meta>']
    group = 1
    # An image is known by its place among all, in the order of their names.
    for number, part in enumerate(sorted(parts, key=lambda part: part['image']['name'])):
        lines.append(f'  <image{_attributes({"id": str(number), **part["image"]})}>')
        for shape in part['shapes']:
            for entry in shape:
                given = {'source': 'manual', 'occluded': '0', 'z_order': '0', **entry}
                if 'group_id' in given:
                    given['group_id'] = str(group)
                lines += [f'    <{tag}{_attributes(given)}>', f'    </{tag}>']
            group += len(shape) > 1
        lines.append('  </image>')
    return '\n'.join([*lines, '</annotations>', '']).encode()


def edit_element(
    raw: bytes, entry: Element, changes: Sequence[Changes], *, without: Sequence[str] = ()
) -> tuple[int, int, bytes]:
    """What to put in the place of an element: copies of it with other attributes, or nothing.

    Args:
        raw: The file.
        entry: The element; another tag than that in the file is written, too.
        changes: New values of attributes, of each copy.
        without: Attributes to leave out.
    """
    before = raw[: entry.start]
    gap = before[len(before.rstrip()) :]
    if not changes:
        return entry.start - len(gap), entry.end, b''
    found = _START_TAG.match(raw, entry.start)
    assert found is not None  # the parser has read it
    head, rest = found.group(), raw[found.end() : entry.end]
    rest = re.sub(rb'</[^\s>]+(\s*>)$', rb'</' + entry.tag.encode() + rb'\1', rest)
    copies = (_rewrite(head, entry.tag, change, without) + rest for change in changes)
    return entry.start, entry.end, gap.join(copies)


def number_of(
    path: Path, what: str, entry: Element, key: str, default: float | None = None
) -> float:
    """An attribute as a number.

    Args:
        path: The file, to be named.
        what: Which element of it.
        entry: The element.
        key: Name of the attribute.
        default: What to take where there is none; None refuses it.

    Raises:
        LabelError: If it is no number.
    """
    try:
        return float(entry.attributes.get(key, '' if default is None else default))
    except ValueError as error:
        raise LabelError(
            f'{path}: {what} has no number in {key!r}: {entry.attributes.get(key)!r}; fix it.'
        ) from error


def integer_of(path: Path, what: str, entry: Element, key: str, default: int | None = None) -> int:
    """As :func:`number_of`, a whole number.

    Raises:
        LabelError: If it is no number, or none that is finite.
    """
    value = number_of(path, what, entry, key, default)
    if not math.isfinite(value):
        raise LabelError(f'{path}: {what} has no number in {key!r}: {value}; fix it.')
    return int(value)


def _attributes(values: Changes) -> str:
    return ''.join(f' {key}={quoteattr(value)}' for key, value in values.items())


def _rewrite(head: bytes, name: str, changes: Changes, without: Sequence[str]) -> bytes:
    """A start tag with other values of some attributes; the rest of it as it was."""
    left = dict(changes)

    def value(found: re.Match[bytes]) -> bytes:
        key = found[1].decode()
        new = left.pop(key, None)
        if new is None:
            return b'' if key in without else found[0]
        return found[0][: found.start(2) - found.start()] + f'"{new}"'.encode()

    tag = re.match(rb'<[^\s/>]+', head)
    assert tag is not None
    head = f'<{name}'.encode() + re.sub(_ATTRIBUTE, value, head[tag.end() :])
    closing = re.search(rb'\s*/?>$', head)
    assert closing is not None
    return head[: closing.start()] + _attributes(left).encode() + closing[0]
