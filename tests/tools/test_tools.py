"""The commands, run as a person runs them, on a tiny data set."""

import json
import os
import subprocess
import sys

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.conftest import REPO

pytestmark = pytest.mark.slow

CONFIG = """
_base_ = ['{repo}/configs/steal_casenet_r18_camvid.py']
custom = dict(
    type='EdgeDataset', data_root='{root}',
    data_prefix=dict(img_path='images', seg_map_path='labels'),
    metainfo=dict(classes=('disk', 'bar')), background=0,
)
model = dict(
    data_preprocessor=dict(size=(48, 48)),
    backbone=dict(base_channels=8, stem_channels=8),
    decode_head=dict(in_channels=[8, 8, 16, 64], num_classes=2),
)
train_pipeline = [
    dict(type='LoadImageFromFile'), dict(type='LoadEdgeAnnotations'),
    dict(type='RandomCrop', crop_size=(48, 48)), dict(type='RandomFlip', prob=0.5),
    dict(type='GenerateEdges', radius=1), dict(type='PackEdgeInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'), dict(type='LoadEdgeAnnotations'),
    dict(type='GenerateEdges', radius=1), dict(type='PackEdgeInputs'),
]
tta_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='TestTimeAug', transforms=[
        [dict(type='Resize', scale_factor=r, keep_ratio=True) for r in (1.0, 1.5)],
        [dict(type='RandomFlip', prob=p) for p in (0.0, 1.0)],
        [dict(type='LoadEdgeAnnotations')], [dict(type='GenerateEdges')],
        [dict(type='PackEdgeInputs')],
    ]),
]
train_dataloader = dict(batch_size=2, num_workers=0, persistent_workers=False,
                        dataset=dict(_delete_=True, pipeline=train_pipeline, **custom))
val_dataloader = dict(num_workers=0, persistent_workers=False,
                      dataset=dict(_delete_=True, pipeline=test_pipeline, test_mode=True, **custom))
test_dataloader = val_dataloader
train_cfg = dict(max_iters=6, val_interval=6)
param_scheduler = [dict(type='LinearLR', start_factor=0.1, begin=0, end=6, by_epoch=False)]
default_hooks = dict(logger=dict(interval=1), checkpoint=dict(interval=3),
                     visualization=dict(interval=2))
val_evaluator = dict(max_dist=0.02)
test_evaluator = val_evaluator
"""


@pytest.fixture(scope='module')
def project(tmp_path_factory):
    """A folder with images, labels and a config."""
    root = tmp_path_factory.mktemp('project')
    rng = np.random.default_rng(0)
    for folder in ('images', 'labels'):
        (root / folder).mkdir()
    for index in range(5):
        labels = np.zeros((56, 64), np.uint8)
        cv2.circle(labels, tuple(int(v) for v in rng.integers(16, 40, 2)), 11, 1, -1)
        labels[8:14, 5:60] = 2
        image = np.array([[40, 40, 40], [200, 60, 60], [60, 60, 200]], np.uint8)[labels]
        noise = rng.integers(0, 30, image.shape, dtype=np.uint8)
        Image.fromarray(image + noise).save(root / f'images/{index}.png')
        Image.fromarray(labels).save(root / f'labels/{index}.png')
    (root / 'config.py').write_text(CONFIG.format(repo=REPO, root=root))
    return root


