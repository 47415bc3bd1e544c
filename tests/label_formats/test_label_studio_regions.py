"""Regions of Label Studio that cover an area, beside masks made by formulas."""

import base64
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from mmsteal.label_formats import LabelError
from mmsteal.label_formats.label_studio_results import read_results, write_results
from tests.label_formats.helpers import SIZE

Y, X = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5


def result(kind, number='r', **value):
    return {
        'id': number, 'type': kind, 'from_name': f'{kind}_tag', 'to_name': 'image',
        'original_width': SIZE[1], 'original_height': SIZE[0], 'image_rotation': 0,
        'value': {kind: ['cat'], **value},
    }  # fmt: skip


def percent(x, y):
    return x * 100 / SIZE[1], y * 100 / SIZE[0]


def turned(x, y, degrees):
    """Coordinates along and across a shape that is turned clockwise around (x, y)."""
    angle = np.deg2rad(degrees)
    along = (X - x) * np.cos(angle) + (Y - y) * np.sin(angle)
    return along, (Y - y) * np.cos(angle) - (X - x) * np.sin(angle)


def rectangle(degrees=0.0):
    (x, y), (width, height) = percent(20, 8), percent(18, 12)
    entry = result('rectanglelabels', x=x, y=y, width=width, height=height, rotation=degrees)
    along, across = turned(20, 8, degrees)
    return entry, (along > 0) & (along < 18) & (across > 0) & (across < 12)


def ellipse(degrees=0.0):
    (x, y), (across, down) = percent(30, 20), percent(15, 7)
    entry = result('ellipselabels', x=x, y=y, radiusX=across, radiusY=down, rotation=degrees)
    along, beside = turned(30, 20, degrees)
    return entry, (along / 15) ** 2 + (beside / 7) ** 2 <= 1


def vector():
    corners = ((10, 5.3), (40, 5.3), (40, 35.3))
    vertices = [dict(zip('xy', percent(*corner), strict=True)) for corner in corners]
    expected = (Y > 5.3) & (X < 40) & (Y - 5.3 < X - 10)
    return result('vectorlabels', vertices=vertices, closed=True), expected


def bitmask():
    mask = (X - 30) ** 2 + (Y - 20) ** 2 < 120
    picture = Image.fromarray(mask[..., None] * np.array((250, 20, 30, 255), np.uint8))
    buffer = BytesIO()
    picture.save(buffer, 'PNG')
    data = base64.b64encode(buffer.getvalue()).decode()
    return result('bitmasklabels', imageDataURL=f'data:image/png;base64,{data}'), mask


CASES = {
    'rectangle': rectangle(), 'turned rectangle': rectangle(25.0), 'ellipse': ellipse(),
    'turned ellipse': ellipse(-40.0), 'vector': vector(), 'bitmask': bitmask(),
}  # fmt: skip


@pytest.mark.parametrize('case', CASES)
def test_the_pixels_whose_middle_is_inside(case):
    entry, expected = CASES[case]
    annotation = read_results('t', [entry], SIZE)
    assert [o.name for o in annotation.objects] == ['cat']
    assert annotation.unread == {}
    # A middle that lies on the outline may fall either way.
    assert ((annotation.object_map == 0) != expected).sum() <= 2


@pytest.mark.parametrize('case', CASES)
def test_what_moves_is_read_again(case):
    entry, _ = CASES[case]
    annotation = read_results('t', [entry], SIZE)
    assert write_results(annotation, annotation.object_map) == [entry]
    object_map = annotation.object_map.copy()
    object_map[2:4, 30:40] = 0
    found = write_results(annotation, object_map)
    again = read_results('t', found, SIZE)
    np.testing.assert_array_equal(again.object_map >= 0, object_map >= 0)
    kind = 'bitmasklabels' if case == 'bitmask' else 'polygonlabels'
    for one in found:
        assert (one['type'], one['value'][kind]) == (kind, ['cat'])
        assert not {'x', 'y', 'width', 'vertices', 'radiusX'} & one['value'].keys()
    if case == 'bitmask':
        data = base64.b64decode(found[0]['value']['imageDataURL'].partition(',')[2])
        colors = np.asarray(Image.open(BytesIO(data)))
        assert np.unique(colors.reshape(-1, 4), axis=0).tolist() == [
            [0, 0, 0, 0], [250, 20, 30, 255]
        ]  # fmt: skip


