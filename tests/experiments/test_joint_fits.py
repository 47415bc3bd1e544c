"""The commands that fit the constants of the joint labelling: closed forms, and tiny runs."""

import re
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from PIL import Image

from mmsteal.functional.joint.joint_weights import CIRCUMSTANCES, KNOWN, POSITIVE, VOICES
from mmsteal.functional.joint.object_guard import estimate_iou


@pytest.fixture
def root(tmp_path, rng):
    """Every set of the fits with a photograph or two: discs of one color before another."""
    y, x = np.mgrid[:72, :96]
    for number in range(1, 17):
        disc = np.hypot(y - 36, x - 40 - number) < 20
        image = np.where(disc[..., None], (200, 60, 40), (40, 90, 180))
        image = np.clip(image + rng.normal(0, 8, image.shape), 0, 255).astype(np.uint8)
        folder = tmp_path / 'ecssd'
        save(folder / 'images' / f'{number:04}.jpg', image)
        save(folder / 'masks' / f'{number:04}.png', disc * np.uint8(255))
        stem = f'{number:02}'
        save(tmp_path / 'camvid_train367/train' / f'{stem}.png', image)
        save(tmp_path / 'camvid_train367/trainannot' / f'{stem}.png', disc.astype(np.uint8))
        if number > 3:
            continue
        code = np.where(disc[..., None], (1, 0, 0), (2, 0, 0)).astype(np.uint8)
        coco = tmp_path / 'coco128'
        folder = coco / 'panoptic_segmentation/annotations'
        save(folder / f'panoptic_train2017/{stem}.png', code)
        save(coco / f'images/train2017/{stem}.jpg', image)
        colors = np.where(disc[..., None], (128, 0, 0), (0, 128, 0)).astype(np.uint8)
        small = np.where(np.hypot(y - 36, x - 40 - number) < 16, 1, 0)[..., None]
        coarse = np.where((small > 0) | ~disc[..., None], colors, 0).astype(np.uint8)
        msrc = tmp_path / 'msrc_v2'
        save(msrc / f'Images/{stem}.png', image)
        save(msrc / f'GroundTruth/{stem}_GT.png', coarse)
        save(msrc / f'SegmentationsGTHighQuality/{stem}_HQGT.png', colors)
    lines = ''.join(f'{n:02}.png\n' for n in range(1, 17))
    (tmp_path / 'camvid_train367/train.txt').write_text(lines)
    (tmp_path / 'msrc_v2/hq_list.txt').write_text('01\n02\n03\n')
    segments = '[{"id": 1, "category_id": 1}, {"id": 2, "category_id": 2}]'
    items = (f'{{"file_name": "{n:02}.png", "segments_info": {segments}}}' for n in (1, 2, 3))
    text = f'{{"annotations": [{", ".join(items)}]}}'
    (coco / 'panoptic_segmentation/annotations/panoptic_train2017.json').write_text(text)
    return tmp_path


