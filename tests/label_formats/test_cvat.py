import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from mmsteal.label_formats import (
    AnnotatedObject,
    Annotation,
    CvatFormat,
    LabelError,
    LabelItem,
)
from tests.label_formats.helpers import SIZE, iou, move, write_image

# All that "CVAT for images 1.1" documents; the values of this test.
DOCUMENT = """<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta>
    <task>
      <id>4</id>
      <name>segmentation &amp; more</name>
      <size>3</size>
      <mode>annotation</mode>
      <overlap>0</overlap>
      <bugtracker></bugtracker>
      <flipped>False</flipped>
      <created>2024-02-06 11:34:24.617558+00:00</created>
      <updated>2024-02-06 11:38:27.301183+00:00</updated>
      <subset>default</subset>
      <start_frame>0</start_frame>
      <stop_frame>2</stop_frame>
      <frame_filter></frame_filter>
      <segments>
        <segment>
          <id>4</id>
          <start>0</start>
          <stop>2</stop>
          <url>http://localhost:8080/api/jobs/4</url>
        </segment>
      </segments>
      <owner>
        <username>admin</username>
        <email></email>
      </owner>
      <assignee></assignee>
      <labels>
        <label>
          <name>car</name>
          <color>#fa3253</color>
          <type>any</type>
          <attributes>
            <attribute>
              <name>color</name>
              <mutable>False</mutable>
              <input_type>select</input_type>
              <default_value>red</default_value>
              <values>red
blue</values>
            </attribute>
          </attributes>
        </label>
        <label>
          <name>tree</name>
          <color>#aaf0d1</color>
          <type>mask</type>
          <attributes>
          </attributes>
        </label>
        <label>
          <name>plate</name>
          <type>any</type>
          <attributes>
          </attributes>
        </label>
        <label>
          <name>void</name>
          <type>any</type>
          <attributes>
          </attributes>
        </label>
        <label>
          <name>s1</name>
          <type>skeleton</type>
          <attributes>
          </attributes>
          <svg>&lt;line x1="36.8" y1="47.7" x2="86.8" y2="10.7"&gt;&lt;/line&gt;</svg>
        </label>
      </labels>
    </task>
    <dumped>2024-02-06 11:38:28.799808+00:00</dumped>
  </meta>
  <image id="0" name="sub/a.png" width="60" height="40">
    <box label="plate" source="manual" occluded="0" xtl="33.30" ytl="0.90" xbr="37.50" ybr="8.90" \
rotation="12.00" z_order="5">
    </box>
    <polygon label="car" source="manual" occluded="0" points="4.00,4.00;20.00,4.00;20.00,20.00;\
4.00,20.00" z_order="1">
      <attribute name="color">red > "blue"</attribute>
    </polygon>
    <polygon label='car' source='auto' occluded='1' \
points='10.50,10.25;30.00,10.25;30.00,24.75;10.50,24.75' z_order='0'/>
    <polyline label="plate" source="manual" occluded="0" points="2.10,0.00;6.80,40.00" z_order="3">
    </polyline>
    <points label="plate" source="manual" occluded="0" points="5.90,9.48;7.16,7.90" z_order="5">
    </points>
    <mask label="tree" source="semi-auto" occluded="0" rle="3, 5, 7, 7, 5, 9, 3, 11, 2, 11, 2, 12, \
1, 12, 1, 26, 1, 12, 1, 12, 2, 11, 3, 9, 5, 7, 7, 5, 3" left="40" top="10" width="13" height="15" \
z_order="0">
    </mask>
    <polygon label="tree" source="manual" occluded="0" points="5.00,30.00;9.00,30.00;9.00,34.00;\
5.00,34.00" z_order="0" group_id="7">
    </polygon>
    <polygon label="tree" source="manual" occluded="0" points="15.00,30.00;19.00,30.00;19.00,34.00;\
15.00,34.00" z_order="0" group_id="7">
    </polygon>
    <polygon label="void" source="manual" occluded="0" points="0.00,38.00;60.00,38.00;60.00,40.00;\
0.00,40.00" z_order="9">
    </polygon>
    <ellipse label="plate" source="manual" occluded="0" cx="50.00" cy="33.00" rx="3.00" ry="2.00" \
z_order="4">
    </ellipse>
    <skeleton label="s1" source="manual" z_order="0">
      <points label="1" source="manual" outside="0" occluded="0" points="54.47,34.81">
      </points>
    </skeleton>
    <tag label="plate" source="manual">
    </tag>
  </image>
  <image id="1" name="sub/b.png" width="60" height="40">
    <mask label="tree" source="manual" occluded="0" rle="0, 12" left="56" top="36" width="4" \
height="3" z_order="0" group_id="2"></mask>
  </image>
  <image id="2" name="sub/c.png" width="60" height="40">
    <tag label="plate" source="manual"></tag>
  </image>
</annotations>
"""


