"""Names that a person typed."""

import pytest

from mmsteal.annotator import AnnotatorError
from mmsteal.annotator.class_list import parse_class_list


def test_lines_commas_and_blanks():
    assert parse_class_list(' person ,car\n\ntraffic   light;') == (
        'person',
        'car',
        'traffic light',
    )


def test_two_hundred_classes():
    names = [f'kind {i}' for i in range(200)]
    assert parse_class_list('\n'.join(names)) == tuple(names)


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        (' \n,', 'at least one'),
        ('a,b,a', '"a" is in the list twice'),
        ('x' * 65, 'up to 64 letters'),
        ('a\x07b', 'no class name'),
        (','.join(map(str, range(255))), 'up to 254'),
    ],
)
def test_refused(text, message):
    with pytest.raises(AnnotatorError, match=message):
        parse_class_list(text)
