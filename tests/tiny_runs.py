"""Run a config as the tools do, on a set of a few small images."""

from unittest import mock

import numpy as np
from mmengine.config import Config
from PIL import Image

from mmsteal.apis import build_runner, load_run_config

SIZE = 64
# What makes a CamVid config small: two images a step, crops of 64 px, no processes, no files.
CAMVID_OPTIONS = {
    'model.data_preprocessor.size': (SIZE, SIZE),
    'train_dataloader.dataset.pipeline.2.scale': (SIZE, SIZE),
    'train_dataloader.dataset.pipeline.3.crop_size': (SIZE, SIZE),
    'val_dataloader.dataset.pipeline.1.scale': (SIZE, SIZE),
}


def label_map(values, size):
    """Blocks of 16 px, one value each, from the top left on."""
    steps = np.add.outer(np.arange(size) // 16, np.arange(size) // 16)
    return np.asarray(values, np.uint8)[steps % len(values)]


def write_camvid(root, size=SIZE, values=(0, 3, 8, 11)):
    """train/, trainannot/, val/, valannot/ of CamVid in SegNet's form."""
    rng = np.random.default_rng(0)
    labels = label_map(values, size)
    for split in ('train', 'val'):
        for folder in (split, f'{split}annot'):
            (root / folder).mkdir(parents=True)
        for name in ('a', 'b'):
            noise = rng.integers(0, 60, (size, size, 3))
            image = (labels[..., None] * 15 + noise).astype(np.uint8)
            Image.fromarray(image).save(root / split / f'{name}.png')
            Image.fromarray(labels).save(root / f'{split}annot' / f'{name}.png')
    return root


def run_tiny(config, data_root, work_dir, *, options=None, iters=2):
    """Train a config for two iterations, then validate.

    Returns:
        tuple: The runner; the last value of each loss; the results of the validation.
    """
    cfg = load_run_config(
        str(config),
        work_dir=str(work_dir),
        data_root=str(data_root),
        cfg_options={
            'train_dataloader.batch_size': 2,
            'train_cfg.max_iters': iters,
            'train_cfg.val_interval': 10**6,
            'visualizer.vis_backends': [dict(type='LocalVisBackend')],
            'log_level': 'WARNING',
            **(options or {}),
        },
    )
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        cfg[loader].num_workers = 0
        cfg[loader].persistent_workers = False
    # ImageNet weights need a network, checkpoints of large networks a disk.
    cfg.model.pretrained = cfg.model.backbone.init_cfg = None
    cfg.default_hooks.checkpoint = None
    cfg.default_hooks.visualization.interval = 1
    cfg.default_hooks.logger.interval = 1
    # A pretty copy of the config for the log takes longer than the training.
    with mock.patch.object(Config, 'pretty_text', ''):
        runner = build_runner(cfg)
        runner.train()
        results = runner.val()
    scalars = runner.message_hub.log_scalars
    losses = {
        key.removeprefix('train/'): history.current()
        for key, history in scalars.items()
        if key.startswith('train/')
    }
    return runner, losses, results