def write_set(root, document=DOCUMENT, **options):
    for name in 'abc':
        write_image(root / 'images' / 'sub' / f'{name}.png')
    (root / 'annotations.xml').write_text(document)
    return CvatFormat(root, **{'ignore': 'void', **options})


def first(reader):
    item = reader.items()[0]
    return item, reader.read(item)


def rewrite(reader, out, changed):
    """Write all images, the ones in `changed` with another map; the reader of the result."""
    for item in reader.items():
        annotation = reader.read(item)
        reader.write(item, annotation, changed.get(item.name, annotation.object_map), out)
    (path,) = reader.finish(out, reader.items())
    return path, CvatFormat(path, images=reader.images, ignore='void')


def outside_of_outlines(path):
    """The file with all that may change taken out, by an XML parser of its own."""
    root = ET.parse(path).getroot()
    for entry in root.iter():
        if entry.tag in ('polygon', 'mask'):
            for key in ('points', 'rle', 'left', 'top', 'width', 'height'):
                entry.attrib.pop(key, None)
    return ET.tostring(root)


def test_objects(tmp_path):
    reader = write_set(tmp_path)
    assert [item.name for item in reader.items()] == ['sub/a', 'sub/b', 'sub/c']
    assert reader.problems() == []
    _, annotation = first(reader)
    # In the order of painting: z_order, then the place in the file.
    assert [(o.name, o.sources) for o in annotation.objects] == [
        ('car', (2,)), ('tree', (5,)), ('tree', (6, 7)), ('car', (1,)),
        ('plate', (9,)), ('plate', (0,)),
    ]  # fmt: skip
    assert annotation.unread == {'polyline': 1, 'points': 1, 'skeleton': 1, 'tag': 1}
    front = annotation.object_map == 3
    assert front.sum() == 256
    assert front[4:20, 4:20].all()
    # Middles of pixels between 10.5 and 30 by 10.25 and 24.75, without what lies beneath.
    behind = np.zeros(SIZE, bool)
    behind[10:25, 10:30] = True
    np.testing.assert_array_equal(annotation.object_map == 0, behind & ~front)
    np.testing.assert_array_equal(annotation.hidden[0].full(SIZE), behind & front)
    # The disk of the documentation.
    disk = annotation.object_map == 1
    assert disk.sum() == 5 + 7 + 9 + 11 + 11 + 12 + 12 + 26 + 12 + 12 + 11 + 9 + 7 + 5
    box = disk[10:25, 40:53]
    assert box.sum() == disk.sum()
    np.testing.assert_array_equal(np.flatnonzero(box[0]), range(3, 8))
    assert box[7:9].sum() == 26
    assert (annotation.object_map == 2).sum() == 32
    assert annotation.ignore[38:].all()
    assert annotation.ignore.sum() == 2 * 60


def test_unchanged_is_the_same_bytes(tmp_path):
    reader = write_set(tmp_path / 'in')
    path, _ = rewrite(reader, tmp_path / 'out', {})
    assert path.read_bytes() == (tmp_path / 'in/annotations.xml').read_bytes()


@pytest.mark.parametrize('index', range(4))
def test_changed(tmp_path, index):
    reader = write_set(tmp_path / 'in')
    _, annotation = first(reader)
    object_map = move(annotation, index, pixels=1)
    path, again = rewrite(reader, tmp_path / 'out', {'sub/a': object_map})
    _, found = first(again)
    # Where the car in front goes back, the one behind it comes to light.
    light = (object_map < 0) & (annotation.object_map == 3) & annotation.hidden[0].full(SIZE)
    np.testing.assert_array_equal(found.object_map, np.where(light, 0, object_map))
    assert [(o.name, o.sources) for o in found.objects] == [
        (o.name, o.sources) for o in annotation.objects
    ]
    before = tmp_path / 'in/annotations.xml'
    assert outside_of_outlines(path) == outside_of_outlines(before)
    # Line by line: only shapes of the object, and those beneath it that lost a part of theirs.
    old, new = before.read_text().splitlines(), path.read_text().splitlines()
    assert len(old) == len(new)
    differs = [line for line, other in zip(old, new, strict=True) if line != other]
    assert differs
    assert all('<polygon' in line or '<mask' in line for line in differs)


