import pytest
from mmengine.config import Config

from mmsteal.apis import load_run_config
from mmsteal.apis.run_config import share_total_batch
from mmsteal.compat import prepare_distributed

TEXT = """
total_batch_size = 8
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.1))
train_dataloader = dict(batch_size=2, dataset=dict(data_root='a'))
val_dataloader = dict(dataset=dict(data_root='a'))
"""


@pytest.fixture
def config(tmp_path):
    path = tmp_path / 'small.py'
    path.write_text(TEXT)
    return str(path)


def test_defaults(config):
    cfg = load_run_config(config, training=True)
    assert cfg.work_dir == 'work_dirs/small'
    assert cfg.train_dataloader.batch_size == 8
    assert cfg.optim_wrapper.type == 'OptimWrapper'


def test_options(config, tmp_path):
    cfg = load_run_config(
        config, work_dir='w', data_root=str(tmp_path), amp=True,
        cfg_options={'optim_wrapper.optimizer.lr': 0.5, 'total_batch_size': None},
    )  # fmt: skip
    assert cfg.work_dir == 'w'
    assert cfg.optim_wrapper.optimizer.lr == 0.5
    assert cfg.optim_wrapper.type == 'BFloat16OptimWrapper'
    assert cfg.train_dataloader.batch_size == 2
    assert {cfg[f'{s}_dataloader'].dataset.data_root for s in ('train', 'val')} == {str(tmp_path)}


@pytest.mark.parametrize(('ranks', 'batch'), [(1, 8), (2, 4), (4, 2), (8, 1)])
def test_total_batch_is_shared_out(config, ranks, batch):
    cfg = Config.fromfile(config)
    share_total_batch(cfg, ranks)
    assert cfg.train_dataloader.batch_size == batch


def test_tensorboard_is_left_out_where_it_is_missing(config, monkeypatch):
    text = "visualizer = dict(vis_backends=[dict(type='A'), dict(type='TensorboardVisBackend')])"
    with open(config, 'a') as file:
        file.write(text)
    assert len(load_run_config(config).visualizer.vis_backends) == 2
    monkeypatch.setattr('mmsteal.apis.run_config.find_spec', lambda name: None)
    with pytest.warns(UserWarning, match=r'mmsteal\[tensorboard\]'):
        cfg = load_run_config(config)
    assert [b.type for b in cfg.visualizer.vis_backends] == ['A']


def test_batch_of_a_rank_goes_before_the_total(config):
    options = {'train_dataloader.batch_size': 3}
    cfg = load_run_config(config, training=True, cfg_options=options)
    assert cfg.train_dataloader.batch_size == 3


def test_testing_works_on_any_number_of_ranks(config, monkeypatch):
    monkeypatch.setenv('WORLD_SIZE', '3')
    monkeypatch.setattr('mmsteal.apis.run_config.prepare_distributed', lambda cfg: None)
    assert load_run_config(config, launcher='pytorch').launcher == 'pytorch'
    with pytest.raises(ValueError, match='3 ranks'):
        load_run_config(config, launcher='pytorch', training=True)


def test_exception_total_batch_does_not_divide(config):
    with pytest.raises(ValueError, match=r'8 on 3 ranks.*total_batch_size=9'):
        share_total_batch(Config.fromfile(config), 3)


def test_exception_missing_files(config, tmp_path):
    with pytest.raises(FileNotFoundError, match=r'nothing\.py'):
        load_run_config(str(tmp_path / 'nothing.py'))
    with pytest.raises(FileNotFoundError, match='data set'):
        load_run_config(config, data_root=str(tmp_path / 'nothing'))


def test_exception_launcher_without_its_environment(monkeypatch):
    monkeypatch.delenv('RANK', raising=False)
    monkeypatch.setattr('torch.cuda.is_available', lambda: False)
    with pytest.raises(RuntimeError, match=r'dist_train\.sh'):
        prepare_distributed(Config(dict(launcher='pytorch')))
    cfg = Config(dict(launcher='none'))
    prepare_distributed(cfg)
    assert 'model_wrapper_cfg' not in cfg
