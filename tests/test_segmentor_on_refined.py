"""Segmentors on fine, coarse and refined labels: the configs, and the experiment."""

import csv
import importlib.util
import json
import sys

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS, MODELS
from PIL import Image

from mmsteal.apis import load_run_config
from mmsteal.datasets.demo_set import CLASSES, write_demo_set
from mmsteal.edge_files import PredictionFolder
from mmsteal.evaluation import boundary_protocol
from mmsteal.file_evaluation import EvaluationJob, evaluate_files, open_ground_truth
from tests.conftest import REPO
from tests.tiny_runs import SIZE, label_map, run_tiny

MIX = REPO / 'configs' / 'mix'
DEMO = MIX / 'deeplabv3plus_r18_demo.py'
THIN = {
    'model.backbone.base_channels': 8,
    'model.backbone.stem_channels': 8,
    'model.decode_head.in_channels': 64,
    'model.decode_head.channels': 16,
    'model.decode_head.c1_in_channels': 8,
    'model.auxiliary_head.in_channels': 32,
    'model.auxiliary_head.channels': 8,
}
DEMO_OPTIONS = {
    **THIN,
    'model.data_preprocessor.size': (SIZE, SIZE),
    'train_dataloader.dataset.pipeline.2.crop_size': (SIZE, SIZE),
}


@pytest.fixture(scope='module')
def demo(tmp_path_factory):
    root = tmp_path_factory.mktemp('demo') / 'data'
    write_demo_set(root, num_train=2, num_val=2, size=(SIZE, SIZE), noise_px=4)
    return root


def test_demo_trains_on_labels_of_any_folder(demo, tmp_path):
    """Class 5 is background: predicted, and no class of the scores."""
    options = {
        **DEMO_OPTIONS,
        'train_dataloader.dataset.data_prefix.seg_map_path': 'noisy_labels/train',
        'val_evaluator.0.output_dir': str(tmp_path / 'maps'),
    }
    runner, losses, scores = run_tiny(DEMO, demo, tmp_path / 'run', options=options)
    assert all(np.isfinite(value) for value in losses.values())
    assert np.isfinite(scores['mIoU'])
    info = runner.train_dataloader.dataset.get_data_info(0)
    assert 'noisy_labels' in info['seg_map_path']
    assert runner.val_dataloader.dataset.metainfo['classes'] == CLASSES
    # The label maps on disk, at several tolerances at once, score as they do in the loop.
    truth = open_ground_truth(
        'folder',
        demo / 'labels/val',
        class_names=CLASSES,
        background=[0],
    )
    maps = PredictionFolder(tmp_path / 'maps', truth.class_names, kind='label_map')
    job = EvaluationJob(
        truth,
        {'maps': maps},
        boundary_protocol(None, 'thin', radius=1),
        max_dists=[0.0089, 0.03],
        label_values='index',
    )
    result = evaluate_files(job, tmp_path / 'counts')
    near, far = (scores.mean for scores in result.methods['maps'].scores)
    assert 100 * near.ods_f == pytest.approx(scores['seg_edge/MF'], abs=0.005)
    assert far.ods_f >= near.ods_f


def test_demo_at_full_width():
    init_default_scope('mmseg')
    model = MODELS.build(Config.fromfile(DEMO).model).eval()
    with torch.no_grad():
        out = model(torch.zeros(1, 3, SIZE, SIZE), mode='predict')[0]
    assert out.pred_sem_seg.data.shape == (1, SIZE, SIZE)
    assert out.seg_logits.data.shape[0] == 6


# Fine labels, coarse ones of other images, and the refined ones, by the id of a car's pixels.
CAR = {'gtFine/train': 3, 'gtFine/val': 3, 'gtCoarse/train_extra': 1, 'refined': 2}


