"""What `mim` reads: names, files and figures that agree with the configs."""

import pytest
import yaml
from mmengine.config import Config

from tests.conftest import REPO

FILES = yaml.safe_load((REPO / 'model-index.yml').read_text())['Import']
CONTENT = [yaml.safe_load((REPO / file).read_text()) for file in FILES]
COLLECTIONS = {c['Name']: c for content in CONTENT for c in content['Collections']}
MODELS = [model for content in CONTENT for model in content['Models']]


def test_collections_name_paper_and_code():
    for collection in COLLECTIONS.values():
        assert collection['Paper']['Title']
        assert collection['Paper']['URL'].startswith('https://')
        assert (REPO / collection['README']).is_file()
        assert (REPO / collection['Code']['URL']).is_file()


def test_models_are_listed_once_and_have_no_results_that_nobody_measured():
    names = [model['Name'] for model in MODELS]
    assert len(names) == len(set(names))
    assert not any({'Results', 'Weights'} & set(model) for model in MODELS)


@pytest.mark.parametrize('model', MODELS, ids=lambda m: m['Name'])
def test_model_agrees_with_its_config(model):
    assert model['In Collection'] in COLLECTIONS
    assert model['Config'] == f'configs/{model["Name"]}.py'
    cfg = Config.fromfile(REPO / model['Config'])
    said = model['Metadata']
    batch = cfg.get('total_batch_size') or cfg.train_dataloader.batch_size
    assert said['Batch Size'] == batch
    assert said['Iterations'] == cfg.train_cfg.max_iters
    (crop,) = [s for s in cfg.train_dataloader.dataset.pipeline if s['type'] == 'RandomCrop']
    assert tuple(said['Crop Size']) == tuple(crop['crop_size'])
    assert tuple(cfg.model.data_preprocessor.size) == tuple(crop['crop_size'])


@pytest.mark.parametrize('system', ['hed', 'casenet-s', 'dff', 'dds', 'casenet'])
def test_every_leaf_of_a_system_is_listed(system):
    listed = {model['Name'] for model in MODELS}
    for prefix in ('', 'steal_'):
        leaves = {path.stem for path in (REPO / 'configs').glob(f'{prefix}{system}_*.py')}
        assert leaves
        assert leaves <= listed
