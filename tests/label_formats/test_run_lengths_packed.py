"""COCO's compressed run lengths beside pycocotools, and text that is none."""

from pathlib import Path

import numpy as np
import pytest

from mmsteal.label_formats import LabelError
from mmsteal.label_formats.coco_masks import decode_segmentation
from mmsteal.label_formats.run_lengths import run_lengths, unpack_run_lengths

mask_api = pytest.importorskip('pycocotools.mask')


@pytest.mark.parametrize('seed', range(20))
def test_lengths_are_those_of_the_mask(seed):
    rng = np.random.default_rng(seed)
    mask = rng.random((int(rng.integers(1, 200)), int(rng.integers(1, 200)))) < rng.random()
    counts = mask_api.encode(np.asfortranarray(mask, np.uint8))['counts']
    assert unpack_run_lengths(counts) == run_lengths(mask.ravel(order='F'))
    segmentation = {'size': list(mask.shape), 'counts': counts.decode()}
    found = decode_segmentation(Path('a.json'), 'annotation 1', segmentation, mask.shape, [])
    np.testing.assert_array_equal(found, mask)


@pytest.mark.parametrize(
    'counts',
    ['', 'hello world', '!!!!', '\0', '0', 'oooo', 'ä', '~', 'nonsense', 'P' * 100, None, 7, {},
     b'\xff', ['a'], [None], [-5, 605], [1, 2]],
)  # fmt: skip
def test_nonsense_is_refused(counts):
    with pytest.raises(LabelError, match=r'a\.json: annotation 1 has .* RLE'):
        decode_segmentation(
            Path('a.json'), 'annotation 1', {'size': [20, 30], 'counts': counts}, (20, 30), []
        )


def test_no_text_of_characters_is_a_mask_by_accident():
    rng = np.random.default_rng(0)
    accepted = 0
    for _ in range(2000):
        counts = bytes(rng.integers(48, 112, int(rng.integers(1, 20))).astype(np.uint8)).decode()
        try:
            unpacked = unpack_run_lengths(counts)
            fits = sum(unpacked) == 600 and min(unpacked) >= 0
        except ValueError:
            fits = False
        segmentation = {'size': [20, 30], 'counts': counts}
        try:
            decode_segmentation(Path('a.json'), 'annotation 1', segmentation, (20, 30), [])
            accepted += 1
            assert fits, counts
        except LabelError:
            assert not fits, counts
    assert accepted < 5