def test_a_bitmask_may_be_black_and_white():
    _, mask = bitmask()
    buffer = BytesIO()
    Image.fromarray(mask).save(buffer, 'PNG')
    data = base64.b64encode(buffer.getvalue()).decode()
    entry = result('bitmasklabels', imageDataURL=f'data:image/png;base64,{data}')
    annotation = read_results('t', [entry], SIZE)
    np.testing.assert_array_equal(annotation.object_map == 0, mask)
    changed = np.where(mask, 0, -1).astype(np.int32)
    changed[2:5, 2:9] = 0
    again = read_results('t', write_results(annotation, changed), SIZE)
    np.testing.assert_array_equal(again.object_map, changed)


def test_a_new_polygon_belongs_to_the_tag_of_polygons():
    corners = [percent(*p) for p in ((45, 30), (55, 30), (55, 38))]
    polygon = result('polygonlabels', 'p', points=corners, closed=True)
    annotation = read_results('t', [rectangle()[0], polygon], SIZE)
    object_map = annotation.object_map.copy()
    object_map[2:8, 20:30] = 0
    changed, same = write_results(annotation, object_map)
    assert changed['from_name'] == 'polygonlabels_tag'
    assert same == polygon


def test_curves_of_vectors():
    """A circle of four cubic curves, as any drawing program makes it."""
    reach, radius = 0.5522847498, 12
    vertices = []
    for x, y in ((1, 0), (0, 1), (-1, 0), (0, -1)):
        ways = [((x + sign * y * reach), (y - sign * x * reach)) for sign in (1, -1)]
        points = [percent(30 + radius * a, 20 + radius * b) for a, b in ((x, y), *ways)]
        middle, before, after = ({'x': a, 'y': b} for a, b in points)
        vertices.append(
            {**middle, 'isBezier': True, 'controlPoint1': before, 'controlPoint2': after}
        )
    annotation = read_results('t', [result('vectorlabels', vertices=vertices, closed=True)], SIZE)
    expected = radius**2 >= (X - 30) ** 2 + (Y - 20) ** 2
    found = annotation.object_map == 0
    assert (found & expected).sum() / (found | expected).sum() > 0.98


def test_what_is_left_is_counted():
    open_way = result('vectorlabels', vertices=[{'x': 1, 'y': 1}, {'x': 9, 'y': 9}], closed=False)
    tree, _ = vector()
    for number, vertex in enumerate(tree['value']['vertices']):
        vertex = dict(vertex, id=str(number), prevPointId=None if number == 0 else '0')
        tree['value']['vertices'][number] = vertex
    nameless = rectangle()[0]
    del nameless['value']['rectanglelabels']
    results = [
        open_way, tree, {**nameless, 'id': 'n', 'type': 'rectangle'},
        result('keypointlabels', x=1, y=2, width=0.5),
        {'type': 'choices', 'value': {'choices': ['good']}}, {'type': 'relation'},
    ]  # fmt: skip
    annotation = read_results('t', results, SIZE)
    assert annotation.objects == ()
    assert annotation.unread == {
        'vectorlabels': 2, 'rectangle without a label': 1, 'keypointlabels': 1
    }  # fmt: skip
    assert write_results(annotation, annotation.object_map) == results


def test_several_labels_are_told():
    entry, _ = rectangle()
    entry = {**entry, 'value': {**entry['value'], 'rectanglelabels': ['wet', 'cat']}}
    annotation = read_results('t', [entry], SIZE)
    assert [o.name for o in annotation.objects] == ['wet']
    assert annotation.notes == ('t: result 0 has the labels wet, cat; wet counts.',)
    annotation = read_results('t', [entry], SIZE, class_names={'cat': 'Cat'})
    assert [o.name for o in annotation.objects] == ['Cat']


def test_sizes_may_be_missing():
    entry, expected = rectangle()
    del entry['original_width'], entry['original_height']
    np.testing.assert_array_equal(read_results('t', [entry], SIZE).object_map == 0, expected)


@pytest.mark.parametrize(
    ('entry', 'message'),
    [
        (result('rectanglelabels', x=1, y=2), 'no numbers in x, y, width, height'),
        (result('ellipselabels', x='a', y=2, radiusX=1, radiusY=1), 'no numbers in x, y, radiusX'),
        (result('ellipselabels', x=float('nan'), y=2, radiusX=1, radiusY=1), 'not finite'),
        (result('vectorlabels', closed=True), 'no vertices'),
        (result('vectorlabels', closed=True, vertices=[{'x': 1}] * 3), 'without x and y'),
        (result('bitmasklabels', imageDataURL='data:image/png;base64,xx'), 'no picture'),
        (result('bitmasklabels'), 'no picture'),
    ],
)
def test_damaged_regions_are_named(entry, message):
    with pytest.raises(LabelError, match=rf't: result 0 \({entry["type"]}\) (.|\n)*{message}'):
        read_results('t', [entry], SIZE)