@pytest.fixture
def cityscapes(tmp_path, monkeypatch):
    """data/cityscapes and data/cityscapes_refined below the current folder, as released."""
    data = tmp_path / 'data'
    refined = data / 'cityscapes_refined/labels/gtCoarse/train_extra'
    for part, columns in CAR.items():
        folder = refined if part == 'refined' else data / 'cityscapes' / part
        annotation, split = folder.parts[-2:]
        labels = label_map((7, 11, 4, 7), SIZE)  # road, building, static (void)
        labels[16:48, 8 : 8 + 8 * columns] = 26
        for i in range(2):
            name = f'x/x_{i:06}_000019'
            (folder / 'x').mkdir(parents=True, exist_ok=True)
            Image.fromarray(labels).save(folder / f'{name}_{annotation}_labelIds.png')
            image = data / 'cityscapes/leftImg8bit' / split / f'{name}_leftImg8bit.png'
            image.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.stack([labels * 5] * 3, axis=2)).save(image)
    monkeypatch.chdir(tmp_path)


def pixels_of(dataset):
    """Pixels of cars and of void in each training image, without augmentation."""
    pipeline = [dict(type='LoadImageFromFile'), dict(type='LoadEdgeAnnotations'),
                dict(type='PackSegInputs')]  # fmt: skip
    for part in dataset.get('datasets', [dataset]):
        part.pipeline = pipeline
    found = []
    for sample in DATASETS.build(dataset):
        labels = sample['data_samples'].gt_sem_seg.data
        assert set(labels.unique().tolist()) == {0, 2, 13, 255}
        found.append(int((labels == 13).sum()) // (32 * 8))
    return found


@pytest.mark.parametrize(
    ('leaf', 'cars'),
    [('fine', [3, 3]), ('coarse', [3, 3, 1, 1]), ('refined', [3, 3, 2, 2])],
)
@pytest.mark.usefixtures('cityscapes')
def test_cityscapes_leaves_learn_from_their_labels(leaf, cars, tmp_path):
    path = MIX / f'deeplabv3plus_r101_cityscapes_{leaf}.py'
    cfg = load_run_config(str(path), work_dir=str(tmp_path))
    assert cfg.model.backbone.depth == 101
    assert pixels_of(cfg.train_dataloader.dataset) == cars


@pytest.mark.parametrize('leaf', ['fine', 'refined'])
@pytest.mark.usefixtures('cityscapes')
def test_cityscapes_leaves_train(leaf, tmp_path):
    path = MIX / f'deeplabv3plus_r101_cityscapes_{leaf}.py'
    parts = ['dataset.datasets.0', 'dataset.datasets.1'] if leaf == 'refined' else ['dataset']
    options = {
        **THIN,
        **{f'model.{part}.norm_cfg.type': 'BN'
           for part in ('backbone', 'decode_head', 'auxiliary_head')},
        'model.backbone.depth': 18,
        'model.data_preprocessor.size': (SIZE, SIZE),
        **{f'train_dataloader.{part}.pipeline.2.scale': (SIZE, SIZE) for part in parts},
        **{f'train_dataloader.{part}.pipeline.3.crop_size': (SIZE, SIZE) for part in parts},
        'val_dataloader.dataset.pipeline.1.scale': (SIZE, SIZE),
        'val_evaluator.1.margin': 0,
    }  # fmt: skip
    _, losses, scores = run_tiny(path, '', tmp_path / 'run', options=options)
    assert all(np.isfinite(value) for value in losses.values())
    assert np.isfinite(scores['mIoU'])
    found = [scores[f'seg_edge/MF@{max_dist}'] for max_dist in (0.00175, 0.0035, 0.007)]
    assert found == sorted(found)


@pytest.fixture(scope='module')
def experiment():
    path = REPO / 'benchmarks/experiments/segmentor_on_refined.py'
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(path.parent))  # as for a script that is run
        spec.loader.exec_module(module)
    return module


