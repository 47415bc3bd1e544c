"""`mmsteal compare` as a person runs it."""

import csv
import json
import re

import numpy as np
import pytest
from PIL import Image

from mmsteal.cli.dispatch import main
from tests.comparison.test_compare_labels import maps, rectangle, write_labelme, write_maps

OPTIONS = [
    '--format',
    'png',
    '--format-options',
    'background=0',
    'classes.car=1',
    'classes.light=2',
]


@pytest.fixture
def folders(tmp_path):
    """Labels two pixels off, exact ones, labels four pixels off."""
    return [
        write_maps(tmp_path / name, maps(shift=shift))
        for name, shift in (('refined', 2), ('exact', 0), ('coarse', 4))
    ]


def run(capsys, *words):
    """Exit status, what was printed, and what went to stderr."""
    with pytest.raises(SystemExit) as left:
        main(['compare', *map(str, words), '--workers', '1'])
    printed = capsys.readouterr()
    return left.value.code, printed.out, printed.err


def rows_of(printed, first):
    """The lines of a table by their first cell."""
    lines = [re.split(r' *\| *', line.strip('| ')) for line in printed.splitlines() if '|' in line]
    start = next(index for index, line in enumerate(lines) if line[0] == first)
    found = {}
    for line in lines[start + 1 :]:
        if line[0] in ('class', 'image'):
            break
        found[line[0]] = dict(zip(lines[start], line, strict=True))
    return found


def test_table_of_classes_and_images(folders, capsys):
    status, printed, _ = run(capsys, *folders[:2], *OPTIONS)
    assert status == 0
    assert '2 images of' in printed
    assert 'F within 2 px' in printed
    classes = rows_of(printed, 'class')
    assert list(classes) == ['car', 'light', 'mean']
    assert classes['light'] == {
        'class': 'light', 'IoU': '100.0', 'distance, px': '0.00', 'boundary F': '100.0',
        'images': '1',
    }  # fmt: skip
    assert float(classes['car']['IoU']) == pytest.approx(100 * 14 / 18, abs=0.05)
    images = rows_of(printed, 'image')
    assert list(images) == ['b', 'a']
    assert images['b']['worst class'] == 'car 77.8'
    _, printed, _ = run(capsys, *folders[:2], *OPTIONS, '--worst', 0)
    assert 'worst' not in printed


def test_is_it_better(folders, capsys):
    refined, exact, coarse = folders
    status, printed, _ = run(capsys, refined, exact, '--baseline', coarse, *OPTIONS)
    assert status == 0
    assert 'since before 2 images got better, 0 got worse, 0 are the same' in printed
    assert 'that got worse' not in printed
    car = rows_of(printed, 'class')['car']
    before, now, change = (float(car[key]) for key in ('IoU before', 'IoU', 'change'))
    assert (before, now) == (60.0, 77.8)
    assert change == pytest.approx(now - before, abs=0.11)
    _, printed, _ = run(capsys, coarse, exact, '--baseline', refined, *OPTIONS)
    assert list(rows_of(printed.split('images that got worse:')[1], 'image')) == ['b', 'a']


def test_files_have_all_numbers(folders, tmp_path, capsys):
    refined, exact, coarse = folders
    files = [tmp_path / 'out/a.csv', tmp_path / 'out/a.json']
    run(capsys, refined, exact, '--baseline', coarse, *OPTIONS, '--out', *files)
    rows = list(csv.DictReader(files[0].open()))
    assert [(row['image'], row['class']) for row in rows] == [
        ('all images', 'car'), ('all images', 'light'), ('a', 'car'), ('a', 'light'), ('b', 'car'),
    ]  # fmt: skip
    assert float(rows[4]['iou']) == pytest.approx(14 / 18, abs=1e-6)
    assert float(rows[4]['baseline_iou']) == pytest.approx(12 / 20, abs=1e-6)
    content = json.loads(files[1].read_text())
    assert content['images'] == 2
    assert content['classes'][0]['iou'] == float(rows[0]['iou'])
    assert len(content['per_image']) == 3
    assert content['not_compared'] == {}


def test_status_tells_of_what_could_not_be_compared(folders, tmp_path, capsys):
    refined, exact, _ = folders
    for index in range(25):
        Image.fromarray(np.ones((4, 4), np.uint8)).save(refined / f'small{index:02d}.png')
        Image.fromarray(np.ones((5, 4), np.uint8)).save(exact / f'small{index:02d}.png')
    status, printed, told = run(capsys, refined, exact, *OPTIONS, '--out', tmp_path / 'a.json')
    assert status == 1
    assert '2 images of' in printed
    assert len(re.findall(r'not compared: small\d\d: .*expected the size', told)) == 20
    assert 'not compared: ... 25 in all' in told
    assert len(json.loads((tmp_path / 'a.json').read_text())['not_compared']) == 25


def test_other_format_and_a_sample(folders, tmp_path, capsys):
    write_labelme(tmp_path / 'checked', {'b': [rectangle('Car', 5, 19, 4, 20)]})
    status, printed, _ = run(
        capsys, folders[1], tmp_path / 'checked', *OPTIONS, '--reference-format', 'labelme'
    )
    assert status == 0
    assert '1 images of' in printed
    assert '1 more images are not in the reference' in printed
    assert rows_of(printed, 'class')['Car']['IoU'] == '100.0'


def test_notes_on_classes_and_ignored_pixels(folders, tmp_path, capsys):
    refined, exact, _ = folders
    labels = np.asarray(Image.open(refined / 'a.png')).copy()
    labels[:3] = 255
    Image.fromarray(labels).save(refined / 'a.png')
    options = ['--format', 'png', '--format-options', 'background=0', 'classes.car=1']
    _, printed, _ = run(
        capsys, refined, exact, *options, 'classes.pole=2',
        '--reference-format-options', 'classes.car=1', 'classes.tree=2',
    )  # fmt: skip
    assert 'since the reference does not know them: pole' in printed
    assert 'the labels do not know them: tree' in printed
    assert 'the labels ignore 5.00 % of the pixels' in printed


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['nowhere', 'exact'], 'Expected labels at .*nowhere'),
        (['refined', 'exact', '--baseline', 'nowhere'], 'Expected labels at .*nowhere'),
        (['refined', 'exact', '--tolerance-px', '-1'], '`tolerance_px`'),
        (['refined', 'exact', '--classes', 'bus'], 'but got bus'),
        (['refined', 'exact', '--out', 'a.txt'], r'\.csv or \.json'),
        (['refined', 'exact', '--worst', '-1'], '--worst to be at least 0'),
        (['refined', 'exact', '--reference-format-options', 'bakground=0'], 'bakground'),
        (['refined', 'empty'], 'one name in all of the labels'),
    ],
)
def test_mistakes_are_named(folders, tmp_path, monkeypatch, capsys, words, message):
    (tmp_path / 'empty').mkdir()
    monkeypatch.chdir(tmp_path)
    status, *_ = run(capsys, *words, *OPTIONS)
    assert re.match(f'error: (.|\n)*{message}', status)
