"""Whole runs on photographs alone: no edge maps, no model, and a person who checks the result."""

import csv
import html
import json
import os
import re
import shutil
import subprocess

import cv2
import numpy as np
import pytest
from PIL import Image
from scipy import ndimage as ndi

from mmsteal.cli import refine as command
from mmsteal.functional import (
    GeodesicOptions,
    JointOptions,
    gradient_edges,
    refine_label_map,
    refine_objects,
    simulate_coarse_label_map,
)
from mmsteal.functional.refinement.object_refinement import take_back
from mmsteal.label_formats import FormatSpec, LabelError, LabelmeFormat
from mmsteal.label_formats.image_files import read_photo
from mmsteal.refinement import RefineSettings, refine_folder
from mmsteal.refinement.choices import read_choices
from mmsteal.refinement.outline_error import drawn_together
from mmsteal.refinement.set_outlines import sample
from tests.label_formats.helpers import iou, save_json
from tests.refinement.folders import CLASSES, contents, disk

SIZE = (90, 120)


def paint(rng):
    """Exact masks of a disk and a bar, and a photograph of them."""
    masks = {'disk': disk(SIZE, (45 + int(rng.integers(-4, 5)), 32), 24)}
    masks['bar'] = np.zeros(SIZE, bool)
    masks['bar'][15:75, 78:100] = True
    image = np.full((*SIZE, 3), (70, 110, 60), np.float64)
    image[masks['disk']] = (60, 70, 190)
    image[masks['bar']] = (190, 150, 60)
    image = ndi.gaussian_filter(image, (0.7, 0.7, 0)) + rng.normal(0, 10, image.shape)
    return masks, np.clip(image, 0, 255).astype(np.uint8)


@pytest.fixture
def data(tmp_path):
    """Photographs with label PNGs, and with the same as polygons of LabelMe."""
    rng = np.random.default_rng(8)
    root = tmp_path / 'data'
    for folder in ('images', 'labels', 'exact', 'polygons'):
        (root / folder).mkdir(parents=True)
    for name in 'abcd':
        masks, image = paint(rng)
        labels, exact, shapes = np.zeros((2, *SIZE), np.uint8), np.zeros(SIZE, np.uint8), []
        for key, mask in masks.items():
            coarse = ndi.binary_erosion(mask, ndi.generate_binary_structure(2, 1), iterations=4)
            labels[0][coarse], exact[mask] = CLASSES[key], CLASSES[key]
            contours, _ = cv2.findContours(
                coarse.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE
            )
            points = (contours[0][:, 0] + 0.5).tolist()
            shapes.append({'label': key, 'points': points, 'shape_type': 'polygon'})
        cv2.imwrite(str(root / f'images/{name}.png'), image)
        cv2.imwrite(str(root / f'polygons/{name}.png'), image)
        Image.fromarray(labels[0]).save(root / f'labels/{name}.png')
        Image.fromarray(exact).save(root / f'exact/{name}.png')
        save_json(root / f'polygons/{name}.json', {
            'shapes': shapes, 'imagePath': f'{name}.png', 'imageHeight': SIZE[0],
            'imageWidth': SIZE[1],
        })  # fmt: skip
    return root


def settings_of(root, out, **options):
    source = FormatSpec(
        'png',
        str(root / 'labels'),
        {'images': str(root / 'images'), 'background': [0], 'classes': CLASSES},
    )
    return RefineSettings(**{'source': source, 'out_dir': str(out), 'error_px': 8.0, **options})


def run(settings, **options):
    return refine_folder(settings, **{'progress': False, **options})


def labels_of(out, name):
    return np.asarray(Image.open(out / f'labels/{name}.png'))


def parameters_of(out):
    return json.loads((out / 'parameters.json').read_text())


def rows_of(out):
    with open(out / 'report.csv', newline='') as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize('options', [None, GeodesicOptions()])
