"""The code in README and docs runs."""

import re

import pytest
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS, MODELS

from tests.conftest import REPO
from tests.datasets.folders import write_folder

PAGES = [REPO / 'README.md', *sorted((REPO / 'docs').glob('*.md'))]


def blocks(path, language='python'):
    return re.findall(rf'```{language}\n(.*?)```', path.read_text(), re.DOTALL)


@pytest.mark.parametrize('page', PAGES, ids=lambda p: p.name)
def test_python_blocks_compile(page):
    for block in blocks(page):
        compile(block.replace('{{', '').replace('}}', ''), page.name, 'exec')


def test_readme_functional_block_runs():
    (block,) = [b for b in blocks(REPO / 'README.md') if 'mmsteal.functional' in b]
    exec(block, {})


def test_readme_mix_block_is_a_config(tmp_path):
    (block,) = [b for b in blocks(REPO / 'README.md') if 'EdgeHeadWrapper' in b]
    path = tmp_path / 'mine.py'
    path.write_text(block.replace('./', f'{REPO}/configs/'))
    init_default_scope('mmseg')
    cfg = Config.fromfile(path)
    assert len(MODELS.build(cfg.model).decode_head.loss_decode) == 3


def test_guide_to_own_masks(tmp_path):
    data = tmp_path / 'data'
    for split in ('train', 'val'):
        write_folder(tmp_path / split, values=(0, 1, 2), names=('a',), suffix='.png')
        for kind in ('images', 'labels'):
            (data / kind).mkdir(parents=True, exist_ok=True)
            (tmp_path / split / kind).rename(data / kind / split)
    whole = [b for b in blocks(REPO / 'docs/datasets.md') if '_base_' in b]
    path = tmp_path / 'mine.py'
    path.write_text(whole[0].replace('./', f'{REPO}/configs/').replace('data/mine', str(data)))
    init_default_scope('mmseg')
    cfg = Config.fromfile(path)
    assert cfg.model.decode_head.num_classes == 2
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        sample = DATASETS.build(loader.dataset)[0]['data_samples']
        assert sample.gt_edge_map.data.shape[0] == 2


@pytest.mark.parametrize('page', PAGES, ids=lambda p: p.name)
def test_links_and_files_exist(page):
    text = page.read_text()
    for target in re.findall(r'\]\((?!http)([^)#]+)', text):
        assert (page.parent / target).exists(), target
    for name in re.findall(r'`((?:configs|tools|benchmarks|docs)/[\w./-]+\.(?:py|sh|md))`', text):
        assert (REPO / name).exists() or name == 'configs/mine.py', name
    for name in re.findall(r'(?:tools|configs|benchmarks)/[\w/-]+\.(?:py|sh)', text):
        assert (REPO / name).exists() or name == 'configs/mine.py', name
