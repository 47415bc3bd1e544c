"""tools/simulate_coarse_labels.py: the files are the simulation."""

import csv
import runpy
import sys
import zlib
from unittest import mock

import numpy as np
import pytest
from PIL import Image

from mmsteal.cli import simulate_coarse_labels
from mmsteal.functional import simulate_coarse_objects
from mmsteal.label_formats import LabelmeFormat
from tests.conftest import REPO
from tests.label_formats.helpers import save_json, write_image


def square(left, top, right, bottom):
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


def test_polygons_show_the_simulation_and_no_road_beneath(tmp_path):
    size = (100, 200)
    write_image(tmp_path / 'in' / 'a.jpg', size)
    shapes = [
        {'label': label, 'points': points, 'shape_type': 'polygon', 'group_id': None}
        for label, points in (
            ('road', square(0, 0, 199, 99)),
            ('car', square(60, 30, 140, 99)),
        )
    ]
    document = {'shapes': shapes, 'imagePath': 'a.jpg', 'imageHeight': 100, 'imageWidth': 200}
    save_json(tmp_path / 'in' / 'a.json', document)
    words = [
        '--format', 'labelme', '--labels', tmp_path / 'in', '--error-px', 16,
        '--out', tmp_path / 'out',
    ]  # fmt: skip
    with (
        mock.patch.object(sys, 'argv', ['simulate_coarse_labels.py', *map(str, words)]),
        pytest.raises(SystemExit) as left,
    ):
        runpy.run_path(str(REPO / 'tools/simulate_coarse_labels.py'), run_name='__main__')
    assert left.value.code == 0
    source = LabelmeFormat(tmp_path / 'in')
    annotation = source.read(source.items()[0])
    coarse, clicks = simulate_coarse_objects(annotation.object_map, 16)
    # The road lies beneath all of the car, whose outline lost pixels to nobody.
    assert ((coarse < 0) & (annotation.object_map == 1)).sum() > 1000
    written = LabelmeFormat(tmp_path / 'out' / '16px', images=tmp_path / 'in')
    np.testing.assert_array_equal(written.read(written.items()[0]).object_map, coarse)
    with open(tmp_path / 'out' / 'clicks.csv') as file:
        (row,) = csv.DictReader(file)
    assert (row['image'], row['objects'], row['clicks']) == ('a', '2', str(sum(clicks)))


def test_outlines_that_err_both_ways(tmp_path):
    write_image(tmp_path / 'in' / 'a.jpg', (100, 200))
    shape = {'label': 'car', 'points': square(60, 30, 140, 70), 'shape_type': 'polygon'}
    document = {'shapes': [shape], 'imagePath': 'a.jpg', 'imageHeight': 100, 'imageWidth': 200}
    save_json(tmp_path / 'in' / 'a.json', document)
    source = LabelmeFormat(tmp_path / 'in')
    exact = source.read(source.items()[0]).object_map
    for direction, seed in (('outside', 0), ('both', 0), ('both', 1)):
        out = tmp_path / f'{direction}{seed}'
        with pytest.raises(SystemExit) as left:
            simulate_coarse_labels.main([
                '--format', 'labelme', '--labels', str(tmp_path / 'in'), '--error-px', '8',
                '--direction', direction, '--seed', str(seed), '--out', str(out),
            ])  # fmt: skip
        assert left.value.code == 0
        written = LabelmeFormat(out / '8px', images=tmp_path / 'in')
        expected, _ = simulate_coarse_objects(
            exact, 8, direction=direction, seed=zlib.crc32(f'{seed} a'.encode())
        )
        found = written.read(written.items()[0]).object_map
        np.testing.assert_array_equal(found, expected)
        assert ((found == 0) & (exact < 0)).sum() > 50


def test_classes_of_label_maps_are_named(tmp_path):
    """Other values are refused, as where the labels are refined."""
    labels = np.zeros((60, 80), np.uint8)
    labels[10:40, 10:60] = 7
    for name, values in (('a', labels), ('b', labels + 1)):
        write_image(tmp_path / 'images' / f'{name}.jpg', labels.shape)
        (tmp_path / 'labels').mkdir(exist_ok=True)
        Image.fromarray(values).save(tmp_path / 'labels' / f'{name}.png')
    words = [
        '--format', 'png', '--format-options', 'background=0', 'classes.car=7', '--labels',
        tmp_path / 'labels', '--images', tmp_path / 'images', '--error-px', 4, '--out',
        tmp_path / 'out',
    ]  # fmt: skip
    with pytest.raises(SystemExit) as left:
        simulate_coarse_labels.main(list(map(str, words)))
    assert left.value.code == 1
    assert [path.name for path in (tmp_path / 'out/4px').iterdir()] == ['a.png']
