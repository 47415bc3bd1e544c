"""The scripts that make the pictures of the documentation."""

import importlib
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from mmsteal.datasets.demo_set import write_demo_set
from mmsteal.functional import AlignOptions, align_masks
from tests.conftest import REPO

FOLDER = REPO / 'docs/pictures'


@pytest.fixture
def scripts(monkeypatch):
    """Imports a script as if it was run: its own folder comes first on the path."""
    monkeypatch.setattr(sys, 'path', [str(FOLDER), *sys.path])
    importlib.import_module('picture_style')  # makes the experiments importable
    names = ('coffee', 'make_alignment', 'make_level_set', 'make_losses', 'make_teaser')
    return SimpleNamespace(
        **{name: importlib.import_module(name) for name in (*names, 'thick_and_thin')}
    )


@pytest.fixture
def networks(scripts):
    return scripts.thick_and_thin.train_pair(steps=2, num_images=4)


def size_of(path):
    with Image.open(path) as image:
        image.load()
        return image.size


def test_level_set_takes_the_step_of_align_masks(scripts):
    module = scripts.make_level_set
    edges = module.gradient_edges(scripts.coffee.photograph())
    mask = scripts.coffee.rough_labels() == 1
    found = module.evolve(mask, edges)
    options = AlignOptions(smoothing=module.SMOOTHING, stop_evidence=module.STOP_EVIDENCE)
    aligned, (report,) = align_masks(mask[None], edges[None], options)
    assert found.taken == min(found.losses, key=found.losses.get) == report.step
    assert found.losses[found.taken] == pytest.approx(report.loss_proposed, abs=1e-3)
    assert np.array_equal(found.masks[found.taken], aligned[0])
    assert 0 < found.taken < module.NUM_ITERS  # it went on, and got worse


def test_level_set_picture(scripts, tmp_path):
    module = scripts.make_level_set
    mask = scripts.coffee.rough_labels() == 1
    evolution = module.evolve(mask, module.gradient_edges(scripts.coffee.photograph()))
    for name in ('a.jpg', 'b.jpg'):
        module.draw(tmp_path / name, evolution)
    assert size_of(tmp_path / 'a.jpg') == (1598, 760)
    assert (tmp_path / 'a.jpg').read_bytes() == (tmp_path / 'b.jpg').read_bytes()


def test_teaser_picture(scripts, networks, tmp_path):
    scripts.make_teaser.draw(tmp_path / 'teaser.jpg', networks)
    assert size_of(tmp_path / 'teaser.jpg')[0] == 1601


def test_losses_picture(scripts, networks, tmp_path):
    scripts.make_losses.draw(tmp_path / 'losses.jpg', networks, num_images=2)
    assert size_of(tmp_path / 'losses.jpg')[0] == 1600


def test_typical_profile_is_near_the_means(scripts, networks):
    images, exact = scripts.thick_and_thin.test_scenes(2)
    means, profile = scripts.make_losses.typical_profile(networks, images, exact)
    assert np.isfinite([profile.thick, profile.thin]).all()
    found = [scripts.make_losses.width_height_offset(p)[0] for p in (profile.thick, profile.thin)]
    assert found == pytest.approx(means, rel=0.3)


def test_alignment_picture_of_a_run(scripts, tmp_path):
    write_demo_set(tmp_path / 'data', num_train=1, num_val=1)
    number = int(np.asarray(Image.open(tmp_path / 'data/instances/train/train_0000.png')).max())
    for iteration in (400, 1000):  # the exact labels stand in for those of the rounds
        folder = tmp_path / f'train/aligned_labels/iter_{iteration}'
        folder.mkdir(parents=True)
        (folder / 'instances').symlink_to(tmp_path / 'data/instances/train')
    scripts.make_alignment.draw(
        tmp_path / 'alignment.jpg', tmp_path, (('train_0000', number, (0, 150)),)
    )
    assert size_of(tmp_path / 'alignment.jpg')[0] == 978  # given and two rounds
    exact = tmp_path / 'data/instances/train'
    text = scripts.make_alignment.summary(scripts.make_alignment.label_folders(tmp_path), exact)
    assert text.endswith('0.00, 0.00.')


def test_alignment_picture_needs_a_run(scripts, tmp_path):
    with pytest.raises(SystemExit, match='make demo'):
        scripts.make_alignment.label_folders(tmp_path)


@pytest.mark.parametrize('name', ['alignment', 'level_set', 'losses', 'teaser'])
def test_pictures_are_light_and_credited(name):
    path = FOLDER / f'{name}.jpg'
    assert path.stat().st_size < 300_000
    assert f'{path.name} ' in (FOLDER / 'CREDITS.txt').read_text()
