"""Points far outside of an image: a drawing of them would take memory and time without bound."""

from pathlib import Path

import numpy as np
import pytest

from mmsteal.label_formats import LabelError
from mmsteal.label_formats.coco_masks import decode_segmentation
from mmsteal.label_formats.corner_polygons import corner_region
from mmsteal.label_formats.labelme_shapes import shape_region

SHAPE = (40, 60)
FAR = [2e3 + 201, 1e9, 2.0**31, -1e9, 1e18, 1e308]


@pytest.mark.parametrize('far', FAR)
def test_far_points_are_refused(far):
    points = [[5.0, 5.0], [far, 5.0], [20.0, 30.0]]
    with pytest.raises(LabelError, match=r'a\.json: shape 1 has a point at .* 60 x 40'):
        corner_region(Path('a.json'), 'shape 1', points, SHAPE, [])
    for kind, some in (('polygon', points), ('circle', points[:2]), ('rectangle', points[:2])):
        with pytest.raises(LabelError, match='far outside'):
            shape_region(Path('a.json'), 'shape 1', kind, {'points': some}, SHAPE, [])
    pytest.importorskip('pycocotools')
    flat = [[value for point in points for value in point]]
    with pytest.raises(LabelError, match='far outside'):
        decode_segmentation(Path('a.json'), 'annotation 1', flat, SHAPE, [])


def test_points_a_little_outside_are_cut_off():
    points = [[-500.0, 5.0], [2000.0, 5.0], [2000.0, 30.0], [-500.0, 30.0]]
    notes = []
    region = corner_region(Path('a.json'), 'shape 1', points, SHAPE, notes)
    assert 'cut off' in notes[0]
    np.testing.assert_array_equal(np.flatnonzero(region.mask.any(axis=1)) + region.top,
                                  np.arange(5, 30))  # fmt: skip