def test_a_mask_stays_a_mask(tmp_path):
    reader = write_set(tmp_path / 'in')
    _, annotation = first(reader)
    object_map = annotation.object_map.copy()
    object_map[30, 50:55] = 1
    path, again = rewrite(reader, tmp_path / 'out', {'sub/a': object_map})
    (mask,) = [e for e in ET.parse(path).iter('mask') if e.get('left') != '56']
    runs = np.array(mask.get('rle').split(', '), int)
    assert runs.sum() == int(mask.get('width')) * int(mask.get('height')) == 15 * 21
    assert mask.get('source') == 'semi-auto'
    np.testing.assert_array_equal(first(again)[1].object_map, object_map)


def test_split_gone_and_grouped(tmp_path):
    reader = write_set(tmp_path / 'in')
    _, annotation = first(reader)
    object_map = annotation.object_map.copy()
    object_map[:, 8:11][object_map[:, 8:11] == 3] = 1  # the car in front, through the middle
    object_map[object_map == 2] = -1  # both trees of a group
    path, again = rewrite(reader, tmp_path / 'out', {'sub/a': object_map})
    found = first(again)[1]
    assert [o.name for o in found.objects] == ['car', 'tree', 'car', 'plate', 'plate']
    expected = np.array([0, 1, -1, 2, 3, 4, -1])[object_map]
    np.testing.assert_array_equal(found.object_map, expected)
    cars = [e for e in ET.parse(path).iter('polygon') if e.get('group_id') == '8']
    assert len(cars) == 2
    assert [[a.text for a in e] for e in cars] == [['red > "blue"']] * 2
    assert ET.parse(path).find('image').find('polyline') is not None


def test_tolerance_takes_the_stairs_out(tmp_path):
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    exact = write_set(tmp_path / 'in')
    _, annotation = first(exact)
    object_map = annotation.object_map.copy()
    object_map[(x - y > 20) & (x < 50) & (y > 2)] = 0
    counts = []
    for tolerance_px in (0.0, 0.75):
        reader = CvatFormat(tmp_path / 'in', ignore='void', tolerance_px=tolerance_px)
        out = tmp_path / str(tolerance_px)
        path, again = rewrite(reader, out, {'sub/a': object_map})
        polygon = ET.parse(path).find("image/polygon[@source='auto']")
        counts.append(polygon.get('points').count(';') + 1)
        assert iou(first(again)[1].object_map == 0, object_map == 0) > 0.98
    assert counts[1] * 2 < counts[0]


def test_images_that_are_not_written_stay(tmp_path):
    reader = write_set(tmp_path / 'in')
    item, annotation = first(reader)
    reader.write(item, annotation, move(annotation, 1), tmp_path / 'out')
    (path,) = reader.finish(tmp_path / 'out', [item])
    assert path.read_text().count('<image') == 3
    assert 'rle="0, 12"' in path.read_text()


def test_written_from_another_format(tmp_path):
    object_map = np.full(SIZE, -1, np.int32)
    object_map[5:20, 5:20] = 0
    object_map[9:12, 9:12] = -1
    object_map[5:20, 20:35] = 1
    object_map[5:20, 40:45] = object_map[25:30, 40:45] = 2
    objects = tuple(AnnotatedObject(i, n, i) for i, n in enumerate(['a&b', 'a&b', 'c']))
    write_image(tmp_path / 'images/sub/x.png')
    item = LabelItem('sub/x', tmp_path / 'images/sub/x.png', ())
    given = Annotation('sub/x', object_map, objects, np.zeros(SIZE, bool), format='elsewhere')
    for shape in ('polygon', 'mask'):
        writer = CvatFormat(shape=shape)
        writer.write(item, given, object_map, tmp_path / shape)
        (path,) = writer.finish(tmp_path / shape, [item])
        found = first(CvatFormat(path, images=tmp_path / 'images'))[1]
        assert [o.name for o in found.objects] == ['a&b', 'a&b', 'c']
        np.testing.assert_array_equal(found.object_map, object_map)
        assert {e.tag for e in ET.parse(path).find('image')} == {shape}
        assert ET.parse(path).find('image').get('id') == '0'
    with pytest.raises(LabelError, match="'c'"):
        CvatFormat(classes={'a&b': 'x'}).write(item, given, object_map, tmp_path / 'no')


