"""Label maps as maps of objects."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage as ndi

from mmsteal.functional import label_objects


@st.composite
def label_maps(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = draw(st.integers(0, 12)), draw(st.integers(0, 12))
    dtype = draw(st.sampled_from([np.uint8, np.int16, np.int64]))
    labels = rng.integers(0, 5, shape).astype(dtype)
    instances = rng.integers(0, 3, shape) * 40000 if draw(st.booleans()) else None
    return labels, instances


@settings(max_examples=150)
@given(label_maps(), st.sampled_from([(), (0,), (0, 4), (77,)]))
def test_objects_are_the_distinct_pairs(maps, without):
    labels, instances = maps
    found = label_objects(labels, instances, without=without)
    ids = np.zeros(labels.shape, int) if instances is None else instances
    pairs = sorted(
        {(int(v), int(i)) for v, i in zip(labels.flat, ids.flat, strict=True) if v not in without}
    )
    assert list(zip(found.values, found.instances, strict=True)) == pairs
    for y, x in np.ndindex(labels.shape):
        pair = int(labels[y, x]), int(ids[y, x])
        expected = pairs.index(pair) if pair in pairs else -1
        assert found.object_map[y, x] == expected
    assert found.object_map.dtype == np.int32


@settings(max_examples=100)
@given(label_maps())
def test_components_are_those_of_scipy(maps):
    labels, instances = maps
    found = label_objects(labels, instances, without=(0,), components=True)
    ids = np.zeros(labels.shape, int) if instances is None else instances
    count = 0
    for value, instance in sorted({*zip(labels.flat, ids.flat, strict=True)}):
        mask = (labels == value) & (ids == instance) & (value != 0)
        parts, number = ndi.label(mask, np.ones((3, 3)))
        for part in range(1, number + 1):
            indices = np.unique(found.object_map[parts == part])
            assert len(indices) == 1
            assert (found.object_map == indices[0]).sum() == (parts == part).sum()
            assert (found.values[indices[0]], found.instances[indices[0]]) == (value, instance)
        count += number
    assert len(found.values) == count
    # In the order of label and instance, and of their first pixels row by row.
    flat = found.object_map.ravel().tolist()
    firsts = [flat.index(index) for index in range(count)]
    keys = [*zip(found.values, found.instances, firsts, strict=True)]
    assert keys == sorted(keys)


LABELS = np.zeros((3, 4), np.uint8)


@pytest.mark.parametrize(
    ('error', 'message', 'arguments'),
    [
        (TypeError, '`label_map`', (LABELS.astype(float),)),
        (TypeError, '`label_map`', ([[1, 2]],)),
        (ValueError, 'not its colors', (np.zeros((3, 4, 3), np.uint8),)),
        (ValueError, '`instance_map`', (LABELS, LABELS[:2])),
        (TypeError, '`instance_map`', (LABELS, LABELS.astype(float))),
        (ValueError, 'from 0 to', (LABELS, LABELS.astype(int) - 1)),
        (ValueError, 'from 0 to', (LABELS, np.full(LABELS.shape, 2**32))),
        (ValueError, '32 bits', (np.full((2, 2), 2**33),)),
    ],
)
def test_exception(error, message, arguments):
    with pytest.raises(error, match=message):
        label_objects(*arguments)
