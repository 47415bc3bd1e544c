"""Whether the sizes in a .mat file fit each other.

After "MAT-File Format" of The MathWorks, the chapter on level 5: a file is a header and elements,
an element a tag (type and size) and data; a matrix consists of elements itself.
"""

from __future__ import annotations

import math
import struct
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

HEADER_BYTES = 128
COMPRESSED = 15
_MATRIX = 14
_INT32, _UINT32 = 5, 6
_NAMES = (1, 2, 16)  # types of text: of bytes, and UTF-8
_CELL, _STRUCT, _CHAR, _SPARSE = 1, 2, 4, 5
_NUMBERS = range(6, 16)  # classes of matrices of numbers
_COMPLEX = 0x0800
# Bytes of a value of each type of numbers, and of characters.
_ITEM_BYTES = {1: 1, 2: 1, 3: 2, 4: 2, 5: 4, 6: 4, 7: 4, 9: 8, 12: 8, 13: 8, 16: 1, 17: 2, 18: 4}
_MAX_DEPTH = 32
_MAX_BLANKS = 4096
_MAX_DIMENSIONS = 32


class _Element(NamedTuple):
    """An element: its type, and where its data are."""

    kind: int
    start: int
    end: int


class _Reader:
    """Goes through the elements of a part of a file."""

    def __init__(self, content: bytes, order: str, start: int, end: int) -> None:
        self.content, self.order, self.position, self.end = content, order, start, end

    def next(self, *kinds: int) -> _Element:
        """The next element, of one of these types."""
        if self.position + 8 > self.end:
            raise ValueError('it ends within a tag')
        kind, size = struct.unpack_from(f'{self.order}II', self.content, self.position)
        small = kind >> 16
        if small:  # type, size and up to four bytes of data in the room of a tag
            kind, size, start = kind & 0xFFFF, small, self.position + 4
            self.position += 8
        else:
            start = self.position + 8
            # Matrices are as long as their elements, which are padded already.
            self.position = start + size + (-size % 8 if kind != _MATRIX else 0)
        if (small and size > 4) or start + size > self.end:
            raise ValueError(f'an element of {size} bytes goes beyond its end')
        if kind not in kinds:
            raise ValueError(f'expected an element of type {kinds}, but found type {kind}')
        return _Element(kind, start, start + size)

    def integers(self) -> NDArray[np.int32]:
        """The values of the next element, integers of 32 bits."""
        element = self.next(_INT32, _UINT32)
        if (element.end - element.start) % 4:
            raise ValueError('integers of 32 bits are cut off')
        return np.frombuffer(self.content[element.start : element.end], f'{self.order}i4')

    def values(self, count: int, *, exact: bool = True, logical: bool = False) -> None:
        """Skip an element of numbers that must have so many, or at least so many."""
        element = self.next(*_ITEM_BYTES)
        size = element.end - element.start
        if logical and size == count:
            return  # MATLAB calls them float64, and writes a byte for each
        found, rest = divmod(size, _ITEM_BYTES[element.kind])
        if rest or (found != count if exact else found < count):
            raise ValueError(f'expected {count} values, but found {found}')


def check_elements(content: bytes, order: str) -> None:
    """Look through a file without compressed elements.

    Args:
        content: The file, its header too.
        order: Order of its bytes, `'<'` or `'>'`.

    Raises:
        ValueError: If a size does not fit, or it has parts that neither SBD nor BSDS has.
    """
    reader = _Reader(content, order, HEADER_BYTES, len(content))
    while reader.position < len(content):
        _check_matrix(reader, 0)


def _check_matrix(parent: _Reader, depth: int) -> None:
    element = parent.next(_MATRIX)
    if element.start == element.end and depth:
        return  # an empty cell
    if depth > _MAX_DEPTH:
        raise ValueError('it is nested too deeply')
    reader = _Reader(parent.content, parent.order, element.start, element.end)
    flags = reader.integers()
    shape = reader.integers().tolist()
    if len(flags) != 2 or not 2 <= len(shape) <= _MAX_DIMENSIONS or min(shape) < 0:
        raise ValueError(f'a matrix has the shape {shape}')
    kind, is_complex = int(flags[0]) & 0xFF, bool(int(flags[0]) & _COMPLEX)
    reader.next(*_NAMES)
    count = math.prod(shape)
    if kind in _NUMBERS:
        for _ in range(1 + is_complex):
            reader.values(count)
    elif kind == _CHAR:
        # Blanks need not be written.
        reader.values(count if count > _MAX_BLANKS else 0, exact=False)
    elif kind == _SPARSE:
        _check_sparse(reader, shape, is_complex=is_complex)
    elif kind in (_CELL, _STRUCT):
        parts = count * (_num_fields(reader) if kind == _STRUCT else 1)
        # Each takes a tag at least; a struct without fields must not repeat for ever.
        if 8 * max(parts, count - 1) > reader.end - reader.position:
            raise ValueError(f'a matrix of the shape {shape} has fewer parts than that')
        for _ in range(parts):
            _check_matrix(reader, depth + 1)
    else:
        raise ValueError(f'matrices of class {kind} are not read')
    if reader.position < reader.end:
        raise ValueError(f'{reader.end - reader.position} bytes follow on the end of a matrix')


def _num_fields(reader: _Reader) -> int:
    (length,) = reader.integers().tolist() or (0,)
    names = reader.next(*_NAMES)
    if length <= 0 or (names.end - names.start) % length:
        raise ValueError('the names of the fields of a struct are damaged')
    return (names.end - names.start) // length


def _check_sparse(reader: _Reader, shape: list[int], *, is_complex: bool) -> None:
    rows, columns = shape[0], math.prod(shape[1:])
    row_indices = reader.integers()
    starts = reader.integers()
    if len(starts) != columns + 1 or starts[0] != 0 or (np.diff(starts) < 0).any():
        raise ValueError('the columns of a sparse matrix are damaged')
    used = row_indices[: int(starts[-1])]
    if len(used) < starts[-1] or (used < 0).any() or (used >= rows).any():
        raise ValueError('the rows of a sparse matrix are damaged')
    for _ in range(1 + is_complex):
        reader.values(int(starts[-1]), exact=False, logical=True)
