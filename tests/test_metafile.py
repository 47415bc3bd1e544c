"""What `mim` reads: names, files and figures that agree with the configs."""

from ast import literal_eval
from pathlib import Path

import pytest
import yaml
from mmengine.config import Config

from tests.conftest import REPO

FILES = yaml.safe_load((REPO / 'model-index.yml').read_text())['Import']
CONTENT = [yaml.safe_load((REPO / file).read_text()) for file in FILES]
COLLECTIONS = [c for content in CONTENT for c in content['Collections']]
MODELS = [model for content in CONTENT for model in content['Models']]
DATA = {
    'data/sbd': 'SBD',
    'data/cityscapes': 'Cityscapes',
    'data/camvid': 'CamVid',
    'data/coco_regions': 'COCO panoptic',
    'data/bsds_regions': 'BSDS500',
    'work_dirs/demo/data': 'Demo',
}


def strings(value):
    """Every entry of a list, at any depth."""
    if isinstance(value, dict):
        for part in value.values():
            yield from strings(part)
    elif isinstance(value, list):
        yield from value


def test_one_file_a_method():
    folder = REPO / 'configs/metafiles'
    assert sorted(FILES) == sorted(f'configs/metafiles/{path.name}' for path in folder.iterdir())
    for file, content in zip(FILES, CONTENT, strict=True):
        (collection,) = content['Collections']
        assert Path(file).stem == collection['Name'].lower().replace('+', 'plus')
        assert {model['In Collection'] for model in content['Models']} == {collection['Name']}


def test_collections_name_paper_and_code():
    assert len({c['Name'] for c in COLLECTIONS}) == len(COLLECTIONS)
    for collection in COLLECTIONS:
        assert collection['Paper']['Title']
        assert collection['Paper']['URL'].startswith('https://')
        assert (REPO / collection['README']).is_file()
        code = collection['Code']['URL']
        assert code.startswith('https://') or (REPO / code).is_file()


def test_models_have_no_results_that_nobody_measured():
    assert not any({'Results', 'Weights'} & set(model) for model in MODELS)


def test_every_leaf_is_listed_once_under_its_own_name():
    listed = [model['Config'] for model in MODELS]
    leaves = {
        path.relative_to(REPO).as_posix()
        for path in (REPO / 'configs').rglob('*.py')
        if '_base_' not in path.parts
    }
    assert len(listed) == len(set(listed))
    assert set(listed) == leaves
    for model in MODELS:
        # mim finds a config by its file's name alone, wherever it lies.
        assert model['Config'].rpartition('/')[2] == f'{model["Name"]}.py'
    assert len({model['Name'] for model in MODELS}) == len(MODELS)


def test_lists_hold_text():
    """`mim search` lowers every entry of a list, and stops at a number."""
    for content in CONTENT:
        for part in (*content.get('Collections', []), *content['Models']):
            assert all(isinstance(entry, str) for entry in strings(part))


@pytest.mark.parametrize('model', MODELS, ids=lambda m: m['Name'])
def test_model_agrees_with_its_config(model):
    assert model['In Collection'] in {c['Name'] for c in COLLECTIONS}
    cfg = Config.fromfile(REPO / model['Config'])
    said = model['Metadata']
    assert said['Training Data'] == DATA[cfg.data_root.rstrip('/')]
    batch = cfg.get('total_batch_size') or cfg.train_dataloader.batch_size
    assert said['Batch Size'] == batch
    assert said['Iterations'] == cfg.train_cfg.max_iters
    dataset = cfg.train_dataloader.dataset
    dataset = dataset.get('datasets', [dataset])[0]
    (crop,) = [s for s in dataset.pipeline if s['type'] == 'RandomCrop']
    size = literal_eval(said['Crop Size'])
    assert size == tuple(crop['crop_size'])
    assert size == tuple(cfg.model.data_preprocessor.size)
