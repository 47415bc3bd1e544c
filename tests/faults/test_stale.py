"""Whatever a result depends on: where it has changed, the result is made anew, and nothing else."""

import os

import cv2
import numpy as np
import pytest
from mmengine.registry import init_default_scope
from PIL import Image

from mmsteal.label_formats import FormatSpec
from mmsteal.refinement import SimulateSettings, refine_folder, simulate_folder
from tests.engine.disk_set import DiskModel, disk_dataset, make_aligner, write_disks
from tests.refinement.folders import CLASSES, settings_of, write_set


def touch(path):
    """A new time of change; the content may be the same, which nobody can know."""
    os.utime(path, ns=(1, path.stat().st_mtime_ns + 1))


def predict(data):
    return lambda path: np.stack(
        [cv2.imread(str(data / f'edges/{name}/{path.stem}.png'), 0) for name in ('bar', 'disk')]
    )


@pytest.mark.parametrize(
    'changed', ['labels/1.png', 'images/1.png', 'edges/bar/1.png', 'edges/disk/1.png']
)
@pytest.mark.parametrize('with_model', [False, True])
def test_files_of_refinement(tmp_path, changed, with_model):
    data = write_set(tmp_path / 'data', 3)
    options = dict(edges=None, model={'checkpoint': 'a'}) if with_model else {}
    settings = settings_of(data, tmp_path / 'out', **options)
    run = dict(predict=predict(data) if with_model else None, progress=False, contact_sheet=0)
    assert refine_folder(settings, **run).num_skipped == 0
    assert refine_folder(settings, **run).num_skipped == 3
    touch(data / changed)
    of_model = with_model and changed.startswith('edges')
    assert refine_folder(settings, **run).num_skipped == (3 if of_model else 2)
    if with_model:
        other = settings_of(data, tmp_path / 'out', edges=None, model={'checkpoint': 'b'})
        assert refine_folder(other, **run, overwrite=True).num_skipped == 0


def test_instance_maps_of_refinement(tmp_path):
    data = write_set(tmp_path / 'data', 2)
    (data / 'instances').mkdir()
    for index in range(2):
        values = np.array(Image.open(data / f'labels/{index}.png')).astype(np.uint16)
        Image.fromarray(values).save(data / f'instances/{index}.png')
    source = FormatSpec('png', str(data / 'labels'), {
        'images': str(data / 'images'), 'instances': str(data / 'instances'), 'background': [0],
        'classes': CLASSES,
    })  # fmt: skip
    settings = settings_of(data, tmp_path / 'out', source=source)
    assert refine_folder(settings, progress=False).errors == {}
    touch(data / 'instances/1.png')
    assert refine_folder(settings, progress=False).num_skipped == 1


@pytest.mark.parametrize('changed', ['labels/1.png', 'images/1.png'])
def test_files_of_simulation(tmp_path, changed):
    data = write_set(tmp_path / 'data', 3)
    source = FormatSpec('png', str(data / 'labels'), {'images': str(data / 'images')})
    settings = SimulateSettings(source, str(tmp_path / 'out'), (4.0,))
    assert simulate_folder(settings, progress=False).num_skipped == 0
    assert simulate_folder(settings, progress=False).num_skipped == 3
    touch(data / changed)
    assert simulate_folder(settings, progress=False).num_skipped == 2
    other = SimulateSettings(source, str(tmp_path / 'out'), (4.0,), direction='both', seed=1)
    assert simulate_folder(other, progress=False).num_skipped == 0


@pytest.mark.parametrize('changed', [None, 'labels/1.png', 'images/2.png', 'instances/0.png'])
def test_files_of_alignment(tmp_path, changed):
    """A round that was cut off resumes only with the labels and images that it began with."""
    init_default_scope('mmseg')
    write_disks(tmp_path, 3)
    aligner = make_aligner(tmp_path, disk_dataset(tmp_path))
    model = DiskModel()
    model.fail_at = 3
    with pytest.raises(RuntimeError):
        aligner.align_all(model, 5)
    if changed:
        touch(tmp_path / changed)
    model.fail_at, model.calls = None, 0
    assert make_aligner(tmp_path, disk_dataset(tmp_path)).align_all(model, 5) is not None
    assert model.calls == (3 if changed else 1)