def test_labels_are_what_the_function_makes(data, tmp_path, options):
    summary = run(settings_of(data, tmp_path, options=options))
    assert (summary.num_done, summary.errors) == (4, {})
    assert summary.objects == {'moved': 8}
    engine = 'joint' if options is None else 'geodesic'
    for name in 'abcd':
        given, photo = np.asarray(Image.open(data / f'labels/{name}.png')), data / 'images'
        objects = np.select([given == 7, given == 9], [0, 1], -1).astype(np.int32)
        image = cv2.imread(str(photo / f'{name}.png'))[..., ::-1]
        chosen = options or JointOptions(**parameters_of(tmp_path)['options'])
        refined, reports = refine_objects(
            objects, None, chosen, image=np.ascontiguousarray(image), background=True, error_px=8
        )
        found = labels_of(tmp_path, name)
        np.testing.assert_array_equal(found, np.array([7, 9, 0])[refined])
        exact = np.asarray(Image.open(data / f'exact/{name}.png'))
        for value, row, report in zip(
            (7, 9), [row for row in rows_of(tmp_path) if row['image'] == name], reports,
            strict=True,
        ):  # fmt: skip
            assert iou(found == value, exact == value) > iou(given == value, exact == value) + 0.1
            assert (row['engine'], row['error_px'], row['status']) == (engine, '8', 'moved')
            assert (row['step'], row['loss_given'], row['num_restored']) == ('', '', '')
            assert float(row['iou_with_given']) == pytest.approx(report.iou_with_given, rel=1e-4)
            if options is None:
                assert float(row['estimated_iou']) == pytest.approx(report.estimated_iou, rel=1e-4)
                assert float(row['offset_px']) == pytest.approx(report.offset_px, rel=1e-4)
                assert float(row['expected_gain']) > 0
            else:
                assert (row['estimated_iou'], row['offset_px']) == ('', '')


def test_at_half_the_size(data, tmp_path):
    run(settings_of(data, tmp_path, scale=0.5))
    for name in 'abcd':
        exact = np.asarray(Image.open(data / f'exact/{name}.png'))
        assert iou(labels_of(tmp_path, name) == 7, exact == 7) > 0.9


def test_workers_do_what_one_process_does(data, tmp_path):
    for number in (0, 1, 2):
        run(settings_of(data, tmp_path / str(number), error_px=None), num_workers=number)
    expected = contents(tmp_path / '0')
    assert contents(tmp_path / '1') == expected
    assert contents(tmp_path / '2') == expected


def test_the_error_is_estimated_and_kept(data, tmp_path, capsys):
    run(settings_of(data, tmp_path, error_px=None))
    assert 'estimated for each image, about' in capsys.readouterr().out
    report = json.loads((tmp_path / 'report.json').read_text())
    typical = report['parameters']['set_error_px']
    assert 2 <= report['error_px']['least'] <= report['error_px']['most'] <= 48
    errors = {row['image']: float(row['error_px']) for row in rows_of(tmp_path)}
    assert len(errors) == 4
    assert min(errors.values()) <= typical <= max(errors.values()) * 1.01
    # Another run takes the same, whatever has changed in the set.
    os.utime(data / 'labels/b.png', ns=(1, 1))
    Image.fromarray(np.zeros(SIZE, np.uint8)).save(data / 'labels/c.png')
    again = run(settings_of(data, tmp_path, error_px=None))
    assert again.num_skipped == 2
    assert 'estimated' not in capsys.readouterr().out
    told = json.loads((tmp_path / 'parameters.json').read_text())
    assert told['set_error_px'] == typical
    with pytest.raises(ValueError, match='error_px: null -> 4'):
        run(settings_of(data, tmp_path, error_px=4.0))


def drawn_again(data, direction, error_px=8.0):
    """The exact labels, outlined as people do."""
    for index, name in enumerate('abcd'):
        exact = np.asarray(Image.open(data / f'exact/{name}.png'))
        coarse = simulate_coarse_label_map(
            exact, error_px, background=0, direction=direction, seed=index
        )
        Image.fromarray(coarse).save(data / f'labels/{name}.png')


