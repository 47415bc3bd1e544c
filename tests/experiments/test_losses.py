"""The study of the losses: which are chosen, and a whole tiny run."""

import csv
import json

import cv2
import numpy as np
import pytest
from mmengine.config import Config

from mmsteal.apis import load_run_config
from mmsteal.datasets.demo_set import write_demo_set
from tests.conftest import REPO
from tests.tiny_runs import SIZE

CONFIG = str(REPO / 'configs' / 'steal_demo.py')


def chosen(script, **options):
    module = script('losses')
    return module.choose_losses(load_run_config(CONFIG), module.Variant('x', **options))


def weights(cfg):
    return {loss['type']: loss['loss_weight'] for loss in cfg.model.decode_head.loss_decode}


def test_losses_left_out_and_changed(script):
    cfg = chosen(script, nms=None, direction=None, unweighted=None)
    assert weights(cfg) == {'BalancedBCELoss': 1.0}
    assert cfg.custom_hooks == []
    head = cfg.model.decode_head
    assert {loss['reduction'] for loss in (*head.loss_decode, *head.loss_side)} == {'mean'}
    cfg = chosen(script, nms=dict(length=4), factors=(2.0, 0.5), unweighted=None)
    assert weights(cfg) == {'BalancedBCELoss': 1.0, 'ThinningNMSLoss': 10.0, 'DirectionLoss': 0.25}
    assert cfg.model.decode_head.loss_decode[1]['length'] == 4


def test_unweighted_cross_entropy_is_summed(script):
    cfg = chosen(script, factors=(0.5, 1.0))
    assert weights(cfg) == {'BalancedBCELoss': 1.0, 'ThinningNMSLoss': 5.0, 'DirectionLoss': 1.0}
    head = cfg.model.decode_head
    assert {loss['reduction'] for loss in (*head.loss_decode, *head.loss_side)} == {'sum'}
    assert cfg.custom_hooks[0]['schedule'] == [dict(begin=400, loss='BalancedBCELoss', beta=0.5)]


def test_summed_and_balanced_to_the_end(script):
    """The schedule begins after the last iteration, which counts from 0."""
    cfg = chosen(script, unweighted=1.0)
    assert cfg.custom_hooks[0]['schedule'][0]['begin'] == cfg.train_cfg.max_iters
    assert {loss['reduction'] for loss in cfg.model.decode_head.loss_decode} == {'sum'}


def test_radius_of_training_labels_alone(script):
    cfg = chosen(script, radius=3)
    radii = [
        next(s['radius'] for s in cfg[loader].dataset.pipeline if s['type'] == 'GenerateEdges')
        for loader in ('train_dataloader', 'val_dataloader')
    ]
    assert radii == [3, 1]


def test_config_without_the_losses(script):
    module = script('losses')
    cfg = load_run_config(str(REPO / 'configs' / 'casenet_r18_camvid.py'))
    with pytest.raises(SystemExit, match=r'all losses of Eq\. 7'):
        module.choose_losses(cfg, module.STUDIES['losses'][0])


def test_hooks_of_the_config_stay(script):
    module = script('losses')
    aligned = str(REPO / 'configs' / 'steal_demo_aligned.py')
    for unweighted, expected in ((None, []), (0.5, ['LossScheduleHook'])):
        cfg = module.choose_losses(
            load_run_config(aligned), module.Variant('x', unweighted=unweighted)
        )
        assert [h['type'] for h in cfg.custom_hooks] == ['LevelSetAlignHook', *expected]


def test_config_with_another_loss(script):
    module = script('losses')
    cfg = load_run_config(CONFIG)
    cfg.model.decode_head.loss_side = [dict(type='DiceLoss')]
    with pytest.raises(SystemExit, match=r'no losses but those of Eq\. 7, but got .*DiceLoss'):
        module.choose_losses(cfg, module.STUDIES['losses'][0])


def test_folders_differ(script):
    for variants in script('losses').STUDIES.values():
        assert len({v.folder for v in variants}) == len(variants)


@pytest.fixture(scope='module')
def tiny(tmp_path_factory):
    """A thin config, and a set of two small images."""
    root = tmp_path_factory.mktemp('losses')
    write_demo_set(root / 'data', num_train=2, num_val=2, size=(SIZE, SIZE), noise_px=4)
    cfg = Config.fromfile(CONFIG)
    cfg.merge_from_dict({
        'model.backbone.base_channels': 4, 'model.backbone.stem_channels': 4,
        'model.decode_head.in_channels': [4, 4, 8, 32],
        'model.data_preprocessor.size': (SIZE, SIZE),
        'train_dataloader.dataset.pipeline.2.crop_size': (SIZE, SIZE),
        **{f'{loader}_dataloader.{key}': value for loader in ('train', 'val')
           for key, value in (('num_workers', 0), ('persistent_workers', False))},
    })  # fmt: skip
    cfg.dump(root / 'thin.py')
    return root


def test_run_and_go_on(run_script, tiny, tmp_path, capsys):
    words = ['--config', tiny / 'thin.py', '--data-root', tiny / 'data', '--work-dir', tmp_path,
             '--max-iters', 2, '--variants', 'BCE', 'BCE + NMS']  # fmt: skip
    run_script('losses', *words, '--seeds', 0)
    with open(tmp_path / 'results.csv') as file:
        rows = list(csv.DictReader(file))
    assert [row['variant'] for row in rows] == ['BCE', 'BCE + NMS']
    assert all(0 <= float(row['AP_nms']) <= 100 for row in rows)
    assert float(rows[0]['width_px']) > 0
    assert cv2.imread(str(tmp_path / 'pictures.png')).shape == (2 * SIZE, 3 * SIZE, 3)
    assert cv2.imread(str(tmp_path / 'curves.png')) is not None

    # Again with another seed: what is done is read, not done again.
    kept = tmp_path / 'seed0' / 'BCE' / 'row.json'
    kept.write_text(json.dumps({**json.loads(kept.read_text()), 'MF': 77.0}))
    run_script('losses', *words, '--seeds', 0, 1)
    text = (tmp_path / 'results.md').read_text()
    assert text in capsys.readouterr().out
    assert text.count(' 2 |\n') == 2
    values = [json.loads((tmp_path / f'seed{s}/BCE/row.json').read_text())['MF'] for s in (0, 1)]
    with pytest.raises(SystemExit, match='other settings'):
        run_script('losses', *words[:6], '--max-iters', 3)
    assert f'| BCE | {np.mean(values):.1f} ± {np.std(values, ddof=1):.1f} |' in text


def test_unknown_variant(run_script):
    with pytest.raises(SystemExit, match=r"expected --variants among .*'BCE', .*got .'MSE'"):
        run_script('losses', '--variants', 'MSE')
