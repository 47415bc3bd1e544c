"""A training of milliseconds that goes through the command, the runner and its hooks all the same.

The score of a validation is a hash of the weights: it jumps about, so any checkpoint may be the
best one, and it tells weights apart that differ in the last bit.
"""

import hashlib
import itertools
from unittest import mock

import torch
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from mmengine.runner import runner as mmengine_runner
from mmseg.registry import DATASETS, METRICS, MODELS
from torch import nn

from mmsteal.cli import train
from tests.conftest import REPO

_CONFIG = """
_base_ = ['{repo}/configs/_base_/default_runtime.py']
custom_imports = dict(imports=['mmsteal', 'tests.faults.toy_training'], allow_failed_imports=False)
model = dict(type='ToyModel', _scope_='mmseg')
train_dataloader = dict(
    batch_size=2, num_workers=0, dataset=dict(type='ToyData', serialize_data=False),
    sampler=dict(type='{sampler}', shuffle=True),
)
val_dataloader = dict(
    batch_size=1, num_workers=0, dataset=dict(type='ToyData', serialize_data=False),
    sampler=dict(type='DefaultSampler', shuffle=False),
)
val_evaluator = dict(type='ToyMetric')
val_cfg = dict(type='ValLoop')
train_cfg = {train_cfg}
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.1, momentum=0.9))
param_scheduler = [dict(type='LinearLR', start_factor=0.1, begin=0, end=8, by_epoch=False)]
default_hooks = dict(
    checkpoint=dict(
        by_epoch={by_epoch}, interval={interval}, max_keep_ckpts={keep}, save_best={best},
        rule={rule},
    ),
    logger=dict(interval=100), visualization=dict(draw=False),
)
visualizer = dict(vis_backends=[dict(type='LocalVisBackend')])
log_level = 'ERROR'
"""
_number = itertools.count()


@DATASETS.register_module(force=True)
class ToyData(BaseDataset):
    def load_data_list(self):
        return [dict(value=float(index)) for index in range(6)]

    def __getitem__(self, index):
        generator = torch.Generator().manual_seed(index)
        return dict(inputs=torch.randn(4, generator=generator), index=index)


@MODELS.register_module(force=True)
class ToyModel(BaseModel):
    def __init__(self, data_preprocessor=None):
        super().__init__(data_preprocessor)
        self.layer = nn.Linear(4, 3)

    def forward(self, inputs, index, mode='tensor'):
        out = self.layer(torch.stack(list(inputs)))
        if mode == 'loss':
            return dict(loss=(out**2).mean() + out.sum() * 0.01)
        return [out.detach()]


@METRICS.register_module(force=True)
class ToyMetric(BaseMetric):
    def process(self, data_batch, data_samples):
        self.results += [sample.numpy().tobytes() for sample in data_samples]

    def compute_metrics(self, results):
        digest = hashlib.sha256(b''.join(results)).digest()
        return {'high': digest[0] / 255, 'low': digest[1] / 255}


def write_config(path, *, by_epoch=False, interval=2, val_interval=2, keep=1, total=8, bests=1):
    """A config of 8 iterations, or epochs, with the project's own runtime."""
    if by_epoch:
        cfg = f"dict(type='EpochBasedTrainLoop', max_epochs={total}, val_interval={val_interval})"
    else:
        cfg = f"dict(type='IterBasedTrainLoop', max_iters={total}, val_interval={val_interval})"
    path.write_text(
        _CONFIG.format(
            repo=REPO, train_cfg=cfg, by_epoch=by_epoch, interval=interval, keep=keep,
            sampler='DefaultSampler' if by_epoch else 'InfiniteSampler',
            best=['high', 'low'][:bests], rule=['greater', 'less'][:bests],
        )
    )  # fmt: skip
    return path


def run_training(config, work_dir, *words):
    """`mmsteal train --resume` in this process, as if in one of its own."""
    # A name of its own, or the state of an earlier run in this process would be taken over.
    name = f'toy_{next(_number)}'
    with (
        # They take seconds, and nobody reads them here.
        mock.patch.object(mmengine_runner, 'collect_env', return_value={}),
        mock.patch.object(mmengine_runner, 'get_git_hash', return_value=''),
        mock.patch.object(Config, 'pretty_text', ''),
    ):
        train.main([
            str(config), '--work-dir', str(work_dir), '--resume', *map(str, words),
            '--cfg-options', f'experiment_name={name}', f'visualizer.name={name}',
        ])  # fmt: skip


def trained(work_dir):
    """All that a training leaves to go on with, by file."""
    found = {'last_checkpoint': (work_dir / 'last_checkpoint').read_text().strip()}
    found['last_checkpoint'] = found['last_checkpoint'].removeprefix(f'{work_dir}/')
    for path in sorted(work_dir.glob('*.pth')):
        checkpoint = torch.load(path, weights_only=False)
        hub = checkpoint['message_hub']['runtime_info']
        told = {
            key: str(value).rsplit('/', 1)[-1]
            for key, value in hub.items()
            if key.startswith('best') or key == 'keep_ckpt_ids'
        }
        states = {
            key: value.numpy().tobytes() for key, value in checkpoint['state_dict'].items()
        }  # fmt: skip
        optimizer = repr(checkpoint.get('optimizer'))
        meta = (checkpoint['meta']['iter'], checkpoint['meta']['epoch'])
        found[path.name] = (states, optimizer, meta, told)
    return found