@pytest.mark.parametrize(
    ('direction', 'sign', 'side'), [('inside', 1, 'small'), ('outside', -1, 'large')]
)
def test_the_offset_of_the_set_is_the_mean_over_its_images(
    data, tmp_path, capsys, direction, sign, side
):
    drawn_again(data, direction)
    run(settings_of(data, tmp_path))
    found = parameters_of(tmp_path)['options']['set_offset']
    assert sign * found > 0.1
    printed = f'offset of the outlines: drawn too {side} by {abs(found):g} of their error'
    assert printed in capsys.readouterr().out
    offsets = []
    for name in 'abcd':
        given = np.asarray(Image.open(data / f'labels/{name}.png'))
        photo = read_photo(data / f'images/{name}.png')
        refined = refine_label_map(given, image=photo, background=0, error_px=8)
        assert refined.engine == 'joint'
        offsets.append(refined.offset)
        other = refine_label_map(given, image=photo, engine='geodesic', background=0, error_px=8)
        assert other.offset is None
    assert found == pytest.approx(np.mean(offsets), abs=0.0051)
    assert len(set(offsets)) == 4


def test_the_offset_is_kept_and_a_resumed_run_gives_the_same(data, tmp_path, capsys):
    drawn_again(data, 'inside')
    for error_px in (8.0, None):
        out = tmp_path / str(error_px)
        run(settings_of(data, out, error_px=error_px))
        first = contents(out)
        for name in 'bd':
            (out / f'labels/{name}.png').unlink()
        capsys.readouterr()
        assert run(settings_of(data, out, error_px=error_px)).num_skipped == 2
        assert 'of the outlines' not in capsys.readouterr().out
        assert contents(out) == first
        again = run(settings_of(data, out, error_px=error_px), overwrite=True)
        assert again.num_skipped == 0
        assert 'offset of the outlines' in capsys.readouterr().out
        assert contents(out) == first
    # It is that of the run, whatever has become of the set.
    drawn_again(data, 'outside')
    out = tmp_path / '8.0'
    offset = parameters_of(out)['options']['set_offset']
    assert run(settings_of(data, out)).num_skipped == 0
    assert parameters_of(out)['options']['set_offset'] == offset


def test_an_offset_that_somebody_says_is_taken(data, tmp_path, capsys):
    told = settings_of(data, tmp_path, options=JointOptions(set_offset=0.25))
    run(told)
    assert 'offset of' not in capsys.readouterr().out
    assert parameters_of(tmp_path)['options']['set_offset'] == 0.25
    record = (tmp_path / 'reports/a.json').read_bytes()
    other = settings_of(data, tmp_path, options=JointOptions(set_offset=-0.5))
    with pytest.raises(ValueError, match=r'options: .*"set_offset": 0\.25.*"set_offset": -0\.5'):
        run(other)
    assert run(other, overwrite=True).num_skipped == 0
    assert (tmp_path / 'reports/a.json').read_bytes() != record
    assert told.fingerprint() != other.fingerprint()


def test_images_that_speak_for_themselves(data, tmp_path, capsys):
    run(settings_of(data, tmp_path, error_px=None, independent=True))
    assert 'of the outlines' not in capsys.readouterr().out
    found = parameters_of(tmp_path)
    assert (found['set_error_px'], found['options']['set_offset']) == (None, None)
    given = np.asarray(Image.open(data / 'labels/a.png'))
    photo = read_photo(data / 'images/a.png')
    errors = {row['image']: float(row['error_px']) for row in rows_of(tmp_path)}
    expected = refine_label_map(given, image=photo, background=0, error_px=errors['a'])
    np.testing.assert_array_equal(labels_of(tmp_path, 'a'), expected.label_map)
    with pytest.raises(ValueError, match='independent: true -> false'):
        run(settings_of(data, tmp_path, error_px=None))


def test_two_images_are_no_set(data, tmp_path):
    for name in 'cd':
        (data / f'labels/{name}.png').unlink()
        (data / f'images/{name}.png').write_bytes(b'no picture')
    run(settings_of(data, tmp_path))
    assert parameters_of(tmp_path)['options']['set_offset'] is None