@pytest.mark.parametrize(
    ('old', 'new', 'message'),
    [
        ('rle="3, 5', 'rle="3, 6', 'RLE of 196 pixels, but it is 13 x 15'),
        ('rle="3, 5', 'rle="x, 5', 'RLE that is not numbers'),
        ('rle="3, 5', 'rle="-3, 11', 'an RLE of'),
        ('left="40"', 'left="55"', 'but the image is 60 x 40'),
        (' top="10"', '', "no number in 'top'"),
        ('z_order="1"', 'z_order="up"', "no number in 'z_order'"),
        ('label="car"', 'label="dog"', "'dog'(.|\n)*unknown label"),
        ('points="4.00,4.00;', 'points="4.00;', 'not pairs'),
        ('points="4.00,4.00;', 'points="nan,4.00;', 'not finite'),
        ('width="60" height="40">\n    <box', 'width="61" height="40">\n    <box', 'size of the'),
    ],
)
def test_bad_shapes_are_named(tmp_path, old, new, message):
    assert old in DOCUMENT
    reader = write_set(tmp_path, DOCUMENT.replace(old, new, 1))
    with pytest.raises(LabelError, match=rf'annotations\.xml: (.|\n)*{message}'):
        first(reader)


@pytest.mark.parametrize(
    ('old', 'new', 'message'),
    [
        ('</annotations>', '', 'cannot read the XML'),
        ('annotations>', 'opencv_storage>', 'expected <annotations>'),
        ('  <image id="2"', '  <track id="0" label="car"></track>\n  <image id="2"', 'for images'),
        ('<annotations>', '<!DOCTYPE a [<!ENTITY b "c">]>\n<annotations>', 'no DOCTYPE'),
        ('"utf-8"', '"utf-16"', 'expected UTF-8|cannot read the XML'),
        ('"utf-8"', '"iso-8859-1"', 'expected UTF-8'),
        ('sub/b.png', 'sub/a.jpg', "two images are named 'sub/a'"),
    ],
)
def test_bad_files_are_named(tmp_path, old, new, message):
    reader = write_set(tmp_path, DOCUMENT.replace(old, new))
    with pytest.raises(LabelError, match=rf'annotations\.xml: (.|\n)*({message})'):
        reader.items()


@pytest.mark.parametrize('name', ['../b.png', '/sub/b.png', '..'])
def test_names_that_lead_out_are_problems(tmp_path, name):
    reader = write_set(tmp_path, DOCUMENT.replace('sub/b.png', name))
    assert 'sub/b' not in {item.name for item in reader.items()}
    (problem,) = reader.problems()
    assert re.match(r'.*annotations\.xml: image \d: .*below the folder', str(problem))


def test_missing_images_are_problems(tmp_path):
    reader = write_set(tmp_path)
    (tmp_path / 'images/sub/b.png').unlink()
    assert [item.name for item in reader.items()] == ['sub/a', 'sub/c']
    assert 'it is gone' in str(reader.problems()[0])


def turned_inside(x, y, degrees, middle):
    """Coordinates of the middles of pixels in the frame of a shape that is turned clockwise."""
    angle = np.deg2rad(degrees)
    x, y = x + 0.5 - middle[0], y + 0.5 - middle[1]
    return x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)


def test_boxes_and_ellipses_cover_an_area(tmp_path):
    reader = write_set(tmp_path, DOCUMENT.replace('ry="2.00"', 'ry="2.00" rotation="30"'))
    _, annotation = first(reader)
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    along, across = turned_inside(x, y, 30, (50, 33))
    ellipse = (along / 3) ** 2 + (across / 2) ** 2 <= 1
    np.testing.assert_array_equal(annotation.object_map == 4, ellipse)
    along, across = turned_inside(x, y, 12, (35.4, 4.9))
    box = (abs(along) < 2.1) & (abs(across) < 4)
    np.testing.assert_array_equal(annotation.object_map == 5, box)


def test_a_box_that_changes_becomes_a_polygon(tmp_path):
    reader = write_set(tmp_path / 'in')
    _, annotation = first(reader)
    object_map = annotation.object_map.copy()
    object_map[0:9, 33:40] = 5
    object_map[30:36, 46:54] = 4
    path, again = rewrite(reader, tmp_path / 'out', {'sub/a': object_map})
    np.testing.assert_array_equal(first(again)[1].object_map, object_map)
    image = ET.parse(path).getroot().find('image')
    assert image.find('box') is None
    assert image.find('ellipse') is None
    plates = [e for e in image.iter('polygon') if e.get('label') == 'plate']
    for entry, z_order in zip(plates, '54', strict=True):
        assert sorted(entry.attrib) == ['label', 'occluded', 'points', 'source', 'z_order']
        assert entry.get('z_order') == z_order
