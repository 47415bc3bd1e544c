"""Masks as lengths of runs."""

import numpy as np
import pytest

from mmsteal.label_formats.run_lengths import decode_brush, encode_brush, run_lengths

# Made with label_studio_converter.brush 0.0.59: mask2rle, and encode_rle of RGBA pixels.
GOLDEN = [
    0, 0, 0, 192, 57, 27, 254, 39, 0, 194, 127, 246, 192, 48, 159, 253, 176, 12, 39, 255, 24, 4,
    127, 248, 236, 0,
]  # fmt: skip
GOLDEN_RGBA = [
    0, 0, 0, 24, 57, 27, 252, 96, 0, 127, 194, 0, 3, 36, 96, 0, 127, 194, 0, 0, 244, 96, 0, 127,
    194, 0, 3, 32,
]  # fmt: skip


def test_brush_as_the_converter_has_it():
    mask = np.zeros((6, 8), bool)
    mask[1:4, 2:7] = mask[4, 0] = True
    assert encode_brush(mask) == GOLDEN
    np.testing.assert_array_equal(decode_brush(GOLDEN, (6, 8)), mask)
    # Two pixels of opacity 100, one of 30.
    half = decode_brush(GOLDEN_RGBA, (2, 3))
    np.testing.assert_array_equal(half, [[0, 1, 0], [0, 0, 1]])


def literal_blocks(values):
    """Another encoder: values as they are, in blocks of up to 16."""
    text = f'{len(values):032b}{7:05b}' + ''.join(f'{bits - 1:04b}' for bits in (3, 4, 8, 16))
    for start in range(0, len(values), 16):
        block = values[start : start + 16]
        text += f'001{len(block) - 1:04b}' + ''.join(f'{value:08b}' for value in block)
    text += '0' * (-len(text) % 8)
    return [int(text[i : i + 8], 2) for i in range(0, len(text), 8)]


def test_brush_round_trip():
    rng = np.random.default_rng(0)
    for _ in range(40):
        mask = rng.random(rng.integers(1, 20, 2)) < rng.random()
        np.testing.assert_array_equal(decode_brush(encode_brush(mask), mask.shape), mask)
        rgba = np.repeat(mask.ravel() * 200, 4)
        np.testing.assert_array_equal(decode_brush(literal_blocks(rgba), mask.shape), mask)
    # Runs longer than 16 bits hold.
    mask = np.zeros((300, 400), bool)
    mask[100:] = True
    np.testing.assert_array_equal(decode_brush(encode_brush(mask), mask.shape), mask)


@pytest.mark.parametrize(
    ('rle', 'message'),
    [
        (GOLDEN[:3], 'at least 53 bits'),
        (GOLDEN[:-6], 'ends after'),
        (['x'], 'list of bytes'),
        ([999], 'list of bytes'),
        (encode_brush(np.ones((7, 7), bool)), '48 pixels, 8 x 6(.|\n)*one of 49'),
        ([255] * 40, 'but got one of'),
        ([*GOLDEN[:7], 255, 255, 255, 255], 'more than the 192|ends after'),
    ],
)
def test_damaged_brushes(rle, message):
    with pytest.raises(ValueError, match=message):
        decode_brush(rle, (6, 8))


def test_run_lengths():
    assert run_lengths([]) == [0]
    assert run_lengths([0, 0]) == [2]
    assert run_lengths([1, 1, 0, 1]) == [0, 2, 1, 1]
