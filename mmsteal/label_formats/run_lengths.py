"""Masks as lengths of runs: as COCO and CVAT count them, and as Label Studio packs them.

Label Studio packs RGBA pixels bit by bit: 32 bits with the number of values (4 a pixel, row by
row), 5 bits with the size of a value less 1, four times 4 bits with sizes of run lengths less 1.
Then blocks: 1 bit (repeated value or values as they are), 2 bits that choose a size, the length
less 1 in that size, and one value or as many as the length says. Zeros fill the last byte.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mmsteal.functional.labels.label_objects import run_starts

_CHANNELS = 4
_VALUE_BITS = 8
_LENGTH_BITS = (3, 4, 8, 16)
_HEADER_BITS = 32 + 5 + 4 * 4


def run_lengths(values: ArrayLike) -> list[int]:
    """Lengths of the runs of 0, 1, 0, ...; the first is 0 where the values begin with 1.

    Args:
        values: (N,) bool, in the order in which the format counts.

    Example:
        >>> run_lengths([True, True, False])
        [0, 2, 1]
    """
    flat = np.asarray(values, bool).ravel()
    lengths = np.diff(run_starts(flat), append=flat.size).tolist()
    return [0, *lengths] if flat[:1].any() or not lengths else lengths


def unpack_run_lengths(text: str | bytes) -> list[int]:
    """Run lengths of COCO's compressed RLE.

    A length takes one or more characters of six bits, from `0` on: five bits of the number, the
    lowest first, and one that says whether more follow; the last has the sign. From the fourth on a
    length is the difference from the one before the last.

    Args:
        text: The `counts` of an RLE.

    Raises:
        TypeError: If it is no text.
        ValueError: If it holds other characters, or ends within a number.

    Example:
        >>> unpack_run_lengths('52203')
        [5, 2, 2, 2, 5]
    """
    if not isinstance(text, str | bytes):
        raise TypeError(f'expected text or a list of counts, but got {type(text).__name__}')
    lengths: list[int] = []
    value = shift = 0
    for code in text.encode('utf-8', 'replace') if isinstance(text, str) else text:
        digit = code - 48
        if not 0 <= digit < 64:
            raise ValueError(f'the character {chr(code)!r} is none of an RLE')
        value |= (digit & 31) << shift
        shift += 5
        if digit & 32:
            continue
        if digit & 16:
            value -= 1 << shift
        lengths.append(value + (lengths[-2] if len(lengths) > 2 else 0))
        value = shift = 0
    if shift:
        raise ValueError('it ends within a number')
    return lengths


def encode_brush(mask: NDArray[np.bool_]) -> list[int]:
    """Encode a mask as Label Studio keeps strokes: 255 in all channels inside, 0 outside.

    Args:
        mask: (H, W) bool.

    Returns:
        Bytes.

    Example:
        >>> len(encode_brush(np.zeros((40, 60), bool)))
        10
    """
    parts = [f'{mask.size * _CHANNELS:032b}', f'{_VALUE_BITS - 1:05b}']
    parts += [f'{bits - 1:04b}' for bits in _LENGTH_BITS]
    for index, run in enumerate(run_lengths(mask)):
        value = f'{255 * (index % 2):08b}'
        left = run * _CHANNELS
        while left:
            length = min(left, 1 << _LENGTH_BITS[-1])
            size = next(i for i, bits in enumerate(_LENGTH_BITS) if length <= 1 << bits)
            parts.append(f'1{size:02b}{length - 1:0{_LENGTH_BITS[size]}b}{value}')
            left -= length
    text = ''.join(parts)
    text += '0' * (-len(text) % 8)
    return list(int(text, 2).to_bytes(len(text) // 8, 'big'))


def decode_brush(rle: Sequence[int], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Decode a mask. Strokes may have soft rims: inside is above half of the strongest opacity.

    Args:
        rle: Bytes.
        shape: Height and width of the image.

    Returns:
        (H, W) bool.

    Raises:
        ValueError: If the bytes are damaged or of an image of another size.

    Example:
        >>> mask = np.eye(5, dtype=bool)
        >>> bool((decode_brush(encode_brush(mask), (5, 5)) == mask).all())
        True
    """
    try:
        data = bytes(rle)
    except (TypeError, ValueError) as error:
        raise ValueError('Expected the RLE to be a list of bytes, 0 to 255.') from error
    if len(data) * 8 < _HEADER_BITS:
        raise ValueError(f'Expected an RLE of at least {_HEADER_BITS} bits, got {len(data)} bytes.')
    header = int.from_bytes(data[:7], 'big') >> (56 - _HEADER_BITS)
    number = header >> 21
    value_bits = (header >> 16 & 31) + 1
    length_bits = [(header >> shift & 15) + 1 for shift in (12, 8, 4, 0)]
    if number != shape[0] * shape[1] * _CHANNELS:
        raise ValueError(
            f'Expected an RLE of {shape[0] * shape[1]} pixels, {shape[1]} x {shape[0]} (width x '
            f'height), but got one of {number / _CHANNELS:g}.'
        )
    if value_bits > 8:
        raise ValueError(f'Expected values of at most 8 bits, but got {value_bits}.')
    values = np.zeros(number, np.uint8)
    bits = np.unpackbits(np.frombuffer(data, np.uint8))
    weights = 1 << np.arange(value_bits)[::-1]
    position, done = _HEADER_BITS, 0

    def read(size: int) -> int:
        nonlocal position
        end = position + size
        if end > len(bits):
            raise ValueError(f'The RLE ends after {done} of {number} values.')
        word = int.from_bytes(data[position >> 3 : (end + 7) >> 3], 'big') >> (-end % 8)
        position = end
        return word & ((1 << size) - 1)

    while done < number:
        repeated = read(1)
        length = read(length_bits[read(2)]) + 1
        if done + length > number:
            raise ValueError(f'The RLE has more than the {number} values that it announces.')
        if repeated:
            values[done : done + length] = read(value_bits)
        else:
            end = position + length * value_bits
            if end > len(bits):
                raise ValueError(f'The RLE ends after {done} of {number} values.')
            words = bits[position:end].reshape(length, value_bits)
            values[done : done + length] = words @ weights
            position = end
        done += length
    opacity = values.reshape(*shape, _CHANNELS)[..., -1]
    return opacity > opacity.max(initial=0) / 2
