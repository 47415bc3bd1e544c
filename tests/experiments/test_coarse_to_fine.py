"""Coarse to fine with several models, on a tiny set."""

import csv

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

from mmsteal.datasets.demo_set import CLASSES, write_demo_set
from tests.conftest import REPO
from tests.tiny_runs import SIZE


@pytest.fixture(scope='module')
def tiny(tmp_path_factory):
    """A thin config, two checkpoints of it, and a set of two small images."""
    root = tmp_path_factory.mktemp('coarse')
    write_demo_set(root / 'data', num_train=1, num_val=2, size=(SIZE, SIZE), noise_px=4)
    (root / 'edges.py').write_text(
        f"_base_ = ['{REPO}/configs/steal_demo.py']\n"
        'model = dict(backbone=dict(base_channels=4, stem_channels=4),\n'
        '             decode_head=dict(in_channels=[4, 4, 8, 32]))\n'
    )
    init_default_scope('mmseg')
    for seed in (0, 1):
        torch.manual_seed(seed)
        model = MODELS.build(Config.fromfile(root / 'edges.py').model)
        meta = dict(dataset_meta=dict(classes=CLASSES))
        torch.save(dict(state_dict=model.state_dict(), meta=meta), root / f'{seed}.pth')
    return root


def test_several_models(run_script, tiny, tmp_path):
    words = [tiny / 'edges.py', tiny / '0.pth', tiny / '1.pth', '--data-root', tiny / 'data',
             '--out', tmp_path, '--methods', 'refine', 'grabcut-ring', '--errors']  # fmt: skip
    run_script('coarse_to_fine', *words, 4)
    run_script('coarse_to_fine', *words, 4, 8)
    with open(tmp_path / 'results.csv') as file:
        rows = list(csv.DictReader(file))
    # what the model does not touch is there once
    first = ['coarse', 'refine', 'grabcut-ring']
    assert [row['method'] for row in rows] == [*first * 2, *['refine'] * 2]
    assert float(rows[0]['mean']) > float(rows[3]['mean'])  # 4 px and 8 px
    lines = (tmp_path / 'results.md').read_text().splitlines()
    assert [line.rstrip(' |').split('| ')[-1] for line in lines[2:]] == ['1', '2', '1'] * 2
    assert '±' in lines[3]
    with pytest.raises(SystemExit, match='other settings'):
        run_script('coarse_to_fine', *words, 4, '--scale', 0.5)


def test_rows_are_those_of_the_weights(run_script, tiny, tmp_path):
    """Another checkpoint in the same folder is another model; the place in the list is not."""
    rows = {}
    for names in (('0',), ('1',), ('1', '0')):
        run_script('coarse_to_fine', tiny / 'edges.py', *(tiny / f'{n}.pth' for n in names),
                   '--data-root', tiny / 'data', '--out', tmp_path, '--errors', 8,
                   '--methods', 'grabcut-ring', 'refine')  # fmt: skip
        with open(tmp_path / 'results.csv') as file:
            rows[names] = list(csv.DictReader(file))
    order = ['coarse', 'grabcut-ring', 'refine']
    assert [row['method'] for row in rows['1', '0']] == [*order, 'refine']
    assert rows['1',][:2] == rows['0',][:2]
    assert rows['1',][2] != rows['0',][2]
    assert rows['1', '0'] == [*rows['1',], rows['0',][2]]
    assert len(list(tmp_path.glob('model_*'))) == 2


def test_wrong_words(run_script, tiny, tmp_path, capsys):
    with pytest.raises(SystemExit, match=r'did not find: .*/2\.pth\.$'):
        run_script('coarse_to_fine', tiny / 'edges.py', tiny / '0.pth', tiny / '2.pth', '--out',
                   tmp_path / 'out')  # fmt: skip
    assert not (tmp_path / 'out').exists()
    with pytest.raises(SystemExit):
        run_script('coarse_to_fine', tiny / 'edges.py', tiny / '0.pth', '--methods', 'grabcut')
    assert 'invalid choice' in capsys.readouterr().err
