"""The demo set: layout, exact and noisy labels, splits that do not meet, writing whole."""

import hashlib
import json
import socket

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage as ndi

from mmsteal.datasets.demo_set import (
    CLASSES,
    PALETTE,
    draw_instance_edges,
    photographs,
    preview_demo_set,
    write_demo_set,
    writing,
)
from mmsteal.datasets.demo_set.painter import Painter

PARAMETERS = {'num_train': 6, 'num_val': 3, 'size': (96, 128), 'noise_px': 3}


def read(file):
    return np.asarray(Image.open(file))


def digests(root):
    files = sorted(file for file in root.rglob('*') if file.is_file())
    return {
        str(file.relative_to(root)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files
    }


@pytest.fixture(scope='module')
def demo(tmp_path_factory):
    root = tmp_path_factory.mktemp('demo') / 'set'
    with pytest.MonkeyPatch.context() as patch:
        # The photographs come with scikit-image: no network.
        def refuse(*args, **kwargs):
            raise OSError('no network in this test')

        patch.setattr(socket, 'socket', refuse)
        patch.setattr(socket, 'getaddrinfo', refuse)
        meta = write_demo_set(root, **PARAMETERS)
    return root, meta


def test_layout(demo):
    root, meta = demo
    names = {
        'train': [f'train_{index:04d}' for index in range(6)],
        'val': [f'val_{index:04d}' for index in range(3)],
    }
    expected = {'meta.json', 'preview.png'}
    for split, stems in names.items():
        expected |= {f'images/{split}/{stem}.jpg' for stem in stems}
        expected |= {f'{kind}/{split}/{s}.png' for kind in ('labels', 'instances') for s in stems}
    for kind in ('noisy_labels', 'noisy_instances'):
        expected |= {f'{kind}/train/{stem}.png' for stem in names['train']}
    assert set(digests(root)) == expected
    assert json.loads((root / 'meta.json').read_text()) == meta
    assert [item.name for item in root.parent.iterdir()] == [root.name]
    assert meta['classes'] == list(CLASSES)
    assert meta['parameters']['seed'] == 0


def test_maps_fit_each_other(demo):
    root, meta = demo
    counts = {'train': np.zeros(len(CLASSES), int), 'val': np.zeros(len(CLASSES), int)}
    files = sorted((root / 'images').rglob('*.jpg'))
    for file in files:
        split, stem = file.parent.name, file.stem
        image = read(file)
        assert image.shape == (96, 128, 3)
        assert image.std() > 10
        for prefix in ('', 'noisy_') if split == 'train' else ('',):
            label_file = Image.open(root / f'{prefix}labels' / split / f'{stem}.png')
            assert label_file.mode == 'P'
            assert label_file.getpalette()[3:18] == [v for color in PALETTE for v in color]
            labels = np.asarray(label_file)
            instances = read(root / f'{prefix}instances' / split / f'{stem}.png')
            assert labels.shape == instances.shape == (96, 128)
            assert labels.dtype == np.uint8
            assert instances.dtype == np.uint16
            np.testing.assert_array_equal(labels == 0, instances == 0)
            assert labels.max() <= len(CLASSES)
            ids = np.unique(instances[instances > 0])
            for instance in ids:
                assert len(np.unique(labels[instances == instance])) == 1
            if not prefix:
                assert ids.tolist() == list(range(1, len(ids) + 1))
                assert len(ids) >= 1
                for instance in ids:
                    mask = instances == instance
                    assert mask.sum() >= 0.006 * 96 * 128
                    counts[split][labels[mask][0] - 1] += 1
    for split, count in counts.items():
        statistics = meta['statistics'][split]
        assert statistics['objects_per_class'] == dict(zip(CLASSES, count.tolist(), strict=True))


def test_noise_is_as_stated(demo):
    root, meta = demo
    cross = ndi.generate_binary_structure(2, 1)
    worst, distances, wrong = 0.0, [], []
    for file in sorted((root / 'noisy_instances' / 'train').iterdir()):
        noisy, exact = read(file), read(root / 'instances' / 'train' / file.name)
        labels = [read(root / kind / 'train' / file.name) for kind in ('labels', 'noisy_labels')]
        wrong.append((labels[0] != labels[1]).mean())
        for instance in range(1, exact.max() + 1):
            mask, coarse = exact == instance, noisy == instance
            if not coarse.any():
                continue
            edge, coarse_edge = (
                m & ~ndi.binary_erosion(m, cross, border_value=1) for m in (mask, coarse)
            )
            distances.append(ndi.distance_transform_edt(~edge)[coarse_edge])
            worst = max(worst, distances[-1].max())
    stated = meta['statistics']['noisy_labels']
    assert stated['mean_px_noisy_to_exact'] == pytest.approx(
        np.concatenate(distances).mean(), abs=1e-3
    )
    assert stated['max_px_noisy_to_exact'] == pytest.approx(worst, abs=1e-3)
    assert 0.25 * 3 < stated['mean_px_noisy_to_exact'] < 0.75 * 3
    assert stated['wrong_pixels'] == pytest.approx(np.mean(wrong), abs=1e-4)
    assert 0.5 < stated['mean_iou'] < 0.95


def test_labels_follow_the_pictures(demo):
    # Pictures change more across a labelled boundary than at places chosen without looking.
    root, _ = demo
    across, elsewhere = [], []
    for file in sorted((root / 'images').rglob('*.jpg')):
        gray = read(file).astype(float).mean(2)
        instances = read(root / 'instances' / file.parent.name / f'{file.stem}.png').astype(int)
        step = np.abs(gray[:, 2:-1] - gray[:, 1:-2])
        change = instances[:, 2:-1] != instances[:, 1:-2]
        across.append(step[change])
        elsewhere.append(step[np.roll(change, 11, axis=0) & ~change])
    assert np.concatenate(across).mean() > 1.5 * np.concatenate(elsewhere).mean()


def test_same_parameters_are_a_no_op(demo):
    root, meta = demo
    before = {file: file.stat().st_mtime_ns for file in root.rglob('*')}
    assert write_demo_set(str(root), **PARAMETERS) == meta
    assert {file: file.stat().st_mtime_ns for file in root.rglob('*')} == before


def test_deterministic_and_prefix_stable(demo, tmp_path):
    root, _ = demo
    (tmp_path / 'again').mkdir()  # an empty folder may be there already
    write_demo_set(tmp_path / 'again', **PARAMETERS)
    assert digests(tmp_path / 'again') == digests(root)

    write_demo_set(tmp_path / 'short', **{**PARAMETERS, 'num_train': 2, 'num_val': 1})
    short, full = digests(tmp_path / 'short'), digests(root)
    pictures = [name for name in short if '/' in name]
    assert len(pictures) == 2 * 5 + 1 * 3
    assert all(short[name] == full[name] for name in pictures)

    write_demo_set(tmp_path / 'seed', **{**PARAMETERS, 'num_train': 2, 'num_val': 1, 'seed': 1})
    seed = digests(tmp_path / 'seed')
    assert all(seed[name] != full[name] for name in pictures)


def test_no_noise_gives_the_exact_labels(tmp_path):
    meta = write_demo_set(tmp_path / 'set', num_train=2, num_val=1, size=(64, 64), noise_px=0)
    files = digests(tmp_path / 'set')
    for name in [name for name in files if name.startswith('noisy_')]:
        assert files[name] == files[name.removeprefix('noisy_')]
    assert meta['statistics']['noisy_labels']['mean_px_exact_to_noisy'] == 0


def test_other_parameters_need_overwrite(tmp_path):
    root = tmp_path / 'set'
    small = {'num_train': 1, 'num_val': 1, 'size': (64, 64)}
    write_demo_set(root, **small)
    before = digests(root)
    with pytest.raises(FileExistsError, match=r"'seed': 0.*'seed': 5.*overwrite=True"):
        write_demo_set(root, **small, seed=5)
    assert digests(root) == before
    meta = write_demo_set(root, **small, seed=5, overwrite=True)
    assert meta['parameters']['seed'] == 5
    assert digests(root) != before
    assert [item.name for item in tmp_path.iterdir()] == ['set']


@pytest.mark.parametrize('overwrite', [False, True])
def test_other_content_is_never_replaced(tmp_path, overwrite):
    root = tmp_path / 'mine'
    root.mkdir()
    (root / 'meta.json').write_text('{"mine": 1}')
    with pytest.raises(FileExistsError, match='not a demo set'):
        write_demo_set(root, num_train=1, num_val=1, overwrite=overwrite)
    assert [file.name for file in root.iterdir()] == ['meta.json']
    with pytest.raises(FileExistsError, match='not a demo set'):
        write_demo_set(root / 'meta.json', num_train=1, num_val=1, overwrite=overwrite)


@pytest.mark.parametrize('existing', [False, True])
def test_nothing_is_left_of_a_failed_run(tmp_path, monkeypatch, existing):
    small = {'num_train': 1, 'num_val': 1, 'size': (64, 64)}
    if existing:
        write_demo_set(tmp_path / 'set', **small)
    before = digests(tmp_path)

    def fail(root):
        raise KeyboardInterrupt

    monkeypatch.setattr(writing, 'preview_demo_set', fail)
    with pytest.raises(KeyboardInterrupt):
        write_demo_set(tmp_path / 'set', **small, seed=3, overwrite=True)
    assert digests(tmp_path) == before
    assert (tmp_path / 'set').exists() == existing


def test_a_race_for_the_same_set_is_settled(tmp_path, monkeypatch):
    small = {'num_train': 1, 'num_val': 1, 'size': (64, 64)}
    write_files = writing._write_files

    def slow(root, parameters):
        meta = write_files(root, parameters)
        monkeypatch.setattr(writing, '_write_files', write_files)
        write_demo_set(tmp_path / 'set', **small)  # somebody else is done first
        return meta

    monkeypatch.setattr(writing, '_write_files', slow)
    meta = write_demo_set(tmp_path / 'set', **small)
    assert json.loads((tmp_path / 'set' / 'meta.json').read_text()) == meta
    assert [item.name for item in tmp_path.iterdir()] == ['set']


def test_splits_use_parts_that_do_not_meet():
    sources = (*photographs.TEXTURES.values(), *photographs.BACKGROUNDS)
    for source in sources:
        if source.photo == 'coins':
            continue
        left, top, right, bottom = source.train
        other_left, other_top, other_right, other_bottom = source.val
        apart_x = right < other_left or other_right < left
        apart_y = bottom < other_top or other_bottom < top
        assert apart_x or apart_y, source.photo
    painter = Painter((64, 64))
    train, val = painter._coins['train'], painter._coins['val']
    assert len(train) + len(val) == 24
    assert len(val) >= 6
    for one in train:
        for other in val:
            gap = np.hypot(*(one.mean(0) - other.mean(0)))
            reach = (
                np.hypot(*(one - one.mean(0)).T).max() + np.hypot(*(other - other.mean(0)).T).max()
            )
            assert gap > reach


def test_preview(demo):
    root, _ = demo
    sheet = read(root / 'preview.png')
    np.testing.assert_array_equal(sheet, preview_demo_set(root))
    assert sheet.shape == (64 + 3 * (2 * 96 + 6), 2 * 3 * (2 * 128 + 6), 3)
    assert preview_demo_set(root, num_images=1).shape[0] == 64 + 2 * 96 + 6


def test_draw_instance_edges():
    image = np.full((20, 30, 3), 100, np.uint8)
    instances = np.zeros((20, 30), np.uint16)
    instances[5:15, 5:15], instances[5:15, 15:25] = 7, 9
    labels = np.where(instances == 7, 1, np.where(instances == 9, 3, 0)).astype(np.uint8)
    drawn = draw_instance_edges(image, labels, instances, zoom=3)
    assert drawn.shape == (60, 90, 3)
    painted = (drawn == PALETTE[0]).all(2)
    expected = np.zeros((60, 90), bool)
    expected[15:45, 15:45] = True
    expected[16:44, 16:44] = False
    np.testing.assert_array_equal(painted, expected)
    assert (drawn == PALETTE[2]).all(2).sum() == painted.sum()
    assert (drawn[0, 0] == 45).all()


def test_draw_instance_edges_spares_the_image_border():
    image = np.full((20, 30, 3), 100, np.uint8)
    instances = np.zeros((20, 30), np.uint16)
    instances[:, :10] = 1
    drawn = draw_instance_edges(image, instances, instances, zoom=2)
    expected = np.zeros((40, 60), bool)
    expected[:, 19] = True
    np.testing.assert_array_equal((drawn == PALETTE[0]).all(2), expected)


def test_exception_photograph_not_there(tmp_path, monkeypatch):
    def missing():
        raise ModuleNotFoundError('pooch is needed to download it.')

    monkeypatch.setattr(photographs.skimage.data, 'gravel', missing)
    with pytest.raises(RuntimeError, match=r'`gravel`.*pooch.*PyPI'):
        write_demo_set(tmp_path / 'set', num_train=1, num_val=1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'num_train': 0}, '`num_train`.*0'),
        ({'num_val': 1.5}, r'`num_val`.*1\.5'),
        ({'seed': -1}, '`seed`.*-1'),
        ({'size': (32, 160)}, '`size`.*64'),
        ({'size': (160,)}, '`size`'),
        ({'noise_px': -1}, '`noise_px`.*-1'),
        ({'noise_px': float('nan')}, '`noise_px`.*nan'),
    ],
)
def test_exception(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        write_demo_set(tmp_path / 'set', **options)
    assert list(tmp_path.iterdir()) == []