def save(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


def test_photographs_are_the_chosen_ones_spread(script, root):
    images = script('fit_images')
    names = {name: [p.name for p in images.photographs(root, name, 9)] for name in images.SETS}
    assert names == {
        'camvid_train': ['camvid_08'],
        'coco_train': ['coco_01'],
        'ecssd': ['ecssd_0006', 'ecssd_0016'],
        'msrc': ['msrc_01', 'msrc_03'],
    }
    assert [p.name for p in images.photographs(root, 'ecssd', 1)] == ['ecssd_0006']


@pytest.mark.shared_data
@pytest.mark.parametrize('name', ['ecssd', 'msrc'])
def test_no_photograph_is_also_compared(script, shared_data, name):
    if not (shared_data / {'msrc': 'msrc_v2'}.get(name, name)).is_dir():
        pytest.skip(f'no {name} at {shared_data}')
    fitted = {p.name for p in script('fit_images').photographs(shared_data, name, 1000)}
    compared = {p.name for p in script('refinement_rivals').SETS[name](shared_data)}
    assert fitted
    assert not fitted & compared
    if name == 'ecssd':
        assert all(photo.endswith('6') for photo in fitted)


def test_cases_by_direction_and_told_error(script, root):
    images = script('fit_images')
    photos = images.photographs(root, 'ecssd', 2)
    drawn = [case for case, _ in images.draw(photos, (4.0, 32.0), (0.5, 2.0))]
    assert {(c.direction, c.error_px) for c in drawn} <= {
        (d, e * f) for d, e in [('small', 4), ('small', 32), ('large', 4), ('both', 4)]
        for f in (0.5, 2)
    }  # fmt: skip
    assert len(drawn) == 8
    again = [case for case, _ in images.draw(photos, (4.0, 32.0), (0.5, 2.0))]
    assert [c.error_px for c in again] == [c.error_px for c in drawn]
    by_hand = list(images.draw(images.photographs(root, 'msrc', 2), (4.0, 8.0), (0.5, 2.0)))
    assert [(c.direction, c.error_px) for c, _ in by_hand] == [('hand', 4.0), ('hand', 8.0)] * 2


def test_hulls(script, root):
    """A hull covers its object, and is what OpenCV draws."""
    guard = script('fit_joint_guard')
    exact = np.full((40, 50), -1, np.int32)
    exact[5:30, 5:10] = exact[25:30, 5:40] = 0
    exact[35, 45] = 1  # too small to be drawn
    frozen = np.zeros(exact.shape, bool)
    frozen[28:] = True
    case = SimpleNamespace(photo=SimpleNamespace(exact=exact, frozen=frozen, values=(0, 1)))
    given = guard.hulls(case)
    points = np.argwhere(exact == 0)[:, ::-1].astype(np.int32)
    expected = cv2.fillPoly(np.zeros(exact.shape, np.uint8), [cv2.convexHull(points)], 1) > 0
    np.testing.assert_array_equal(given == 0, expected & ~frozen)
    assert not (given == 1).any()


def made_up(guard, rng, count=400, photos=20):
    known = rng.uniform(-1, 1, (count, len(KNOWN)))
    known[:, KNOWN.index('always')] = 1
    known[:, KNOWN.index('change')] = rng.uniform(0.05, 0.5, count)
    expected, given = rng.uniform(0.3, 0.9, (2, count))
    names = np.array([f'p{index % photos}' for index in range(count)])
    group = np.array(['ecssd small', 'msrc hand', 'coco_train both', 'camvid_train large'])
    groups = group[np.arange(count) % 4]
    return guard.Objects(names, groups, np.ones(count), known, expected, given, given.copy())


def test_gain_of_a_known_line(script, rng):
    """Without a decay the regression finds the weights of shares that follow them exactly."""
    guard = script('fit_joint_guard')
    objects = made_up(guard, rng)
    objects.known[:, KNOWN.index('filled')] = rng.uniform(0.1, 1, 400)  # nothing is undone
    true = rng.uniform(-0.05, 0.05, len(KNOWN))
    objects.refined[:] = objects.given + objects.known @ true * objects.known[:, 3]
    every = np.ones(400, bool)
    np.testing.assert_allclose(guard.fit_gain(objects, every, 0), true, atol=1e-6)
    pulled = guard.fit_gain(objects, every, 1e9)
    np.testing.assert_allclose(pulled[1:], 0, atol=1e-6)


def test_changes_backwards(script, rng):
    """What grew shrinks, and what spoke for it speaks against; products follow."""
    guard = script('fit_joint_guard')
    known = rng.uniform(-1, 1, (3, len(KNOWN)))
    main = ('filled', 'promise', 'change', 'growth')
    for name in KNOWN:
        if ' * ' in name:
            first, second = (known[:, KNOWN.index(part)] for part in name.split(' * '))
            known[:, KNOWN.index(name)] = first * second
    undone = dict(zip(KNOWN, guard.backwards(known).T, strict=True))
    for name, column in zip(KNOWN[:10], known.T, strict=False):
        sign = -1 if name in ('promise', 'growth', 'promise_alone') else 1
        np.testing.assert_array_equal(undone[name], sign * column)
    for first in main:
        for second in main[main.index(first) :]:
            product = undone[first] * undone[second]
            np.testing.assert_allclose(undone[f'{first} * {second}'], product)


def test_logit_of_a_known_line(script, rng):
    """The line is that of the guard itself."""
    guard = script('fit_joint_guard')
    objects = made_up(guard, rng)
    objects.refined[:] = estimate_iou(objects.expected)
    line = guard.fit_logit(objects, np.ones(400, bool))
    np.testing.assert_allclose(guard.to_iou(objects.expected, *line), objects.refined, atol=1e-6)


def test_folds_leave_each_photograph_out_once(script, rng):
    guard = script('fit_joint_guard')
    photo = np.array(['a', 'b', 'a', 'c', 'd', 'b'])
    folds = list(guard.left_out(photo, 3))
    np.testing.assert_array_equal(np.sum(folds, axis=0), 1)
    for out in folds:
        assert not set(photo[out]) & set(photo[~out])
    with pytest.raises(SystemExit, match='expected photographs to leave out, but got only'):
        list(guard.left_out(np.array(['a', 'a']), 3))


def test_losses_by_the_least_share(script, rng):
    guard = script('fit_joint_guard')
    objects = made_up(guard, rng, count=4)
    objects.known[:, KNOWN.index('filled')] = 0
    objects.refined[:] = objects.given + np.array([0.1, -0.2, 0.05, -0.04])
    rows = guard.losses(objects, np.array([0.5, 0.15, 0.22, -1.0]))[2:]
    cells = [[c.strip() for c in row.strip('|').split('|')] for row in rows]
    assert cells[0] == ['0', '75', '1 / 1', '10.0 (0.0)', '-20.0 (-20.0)', '5.0 (0.0)', '0.0 (0.0)']
    assert cells[2][:3] == ['0.2', '50', '0 / 0']
    assert cells[4][:3] == ['0.3 (LEAST_GAIN)', '25', '0 / 0']


@pytest.mark.filterwarnings('ignore:An input array is constant')
def test_guard_end_to_end(run_script, script, root, tmp_path, capsys, monkeypatch):
    out = tmp_path / 'out'
    words = ('--root', root, '--out', out, '--images', 2)
    run_script('fit_joint_guard', *words)
    text = capsys.readouterr().out
    table = dict(re.findall(r"^    '(.+)': (-?[\d.]+),$", text, flags=re.MULTILINE))
    assert tuple(table) == KNOWN
    assert re.search(r'^IOU_LOGIT = \(-?[\d.]+, -?[\d.]+\)$', text, flags=re.MULTILINE)
    assert '| set | Spearman | mean error | bias |' in text
    monkeypatch.setattr(script('fit_joint_guard'), 'gather', lambda *_: pytest.fail('made again'))
    run_script('fit_joint_guard', *words)
    assert capsys.readouterr().out == text


def test_weights_end_to_end(run_script, root, tmp_path, capsys):
    run_script(
        'fit_joint_weights', '--root', root, '--out', tmp_path / 'out', '--images', 1,
        '--edges', 'gradient', '--pixels', 60,
    )  # fmt: skip
    text = capsys.readouterr().out
    table = dict(re.findall(r"^    '(\w+)': \((.+)\),$", text, flags=re.MULTILINE))
    assert tuple(table) == VOICES
    assert all(len(row.split(', ')) == len(CIRCUMSTANCES) for row in table.values())


def two_candidates(script, share_true):
    """400 pixels whose two candidates differ in one voice, which speaks against the second."""
    module = script('fit_joint_weights')
    voice = next(index for index, name in enumerate(VOICES) if name not in POSITIVE)
    voices = np.zeros((400, 2, len(VOICES)), np.float32)
    voices[:, 1, voice] = 1
    circumstances = np.zeros((400, len(CIRCUMSTANCES)), np.float32)
    circumstances[:, 0] = 1
    second = np.arange(400) < 400 * share_true
    sample = module.Sample(
        voices, np.tile([0, 1], (400, 1)), np.stack([~second, second], axis=1), circumstances,
        np.ones(400, np.float32), np.zeros(2, int), np.zeros(2, int), np.full(2, 400),
        np.full(2, 0.5),
    )  # fmt: skip
    return module, sample, voice


def test_weights_of_a_known_likelihood(script, monkeypatch):
    """By likelihood alone a weight is the logit of how often a candidate is true."""
    module, sample, voice = two_candidates(script, 0.25)
    monkeypatch.setattr(module, 'LIKELIHOOD', 1e4)
    weights = module.fit(sample, decay=1e-3)
    assert weights[0, voice] == pytest.approx(np.log(3), abs=1e-2)


def test_weights_of_the_best_iou(script, monkeypatch):
    """By IoU alone, what is rarely true is given up."""
    module, sample, voice = two_candidates(script, 0.05)
    monkeypatch.setattr(module, 'LIKELIHOOD', 0)
    assert module.fit(sample, decay=1e-3)[0, voice] > np.log(19)


def test_objects_are_numbered_on(script):
    module, sample, _ = two_candidates(script, 0.5)
    both = module.joined([sample, sample])
    np.testing.assert_array_equal(np.unique(both.objects[400:]), [2, 3])
    assert len(both.area) == 4


def test_error_end_to_end(run_script, root, capsys):
    run_script('fit_joint_error', '--root', root, '--images', 1)
    text = capsys.readouterr().out
    assert re.search(r'^_LARGEST_OVER_MEAN = [\d.]+$', text, flags=re.MULTILINE)
    assert '| ecssd | small | 4.0 |' in text