def test_the_offset_is_measured_at_the_size_of_the_run(data, tmp_path):
    """Edge maps at half the size."""
    (data / 'edges').mkdir()
    for name in 'abcd':
        small = cv2.resize(read_photo(data / f'images/{name}.png'), None, fx=0.5, fy=0.5)
        cv2.imwrite(str(data / f'edges/{name}.png'), np.rint(gradient_edges(small) * 255))
    told = dict(edges=str(data / 'edges'))
    offsets = []
    for scale in (None, 0.5, 1.0):
        out = tmp_path / str(scale)
        assert run(settings_of(data, out, scale=scale, **told)).num_done == 4
        offsets.append(parameters_of(out)['options']['set_offset'])
    assert offsets[0] == offsets[1] != offsets[2]


@pytest.mark.parametrize('number', [0, 3, 30, 31, 95])
def test_images_that_are_looked_at_are_spread_over_the_set(number):
    found = sample(range(number))
    assert found == sorted(set(found))
    assert len(found) == min(number, 30)
    assert found[:1] == list(range(number))[:1]
    assert set(np.diff(found)) <= {number // 30, number // 30 + 1}


def test_errors_of_image_and_set_meet_half_way():
    assert drawn_together(4.0, 16.0) == pytest.approx(8)
    assert drawn_together(None, 5.0) == pytest.approx(5)
    assert drawn_together(3.0, None) == pytest.approx(3)
    assert drawn_together(None, None) == 8


def test_another_photograph_is_done_again(data, tmp_path):
    run(settings_of(data, tmp_path))
    before = labels_of(tmp_path, 'b').copy()
    path = data / 'images/b.png'
    cv2.imwrite(str(path), np.full((*SIZE, 3), 90, np.uint8))
    assert run(settings_of(data, tmp_path)).num_skipped == 3
    assert (labels_of(tmp_path, 'b') != before).any()


@pytest.mark.parametrize('changed', [0, 1])
def test_each_edge_map_counts(data, tmp_path, changed):
    for name in 'abcd':
        edge = gradient_edges(read_photo(data / f'images/{name}.png'))
        for folder in ('disk', 'bar'):
            (data / 'edges' / folder).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(data / f'edges/{folder}/{name}.png'), np.rint(edge * 255))
    settings = settings_of(
        data, tmp_path, edges=str(data / 'edges'), edge_names=('bar', 'disk'),
        class_map={'sky': 'none'},
    )  # fmt: skip
    run(settings)
    folder = ('bar', 'disk')[changed]
    cv2.imwrite(str(data / f'edges/{folder}/c.png'), np.zeros(SIZE, np.uint8))
    assert run(settings).num_skipped == 3


