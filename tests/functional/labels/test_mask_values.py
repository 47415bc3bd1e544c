"""Masks of 0 and 255, as most tools write them."""

import numpy as np
import pytest

from mmsteal.functional import LabelValues, refine_label_map
from mmsteal.functional.labels.mask_values import are_mask_values, is_mask

Y, X = np.mgrid[:60, :60]
DISTANCE = np.hypot(Y - 30, X - 30)
DRAWN, TRUE = DISTANCE < 14, DISTANCE < 20
IMAGE = np.where(TRUE, 200, 50).astype(np.uint8)
EDGES = np.exp(-((DISTANCE - 20) ** 2) / 4)[None].astype(np.float32)
MASK = np.where(DRAWN, 255, 0).astype(np.uint8)


@pytest.mark.parametrize('values', [{0, 255}, {0}, {255}, {0, 1, 255}, {0, 1}, {1, 255}])
def test_which_values_are_a_mask(values):
    labels = np.resize(np.array(sorted(values)), (3, 4))
    assert are_mask_values(values) == is_mask(labels) == (values == {0, 255})


@pytest.mark.parametrize('edges', [None, EDGES])
@pytest.mark.parametrize(
    'values', [dict(background=0), dict(background=0, classes={255: 0}), dict(), dict(unlabelled=0)]
)
def test_a_mask_is_refined_as_any_label_map(edges, values):
    """The same as of 0 and 1."""
    ones = {'classes': {1: 0}} if 'classes' in values else {}
    expected = refine_label_map(
        (MASK // 255), edges, image=IMAGE, error_px=8, **{**(values or dict(background=0)), **ones}
    )
    found = refine_label_map(MASK, edges, image=IMAGE, error_px=8, **values)
    assert found.values == [255]
    assert [entry.status for entry in found.objects] == ['moved']
    np.testing.assert_array_equal(found.label_map, expected.label_map * 255)
    assert ((found.label_map == 255) & TRUE).sum() > 0.95 * TRUE.sum()


def test_what_is_told_to_be_ignored_is_ignored():
    found = refine_label_map(MASK, image=IMAGE, background=0, ignore_index=255, error_px=8)
    assert not found.objects
    with pytest.raises(ValueError, match='255 to be a class or to be ignored'):
        refine_label_map(MASK, EDGES, background=0, ignore_index=255, classes={255: 0}, error_px=8)


@pytest.mark.parametrize(
    ('label_map', 'options'),
    [
        (np.where(DISTANCE < 3, 1, MASK), dict(single=True, background=0)),
        (MASK, dict(background=0)),
        (MASK, dict(single=True, background=7)),
        (MASK, dict(classes=[1], background=0)),
    ],
)
def test_255_is_ignored_elsewhere(label_map, options):
    meaning = LabelValues.of_map(label_map, **options)
    assert meaning == LabelValues(background=options['background'])
