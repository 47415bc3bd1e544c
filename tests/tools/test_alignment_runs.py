"""Alignment in whole runs: killed in the middle of a round, and on two ranks."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from tests.conftest import REPO
from tests.engine.disk_set import write_disks
from tests.tools.test_tools import command, python, scalars

pytestmark = pytest.mark.slow

NUM_IMAGES = 24

CONFIG = """
_base_ = ['{repo}/configs/steal_demo.py']
custom = dict(
    type='EdgeDataset', data_root='{root}', metainfo=dict(classes=('left', 'right')), background=0,
    data_prefix=dict(
        img_path='images', seg_map_path='labels', instance_map_path='instances'
    ),
)
model = dict(
    data_preprocessor=dict(size=(48, 64)),
    backbone=dict(base_channels=4, stem_channels=4),
    decode_head=dict(in_channels=[4, 4, 8, 32], num_classes=2),
)
steps = [
    dict(type='LoadImageFromFile'), dict(type='LoadEdgeAnnotations'),
    dict(type='GenerateEdges', radius=1, instance_sensitive=True), dict(type='PackEdgeInputs'),
]
train_dataloader = dict(
    batch_size=2, num_workers=1, dataset=dict(_delete_=True, pipeline=steps, **custom)
)
val_dataloader = val_evaluator = val_cfg = None
test_dataloader = dict(dataset=dict(_delete_=True, pipeline=steps, test_mode=True, **custom))
train_cfg = dict(_delete_=True, type='IterBasedTrainLoop', max_iters=5)
default_hooks = dict(
    logger=dict(interval=1), checkpoint=dict(interval=1, max_keep_ckpts=-1, save_best=None)
)
randomness = dict(seed=3)
custom_hooks = [
    dict(
        type='LevelSetAlignHook', begin=2, interval=2, num_pictures=0,
        align=dict(num_iters=4, stop_evidence=1.0, min_gain=0.0),
    )
]
"""


@pytest.fixture(scope='module')
def project(tmp_path_factory):
    root = write_disks(tmp_path_factory.mktemp('aligned'), NUM_IMAGES)
    (root / 'config.py').write_text(CONFIG.format(repo=REPO, root=root))
    return root


def label_files(work_dir):
    """Bytes of all aligned labels and instances of a run, by relative name."""
    folder = work_dir / 'aligned_labels'
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob('*.png')}


@pytest.fixture(scope='module')
def uninterrupted(project):
    work_dir = project / 'whole'
    python('train.py', project / 'config.py', '--work-dir', work_dir)
    return label_files(work_dir)


def test_a_run_killed_in_the_middle_of_a_round_ends_with_the_same_labels(project, uninterrupted):
    assert len(uninterrupted) == 2 * 2 * NUM_IMAGES
    work_dir = project / 'killed'
    labels = work_dir / 'aligned_labels/iter_2.partial/labels'
    arguments = [sys.executable, REPO / 'tools/train.py', project / 'config.py']
    process = subprocess.Popen(
        [str(a) for a in (*arguments, '--work-dir', work_dir)], cwd=REPO, start_new_session=True,
        env={**os.environ, 'OMP_NUM_THREADS': '1'},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while process.poll() is None:
        if labels.is_dir() and len(list(labels.glob('[!.]*'))) >= 3:
            os.killpg(process.pid, signal.SIGKILL)
            break
        time.sleep(0.002)
    assert process.wait() == -signal.SIGKILL
    written = list(labels.glob('[!.]*.png'))
    assert 3 <= len(written) < NUM_IMAGES
    for path in written:
        Image.open(path).load()
    times = {path: path.stat().st_mtime_ns for path in written}

    python('train.py', project / 'config.py', '--work-dir', work_dir, '--resume')
    final = labels.parent.with_name('iter_2') / 'labels'
    assert {p.name: t for p, t in times.items()} == {
        p.name: (final / p.name).stat().st_mtime_ns for p in times
    }
    assert label_files(work_dir) == uninterrupted


def distributed(project, work_dir, port, *options):
    command(
        'bash', REPO / 'tools/dist_train.sh', project / 'config.py', 2, '--work-dir', work_dir,
        *options, PORT=str(port),
    )  # fmt: skip


def test_two_ranks_make_the_labels_of_one(project, uninterrupted):
    work_dir = project / 'two'
    distributed(
        project, work_dir, 29613, '--cfg-options', f'load_from={project}/whole/iter_2.pth',
        'train_cfg.max_iters=1', 'custom_hooks.0.begin=0',
    )  # fmt: skip
    # The weights that the first round of the run on one rank had.
    expected = {
        name.removeprefix('iter_2/'): content
        for name, content in uninterrupted.items()
        if name.startswith('iter_2/')
    }
    found = label_files(work_dir)
    assert {name.removeprefix('iter_0/'): content for name, content in found.items()} == expected


def test_scope_batch_on_two_ranks_in_bfloat16(project):
    work_dir = project / 'batch'
    distributed(
        project, work_dir, 29614, '--amp', '--cfg-options', 'train_cfg.max_iters=3',
        'custom_hooks.0.scope=batch', 'custom_hooks.0.begin=1',
    )  # fmt: skip
    logged = scalars(work_dir)
    assert np.isfinite(logged[3]['loss'])
    assert logged[3]['align.moved'] > 0
    (log,) = work_dir.glob('*/*.log')
    # Both ranks are in the summary: two images of two masks each, on two ranks, twice.
    assert 'since the last summary 16 labels' in log.read_text()