def test_a_photograph_that_cannot_be_read_is_named(data, tmp_path):
    content = (data / 'images/b.png').read_bytes()
    (data / 'images/b.png').write_bytes(content[: len(content) // 4])
    (data / 'images/c.png').write_bytes(b'no picture')
    cv2.imwrite(str(data / 'images/d.png'), np.zeros((40, 120, 3), np.uint8))
    summary = run(settings_of(data, tmp_path))
    assert set(summary.errors) >= {'c', 'd'}
    assert 'images/c.png: cannot read the image' in summary.errors['c']
    assert 'size of the image' in summary.errors['d']
    assert summary.num_done == 4 - len(summary.errors)
    assert (tmp_path / 'labels/a.png').exists()


@pytest.mark.parametrize('kind', ['grey', 'alpha', 'palette', 'deep', 'turned', 'half turn'])
def test_photographs_of_any_kind(tmp_path, kind, rng):
    pixels = rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)
    path, expected = tmp_path / 'a.png', pixels
    if kind == 'grey':
        Image.fromarray(pixels[..., 0]).save(path)
        expected = np.repeat(pixels[..., :1], 3, axis=2)
    elif kind == 'alpha':
        Image.fromarray(np.dstack([pixels, pixels[..., 0]])).save(path)
    elif kind == 'palette':
        picture = Image.fromarray(pixels).quantize(16)
        picture.save(path)
        expected = np.asarray(picture.convert('RGB'))
    elif kind == 'deep':
        cv2.imwrite(str(path), pixels[..., ::-1].astype(np.uint16) * 257)
    else:
        exif = Image.Exif()
        exif[0x0112] = 6 if kind == 'turned' else 3
        Image.fromarray(pixels).save(path, exif=exif)
        expected = np.rot90(pixels, -1) if kind == 'turned' else pixels[::-1, ::-1]
    np.testing.assert_array_equal(read_photo(path), expected)
    path.write_bytes(b'')
    with pytest.raises(LabelError, match='cannot read the image'):
        read_photo(path)


def run_command(*words):
    with pytest.raises(SystemExit) as left:
        command.main([str(word) for word in words])
    return left.value.code


def test_polygons_of_labelme_without_any_model(data, tmp_path, capsys):
    out = tmp_path / 'out'
    words = ['--format', 'labelme', '--labels', data / 'polygons', '--out', out, '--workers', '0']
    assert run_command(*words) == 0
    printed = capsys.readouterr().out
    assert 'edge maps: gradient' in printed
    assert 'error of the outlines: estimated' in printed
    assert '4 of 4 images done' in printed
    written = LabelmeFormat(out / 'labels', images=data / 'polygons')
    for item in written.items():
        annotation = written.read(item)
        exact = np.asarray(Image.open(data / f'exact/{item.name}.png'))
        for index, entry in enumerate(annotation.objects):
            truth = exact == CLASSES[str(entry.name)]
            assert iou(annotation.object_map == index, truth) > 0.85
    for engine in ('geodesic', 'level_set'):
        other = [*words[:5], tmp_path / engine, *words[6:], '--engine', engine, '--error-px', '8']
        assert run_command(*other) == 0
        assert {row['engine'] for row in rows_of(tmp_path / engine)} == {engine}
    capsys.readouterr()
    assert 'JointOptions' in run_command(*words, '--options', 'min_gain=1', '--overwrite')
    assert run_command(*words, '--options', 'smoothness=1', '--overwrite') == 0
    parameters = json.loads((out / 'parameters.json').read_text())
    assert (parameters['engine'], parameters['options']['smoothness']) == ('joint', 1)


def choices_of(page):
    """What the page asks about: keys as the browser reads them."""
    return [json.loads(html.unescape(key)) for key in re.findall(r'data-key="([^"]*)"', page)]


def test_what_is_rejected_gets_its_label_back(data, tmp_path):
    out = tmp_path / 'out'
    run(settings_of(data, out))
    page = (out / 'contact_sheet.html').read_text()
    keys = choices_of(page)
    assert len(keys) == page.count('<img') == 8
    assert page.count('type="radio"') == 16
    assert 'disk</span>' in page  # the legend
    assert 'data-file="choices.json"' in page
    # The most doubtful image comes first, and its most doubtful object
    estimates = {(row['image'], int(row['object'])): float(row['estimated_iou'])
                 for row in rows_of(out)}  # fmt: skip
    shown = [estimates[key['image'], key['object']] for key in keys]
    assert shown[0] == min(estimates.values())
    assert shown[0::2] == sorted(shown[0::2])
    assert all(a <= b for a, b in zip(shown[0::2], shown[1::2], strict=True))
    first = contents(out)
    choices = [
        {**key, 'verdict': 'reject' if (key['image'], key['class']) == ('b', 'disk') else 'accept'}
        for key in keys
    ]
    (tmp_path / 'choices.json').write_text(json.dumps({'choices': choices}))
    rejected = read_choices(tmp_path / 'choices.json')
    assert rejected == {'b': ((0, 'disk'),)}
    again = run(settings_of(data, out, choices=rejected))
    assert (again.num_skipped, again.objects) == (3, {'moved': 7, 'rejected: by choice': 1})
    given = np.asarray(Image.open(data / 'labels/b.png'))
    found = labels_of(out, 'b')
    np.testing.assert_array_equal(found == 7, given == 7)
    assert ((found == 9) != (given == 9)).any()
    (row,) = [row for row in rows_of(out) if (row['image'], row['class']) == ('b', 'disk')]
    assert (row['status'], row['reason'], row['iou_with_given']) == ('rejected', 'by choice', '1')
    assert row['area_before'] == row['area_after'] == str((given == 7).sum())
    assert len(choices_of((out / 'contact_sheet.html').read_text())) == 7
    # The same once more does nothing; without the choices all is as at first.
    assert run(settings_of(data, out, choices=rejected)).num_skipped == 4
    run(settings_of(data, out))
    assert contents(out) == first


def test_choices_of_something_else_are_refused(data, tmp_path):
    with pytest.raises(FileNotFoundError, match='choices of a contact sheet'):
        read_choices(tmp_path / 'none.json')
    path = tmp_path / 'choices.json'
    for content in ('', '[]', '{"choices": [{"image": "a"}]}',
                    '{"choices": [{"verdict": "maybe"}]}'):  # fmt: skip
        path.write_text(content)
        with pytest.raises(ValueError, match='save them with the button'):
            read_choices(path)
    with pytest.raises(ValueError, match='but got zebra; take the choices of this set'):
        run(settings_of(data, tmp_path / 'out', choices={'zebra': ((0, 'disk'),)}))
    assert not (tmp_path / 'out').exists()
    choices = {'a': ((1, 'disk'),), 'b': ((5, 'disk'),)}
    summary = run(settings_of(data, tmp_path / 'out', choices=choices))
    assert "have 'bar' there" in summary.errors['a']
    assert '2 objects there' in summary.errors['b'] or '3 objects there' in summary.errors['b']
    assert summary.num_done == 2


def test_ground_that_a_rejected_object_had_won_goes_back():
    given = np.array([[0, 0, 1, 1, 1, -1, 2, 2]], np.int32).repeat(4, axis=0)
    refined = np.array([[0, 0, 0, 0, 1, 1, 1, 2]], np.int32).repeat(4, axis=0)
    image = np.zeros((4, 8, 3), np.uint8)
    _, objects = refine_objects(given, image=image, engine='geodesic', error_px=1)
    taken, after = take_back(given, refined, objects, [0])
    np.testing.assert_array_equal(taken[0], [0, 0, 1, 1, 1, 1, 1, 2])
    assert [entry.area_refined for entry in after[:2]] == [8, 20]
    assert (after[0].status, after[0].reason) == ('rejected', 'by choice')
    assert after[1].iou_with_given == pytest.approx(12 / 20)


CLICKS = """
<script>
URL.createObjectURL = blob => { blob.text().then(text => {
  const shown = document.createElement('pre');
  shown.id = 'saved'; shown.textContent = text; document.body.append(shown);
}); return '#'; };
const choices = document.querySelectorAll('.choice');
choices[0].querySelector('[value=reject]').click();
choices[1].querySelector('[value=reject]').click();
choices[1].querySelector('[value=accept]').click();
document.querySelector('button').click();
</script>
"""


def test_the_button_saves_what_is_ticked(data, tmp_path):
    browser = shutil.which('chromium') or shutil.which('google-chrome')
    if browser is None:
        pytest.skip('no Chromium')
    run(settings_of(data, tmp_path / 'out'))
    page = (tmp_path / 'out/contact_sheet.html').read_text()
    (tmp_path / 'page.html').write_text(page.replace('</body>', f'{CLICKS}</body>'))
    shown = subprocess.run(
        [browser, '--headless', '--no-sandbox', '--disable-gpu', '--virtual-time-budget=3000',
         f'--user-data-dir={tmp_path / "profile"}', '--dump-dom', str(tmp_path / 'page.html')],
        capture_output=True, text=True, check=True, timeout=120,
    ).stdout  # fmt: skip
    saved = html.unescape(shown.split('<pre id="saved">')[1].split('</pre>')[0])
    first, second = choices_of(page)[:2]
    assert json.loads(saved) == {
        'choices': [{**first, 'verdict': 'reject'}, {**second, 'verdict': 'accept'}]
    }
    (tmp_path / 'choices.json').write_text(saved)
    rejected = read_choices(tmp_path / 'choices.json')
    assert rejected == {first['image']: ((first['object'], first['class']),)}
