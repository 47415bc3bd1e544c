"""What polygons of all formats have in common."""

from mmsteal.label_formats.polygons import crosses_itself


def test_crossing():
    assert crosses_itself([(0, 0), (10, 10), (10, 0), (0, 10)])
    assert not crosses_itself([(0, 0), (10, 0), (10, 10), (0, 10)])
    assert not crosses_itself([(0, 0), (10, 0), (10, 0), (0, 0)])
