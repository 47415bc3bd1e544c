"""Which edge map serves a category, and names of edge maps on disk."""

import cv2
import numpy as np
import pytest

from mmsteal.edge_files import EdgeFolder
from mmsteal.label_formats import AnnotatedObject
from mmsteal.refinement import EdgeClasses
from mmsteal.refinement.class_mapping import parse_class_map


def test_by_name_then_as_told():
    classes = EdgeClasses(['car', 'traffic light'], {'van': '2', 'Car': 'none', '30': 'car'})
    found = {
        name: classes(AnnotatedObject(value, name))
        for value, name in ((5, 'car'), (6, 'traffic_light'), (7, 'van'), (30, 'x'), (1, 'tree'))
    }
    assert found == {'car': -1, 'traffic_light': 1, 'van': 1, 'x': 0, 'tree': -1}
    # a value is no number of an edge map, a label of LabelMe is a name
    assert classes(AnnotatedObject(2, None)) == -1
    assert classes(AnnotatedObject('Traffic Light', None)) == 1


def test_a_single_map_serves_all_but_those_told_otherwise():
    classes = EdgeClasses(['edge'], {'sky': 'none'})
    assert classes(AnnotatedObject(3, None)) == 0
    assert classes(AnnotatedObject(4, 'sky')) == -1


@pytest.mark.parametrize('told', [{'a': 'wheel'}, {'a': '3'}, {'A b': 'car', 'a_b': 'car'}])
def test_class_map_exception(told):
    with pytest.raises(ValueError, match='Expected'):
        EdgeClasses(['car', 'bus'], told)


def test_class_map_of_words_and_files(tmp_path):
    (tmp_path / 'map.txt').write_text('# comment\nvan = car\n\na=b=bus\n')
    found = parse_class_map(['sky=none', str(tmp_path / 'map.txt')])
    assert found == {'sky': 'none', 'van': 'car', 'a=b': 'bus'}
    for words in (['=car'], ['van='], ['van=car', 'van=bus']):
        with pytest.raises(ValueError, match='class map'):
            parse_class_map(words)


@pytest.mark.parametrize('encoding', ['utf-8-sig', 'utf-16'])
def test_class_map_of_an_editor_of_windows(tmp_path, encoding):
    (tmp_path / 'map.txt').write_text('van = car\r\nbig tree=tree\r\n', encoding=encoding)
    found = parse_class_map([str(tmp_path / 'map.txt')])
    assert found == {'van': 'car', 'big tree': 'tree'}
    (tmp_path / 'map.txt').write_text('van', encoding=encoding)
    with pytest.raises(ValueError, match=r"class map .*map\.txt, but got 'van'"):
        parse_class_map([str(tmp_path / 'map.txt')])


def numbered(root, number):
    for k in range(number):
        (root / f'class_{k + 1:03d}').mkdir(parents=True)
        cv2.imwrite(str(root / f'class_{k + 1:03d}/a.png'), np.full((4, 6), k, np.uint8))
    return root


@pytest.mark.parametrize(
    ('number', 'label_format', 'first', 'last'),
    [
        (19, 'cityscapes', 'road', 'bicycle'),
        (8, 'cityscapes', 'person', 'bicycle'),
        (20, 'voc', 'aeroplane', 'tvmonitor'),
        (20, 'cityscapes', 'class 1', 'class 20'),
        (19, 'png', 'class 1', 'class 19'),
    ],
)
def test_numbered_folders(tmp_path, number, label_format, first, last):
    folder = EdgeFolder(numbered(tmp_path, number), label_format=label_format)
    assert (len(folder.names), folder.names[0], folder.names[-1]) == (number, first, last)
    np.testing.assert_array_equal(folder.read('a')[:, 0, 0], range(number))
    assert folder.files('a') == [tmp_path / f'class_{k + 1:03d}/a.png' for k in range(number)]
    assert folder.files('b') == []


def test_names_as_told_named_folders_and_arrays(tmp_path):
    assert EdgeFolder(numbered(tmp_path / '1', 2), ['x', 'y']).names == ('x', 'y')
    with pytest.raises(ValueError, match='names of 2 edge maps'):
        EdgeFolder(tmp_path / '1', ['x'])
    for name in ('car', 'bus', 'overlay'):
        (tmp_path / '2' / name).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / '2' / name / 'a.png'), np.zeros((4, 6), np.uint8))
    assert EdgeFolder(tmp_path / '2').names == ('bus', 'car')
    (tmp_path / '3').mkdir()
    np.save(tmp_path / '3/a.npy', np.full((3, 4, 6), 0.5, np.float32))
    assert EdgeFolder(tmp_path / '3', ['a', 'b', 'c']).names == ('a', 'b', 'c')
    assert EdgeFolder(tmp_path / '3').read('a').shape == (3, 4, 6)
    with pytest.raises(FileNotFoundError, match='there is none'):
        EdgeFolder(tmp_path / '4')