@pytest.fixture
def edge_model(tmp_path):
    """The demo's edge model, thin and untrained."""
    config = tmp_path / 'edges.py'
    config.write_text(
        f"_base_ = ['{REPO}/configs/steal_demo.py']\n"
        'model = dict(backbone=dict(base_channels=4, stem_channels=4),\n'
        '             decode_head=dict(in_channels=[4, 4, 8, 32]))\n'
    )
    init_default_scope('mmseg')
    model = MODELS.build(Config.fromfile(config).model)
    meta = dict(dataset_meta=dict(classes=CLASSES))
    torch.save(dict(state_dict=model.state_dict(), meta=meta), tmp_path / 'edges.pth')
    return config, tmp_path / 'edges.pth'


@pytest.mark.slow
def test_experiment_goes_on_where_it_was(experiment, edge_model, demo, tmp_path, monkeypatch):
    segmentor = tmp_path / 'thin.py'
    cfg = Config.fromfile(DEMO)
    cfg.merge_from_dict({**DEMO_OPTIONS, 'train_dataloader.num_workers': 0,
                         'train_dataloader.persistent_workers': False,
                         'val_dataloader.num_workers': 0,
                         'val_dataloader.persistent_workers': False})  # fmt: skip
    cfg.dump(segmentor)
    out = tmp_path / 'out'
    words = [
        'segmentor_on_refined.py', ','.join(map(str, edge_model)), '--segmentor', str(segmentor),
        '--engine', 'level_set',
        '--data-root', str(demo), '--instances', 'instances/train', '--work-dir', str(out),
        '--errors', '8', '--seeds', '0', '--max-iters',
    ]  # fmt: skip
    monkeypatch.setattr(sys, 'argv', [*words, '2'])
    experiment.main()
    with open(out / 'results.csv') as file:
        rows = {row['labels']: row for row in csv.DictReader(file)}
    assert set(rows) == {'fine', 'coarse', 'refined'}
    assert float(rows['fine']['label_IoU']) == 100
    assert 10 < float(rows['coarse']['label_IoU']) < 95
    assert all(np.isfinite(float(row['mIoU'])) for row in rows.values())
    assert (out / 'results.md').read_text().count('|\n') == 5

    # Labels in the values of the set's own files; coarse ones stay inside the objects.
    for file in (demo / 'labels/train').iterdir():
        exact, coarse = (np.asarray(Image.open(f)) for f in
                         (file, out / 'labels/coarse_8px' / file.name))  # fmt: skip
        assert ((coarse == exact) | (coarse == 0)).mean() > 0.99
        assert (coarse > 0).sum() < (exact > 0).sum()

    # Again: what is done is not done again, and other settings are refused.
    before = (out / 'coarse_8px_seed0/row.json').stat().st_mtime_ns
    (out / 'refined_8px_seed0/row.json').write_text(json.dumps({
        **json.loads((out / 'refined_8px_seed0/row.json').read_text()), 'mIoU': 77.0,
    }))  # fmt: skip
    experiment.main()
    assert (out / 'coarse_8px_seed0/row.json').stat().st_mtime_ns == before
    assert '77.0' in (out / 'results.md').read_text()
    monkeypatch.setattr(sys, 'argv', [*words, '3'])
    with pytest.raises(SystemExit, match='other settings'):
        experiment.main()


def test_experiment_table(experiment, tmp_path):
    row = dict(labels='coarse', error_px=16.0, seed=0, mIoU=50.0, F=20.0, precision=1.0,
               recall=1.0, label_px=9.8, label_IoU=36.7)  # fmt: skip
    rows = [row, dict(row, seed=1, mIoU=54.0), dict(row, labels='fine', error_px=0.0, mIoU=60.0)]
    experiment.write_tables(tmp_path, rows)
    lines = (tmp_path / 'results.md').read_text().splitlines()
    assert lines[2].split('|')[1:3] == [' fine ', ' 0 ']
    assert '52.0 ± 2.8' in lines[3]
    assert lines[3].rstrip(' |').endswith('2')
