"""What the values of label files mean."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mmsteal.label_formats.value_map import label_value_map, lookup_table, map_labels


def test_value_map_and_table():
    table = lookup_table(label_value_map([5, 3], background=0, ignore_values=[255]), 256)
    assert table[[5, 3, 0, 255, 1]].tolist() == [0, 1, 2, 255, -1]


@pytest.mark.parametrize('background', [None, 0, np.int64(0), [0], (0, 9), range(8, 10)])
def test_backgrounds(background):
    found = label_value_map([5, 3], background=background)
    expected = [] if background is None else np.atleast_1d(background).tolist()
    assert [value for value, label in found.items() if label == 2] == expected


@given(
    hnp.arrays(
        st.sampled_from([np.uint8, np.uint16, np.int32, np.int64, np.bool_]), (3, 5),
        elements=st.integers(0, 1),
    ),
    st.sampled_from(['error', 'background', 'ignore']),
)  # fmt: skip
def test_labels_are_mapped_one_by_one(ones, other):
    meaning = label_value_map([1], background=0, other_values=other)
    np.testing.assert_array_equal(map_labels(ones, meaning, 'a.png'), 1 - ones.astype(int))
    wide = ones.astype(np.int64) * 70000 - (ones == 0)  # -1 and 70000
    if other == 'error':
        with pytest.raises(ValueError, match=r'a\.png to hold the values \[0, 1, 255\]'):
            map_labels(wide, meaning, 'a.png')
    else:
        expected = 1 if other == 'background' else 255
        assert (map_labels(wide, meaning, 'a.png') == expected).all()


def test_values_that_collide():
    with pytest.raises(ValueError, match='of their own'):
        label_value_map([1, 2], background=2)
    with pytest.raises(ValueError, match='of their own'):
        label_value_map([1, 2], ignore_values=[1])