def command(*arguments, check=True, **environment):
    threads = {'OMP_NUM_THREADS': '1', 'PYTHON': sys.executable}
    environment = {**os.environ, **threads, **environment}
    words = [str(a) for a in arguments]
    done = subprocess.run(
        words, cwd=REPO, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    if check and done.returncode:
        raise AssertionError(f'{words} failed:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}')
    return done


def python(script, *arguments, **kwargs):
    return command(sys.executable, REPO / 'tools' / script, *arguments, **kwargs)


def scalars(work_dir):
    """Logged values of all runs in a work dir, by step; later runs win."""
    by_step = {}
    for path in sorted(work_dir.glob('*/vis_data/scalars.json')):
        for line in path.read_text().splitlines():
            record = json.loads(line)
            by_step.setdefault(record['step'], {}).update(record)
    return by_step


@pytest.fixture(scope='module')
def trained(project):
    python('train.py', project / 'config.py', '--work-dir', project / 'full')
    return project / 'full'


def test_training_logs_scores_and_pictures(trained):
    logged = scalars(trained)
    assert {'decode.loss_nms', 'decode.loss_dir', 'decode.prob_on_edge'} <= set(logged[1])
    assert np.isfinite(logged[6]['edge/MF_ODS'])
    pictures = list(trained.glob('*/vis_data/vis_image/*.png'))
    assert pictures
    # image, ground truth and prediction side by side, with a title and a legend
    assert cv2.imread(str(pictures[0])).shape[1] == 3 * 64
    assert list(trained.glob('*/vis_data/events.out.tfevents.*'))


def test_resumed_run_repeats_the_uninterrupted_one(project, trained):
    part = project / 'part'
    stop = ['--cfg-options', 'train_cfg.max_iters=3']
    python('train.py', project / 'config.py', '--work-dir', part, *stop)
    python('train.py', project / 'config.py', '--work-dir', part, '--resume')
    whole, resumed = scalars(trained), scalars(part)
    for step in range(1, 7):
        for key in ('loss', 'lr', 'decode.loss_nms'):
            assert resumed[step][key] == pytest.approx(whole[step][key], rel=1e-5), (step, key)
    assert resumed[6]['edge/AP'] == pytest.approx(whole[6]['edge/AP'], abs=1e-3)


def test_two_ranks_score_as_one(project, trained):
    """Five images on two ranks: one of them is loaded twice and must not count twice."""
    checkpoint = trained / 'iter_6.pth'
    one = python('test.py', project / 'config.py', checkpoint, '--work-dir', project / 'one')
    two = command(
        'bash', REPO / 'tools/dist_test.sh', project / 'config.py', checkpoint, 2,
        '--work-dir', project / 'two', PORT='29611',
    )  # fmt: skip
    tables = [
        [line for line in done.stdout.splitlines() if line.startswith('|')] for done in (one, two)
    ]
    assert tables[0]
    assert tables[0] == tables[1]


def test_distributed_training_on_cpu(project):
    work_dir = project / 'dist'
    command(
        'bash', REPO / 'tools/dist_train.sh', project / 'config.py', 2, '--work-dir', work_dir,
        '--amp', '--cfg-options', 'train_cfg.max_iters=2', 'train_cfg.val_interval=2',
        PORT='29612',
    )  # fmt: skip
    logged = scalars(work_dir)
    assert np.isfinite(logged[2]['loss'])
    assert np.isfinite(logged[2]['edge/MF_ODS'])


def test_dump_pictures_and_tta(project, trained):
    out, shown = project / 'predictions', project / 'shown'
    done = python(
        'test.py', project / 'config.py', trained / 'iter_6.pth', '--work-dir', project / 'tta',
        '--out', out, '--show-dir', shown, '--tta',
    )  # fmt: skip
    assert 'maxDist 0.02' in done.stdout
    assert sorted(p.name for p in (out / 'class_002').iterdir()) == [f'{i}.png' for i in range(5)]
    assert cv2.imread(str(out / 'class_001/0.png'), cv2.IMREAD_UNCHANGED).shape == (56, 64)
    assert len(list(shown.rglob('*.png'))) == 5


def test_infer_browse_and_print(project, trained):
    config = project / 'config.py'
    out = project / 'edges'
    done = python(
        'infer_edges.py', project / 'images/0.png', out,
        '--config', config, '--checkpoint', trained / 'iter_6.pth'
    )  # fmt: skip
    assert 'disk, bar' in done.stdout
    assert (out / 'overlay/0.png').exists()
    python('browse_dataset.py', config, project / 'browse', '--number', '2')
    assert len(list((project / 'browse').iterdir())) == 2
    assert 'ThinningNMSLoss' in python('print_config.py', config).stdout


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['--cfg-options', 'model.decode_head.lenght=2'], 'lenght'),
        (['--data-root', 'no/such/folder'], 'no/such/folder'),
        (['--cfg-options', 'model.decode_head.num_classes=7'], '7 classes'),
    ],
)
def test_mistakes_are_named(project, options, message):
    done = python(
        'train.py', project / 'config.py', '--work-dir', project / 'bad', *options, check=False
    )
    assert done.returncode != 0
    assert message in done.stderr
