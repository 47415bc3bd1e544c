"""Coarse to fine with several models, on a tiny set."""

import csv

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from PIL import Image

from mmsteal.apis import EdgeInferencer
from mmsteal.datasets.demo_set import CLASSES, write_demo_set
from mmsteal.functional import gradient_edges
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
             '--out', tmp_path, '--methods', 'level-set', 'grabcut-ring', '--errors']  # fmt: skip
    run_script('coarse_to_fine', *words, 4)
    run_script('coarse_to_fine', *words, 4, 8)
    with open(tmp_path / 'results.csv') as file:
        rows = list(csv.DictReader(file))
    # what the model does not touch is there once
    first = ['coarse', 'level-set', 'grabcut-ring']
    assert [row['method'] for row in rows] == [*first * 2, *['level-set'] * 2]
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
                   '--methods', 'grabcut-ring', 'level-set')  # fmt: skip
        with open(tmp_path / 'results.csv') as file:
            rows[names] = list(csv.DictReader(file))
    order = ['coarse', 'grabcut-ring', 'level-set']
    assert [row['method'] for row in rows['1', '0']] == [*order, 'level-set']
    assert rows['1',][:2] == rows['0',][:2]
    assert rows['1',][2] != rows['0',][2]
    assert rows['1', '0'] == [*rows['1',], rows['0',][2]]
    assert len(list(tmp_path.glob('model_*'))) == 2


def test_edges_of_any_source(run_script, script, tiny, tmp_path):
    """A folder of what a model finds is as good as the model; one map may serve all classes."""
    word = str(tiny / '0.pth')
    model = script('edge_evidence').open_evidence(word, str(tiny / 'edges.py'))
    for path in (tiny / 'data' / 'images' / 'val').iterdir():
        photo = np.asarray(Image.open(path).convert('RGB'))
        maps = model(path.stem, photo)
        np.save(folder_of(tmp_path / 'each') / f'{path.stem}.npy', maps)
        strongest = np.round(255 * gradient_edges(photo)).astype(np.uint8)
        Image.fromarray(strongest).save(folder_of(tmp_path / 'one') / f'{path.stem}.png')
    words = ['gradient', word, tmp_path / 'each', tmp_path / 'one']
    run_script('coarse_to_fine', tiny / 'edges.py', *words, '--data-root', tiny / 'data', '--out',
               tmp_path / 'out', '--methods', 'joint', 'level-set', '--errors', 8)  # fmt: skip
    with open(tmp_path / 'out' / 'results.csv') as file:
        rows = {(row.pop('edges'), row.pop('method')): row for row in csv.DictReader(file)}
    sources = ['gradient', 'edges', str(tmp_path / 'each'), str(tmp_path / 'one')]
    assert list(rows) == [('-', 'coarse')] + [
        (source, method) for source in sources for method in ('joint', 'level-set')
    ]
    for row in rows.values():
        row.pop('seconds')
    for method in ('joint', 'level-set'):
        assert rows['edges', method] == rows[sources[2], method]
        gains = [float(rows[source, method]['objects']) for source in ('gradient', sources[3])]
        assert gains[0] == pytest.approx(gains[1], abs=2)  # 256 levels
        assert gains[0] > float(rows['-', 'coarse']['objects'])


def folder_of(path):
    path.mkdir(exist_ok=True)
    return path


def test_a_model_of_one_class_on_a_set_of_many(run_script, tiny, tmp_path):
    """Background is the label after the classes of the set, however many maps there are."""
    config = tmp_path / 'agnostic.py'
    base, head = f"_base_ = ['{tiny}/edges.py']", 'dict(decode_head=dict(num_classes=1))'
    config.write_text(f'{base}\nmodel = {head}\n')
    model = MODELS.build(Config.fromfile(config).model)
    meta = dict(dataset_meta=dict(classes=CLASSES))
    torch.save(dict(state_dict=model.state_dict(), meta=meta), tmp_path / '0.pth')
    run_script('coarse_to_fine', tiny / 'edges.py', f'{config},{tmp_path}/0.pth', '--data-root',
               tiny / 'data', '--out', tmp_path / 'out', '--errors', 8)  # fmt: skip
    with open(tmp_path / 'out' / 'results.csv') as file:
        rows = {row['method']: row for row in csv.DictReader(file)}
    assert list(rows) == ['coarse', 'joint', 'level-set', 'grabcut-ring', 'grabcut-whole']
    assert set(CLASSES) < set(rows['joint'])
    assert float(rows['joint']['mean']) > float(rows['coarse']['mean'])


def test_product_of_sources(script, tiny, tmp_path, rng):
    module = script('edge_evidence')
    photo = rng.integers(0, 256, (40, 50, 3)).astype(np.uint8)
    model = f'{tiny}/edges.py,{tiny}/0.pth'
    found = module.open_evidence(f'gradient*{model}')
    expected = gradient_edges(photo) * module.open_evidence(model)('', photo)
    np.testing.assert_allclose(found('', photo), expected, rtol=1e-6)
    assert found.maps == CLASSES
    assert found.key.startswith('gradient_times_model_')
    assert module.open_evidence('gradient*gradient').maps == ('gradient',)
    with pytest.raises(SystemExit, match=r'did not find: .*nowhere'):
        module.require_evidence(['gradient*nowhere'])
    with pytest.raises(SystemExit, match=r'^error: Expected predictions in'):
        module.open_evidence(str(tmp_path))


def test_edge_maps_of_classes(script, tmp_path):
    module = script('edge_evidence')
    with pytest.raises(SystemExit, match=r'did not find: .*nowhere'):
        module.open_evidence(str(tmp_path / 'nowhere'))
    (tmp_path / 'a.pth').touch()
    with pytest.raises(SystemExit, match=r'expected CONFIG,.*/a\.pth for a checkpoint'):
        module.open_evidence(str(tmp_path / 'a.pth'))

    def index(maps, classes):
        return module.Evidence('x', 'x', maps, None).index_of(classes)

    assert index(('edge',), ('cat', 'dog')) == [0, 0]
    assert index(('dog', 'Cat', 'cow'), ('cat', 'dog')) == [1, 0]
    assert index(('class 1', 'class 2'), ('cat', 'dog')) == [0, 1]
    with pytest.raises(SystemExit, match=r'one for each of cat, dog, but got 3: a, b, c'):
        index(('a', 'b', 'c'), ('cat', 'dog'))


def test_wrong_words(run_script, tiny, tmp_path, capsys):
    with pytest.raises(SystemExit, match=r'did not find: .*/2\.pth\.$'):
        run_script('coarse_to_fine', tiny / 'edges.py', tiny / '0.pth', tiny / '2.pth', '--out',
                   tmp_path / 'out')  # fmt: skip
    assert not (tmp_path / 'out').exists()
    with pytest.raises(SystemExit):
        run_script('coarse_to_fine', tiny / 'edges.py', tiny / '0.pth', '--methods', 'grabcut')
    assert 'invalid choice' in capsys.readouterr().err


def test_the_model_of_the_package(script):
    module = script('edge_evidence')
    photo = np.zeros((64, 96, 3), np.uint8)
    photo[16:48, 32:64] = (200, 90, 30)
    found = module.open_evidence(module.EMBEDDED)
    expected = EdgeInferencer('edges').predict(np.ascontiguousarray(photo[..., ::-1]))
    np.testing.assert_array_equal(found('', photo), expected)
    assert len(found.maps) == 1
    assert found.key == module.open_evidence('edges').key
