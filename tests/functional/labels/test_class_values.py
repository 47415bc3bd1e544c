"""Which values of a label map are classes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mmsteal.functional.labels.class_values import class_values


@given(st.integers(0, 300), st.lists(st.integers(-2, 300) | st.none(), max_size=6))
def test_the_smallest_values_that_are_left(num_classes, without):
    others = [value for value in without if value is not None]
    expected = np.setdiff1d(np.arange(num_classes + len(others)), others)[:num_classes]
    assert class_values(num_classes, without=without) == expected.tolist()
