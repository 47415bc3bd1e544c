"""MATLAB's files, version 5: looked through before scipy gets them.

On damaged files scipy's reader does not always raise an error: it may end the process, since it
trusts the sizes in them.
"""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import Any

import scipy

from mmsteal.input_files.limits import check_bytes
from mmsteal.input_files.mat_structure import COMPRESSED, HEADER_BYTES, check_elements

_ORDERS = {b'IM': '<', b'MI': '>'}


def read_mat_file(content: bytes) -> dict[str, Any]:
    """Variables of a .mat file, as :func:`scipy.io.loadmat` gives them.

    Args:
        content: The file: of version 5, which `save -v6` and `save -v7` write.

    Raises:
        ValueError: If it is of another version, damaged, or too large once it is decompressed.
    """
    order = _ORDERS.get(content[HEADER_BYTES - 2 : HEADER_BYTES])
    if order is None or content[:4] == bytes(4):
        raise ValueError('it is no .mat file of version 5; write it with `save -v7`')
    plain = content[:HEADER_BYTES] + b''.join(_elements(content, order))
    check_elements(plain, order)
    try:
        found: dict[str, Any] = scipy.io.loadmat(BytesIO(plain))
    except Exception as error:  # scipy raises what it likes on damaged files
        raise ValueError(f'{type(error).__name__}: {error}') from error
    return found


def _elements(content: bytes, order: str) -> list[bytes]:
    """The elements of a file with their tags, decompressed."""
    found = []
    position, total = HEADER_BYTES, 0
    while position < len(content):
        if position + 8 > len(content):
            raise ValueError('it ends within a tag')
        kind, size = struct.unpack_from(f'{order}II', content, position)
        end = position + 8 + size
        if end > len(content):
            raise ValueError(f'an element of {size} bytes goes beyond the end of the file')
        if kind == COMPRESSED:
            element = _decompress(content[position + 8 : end], order, total)
        else:
            element = content[position:end]
        total += len(element)
        found.append(element)
        position = end
    return found


def _decompress(content: bytes, order: str, total: int) -> bytes:
    """An element, no byte of which is decompressed before its size is known."""
    stream = zlib.decompressobj()
    try:
        tag = stream.decompress(content, 8)
        if len(tag) < 8:
            raise ValueError('it ends within a compressed tag')
        size = struct.unpack(f'{order}II', tag)[1]
        check_bytes(total + size, 'its content')
        body = stream.decompress(stream.unconsumed_tail, size + 1)
        # Nothing more may come, and the check sum be right.
        rest = stream.decompress(stream.unconsumed_tail, 1) if len(body) == size else b''
    except zlib.error as error:
        raise ValueError(f'its compressed data are damaged ({error})') from error
    if len(body) != size or rest or not stream.eof:
        raise ValueError(f'a compressed element does not have the {size} bytes that it announces')
    return tag + body
