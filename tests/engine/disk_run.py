"""A short training on the images of disks, with a hook that aligns labels."""

from mmengine.config import Config
from mmengine.hooks import Hook
from mmseg.registry import HOOKS

from mmsteal.apis import build_runner
from tests.engine.disk_set import SIZE, STEPS

CONFIG = dict(
    default_scope='mmseg',
    model=dict(
        type='EdgeEncoderDecoder',
        data_preprocessor=dict(
            type='SegDataPreProcessor', mean=[0.0] * 3, std=[255.0] * 3, seg_pad_val=255,
            size=SIZE, test_cfg=dict(size_divisor=8),
        ),
        backbone=dict(
            type='CASENetResNet', depth=18, base_channels=4, stem_channels=4,
            dilations=(1, 1, 1, 2),
        ),
        decode_head=dict(
            type='CASENetHead', in_channels=[4, 4, 8, 32], in_index=[0, 1, 2, 3], num_classes=2,
            loss_decode=dict(type='BalancedBCELoss', reduction='mean'),
        ),
        train_cfg=dict(), test_cfg=dict(mode='whole'),
    ),
    train_cfg=dict(type='IterBasedTrainLoop', max_iters=6, val_interval=100),
    optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=1e-3)),
    default_hooks=dict(
        checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=2, max_keep_ckpts=-1),
        logger=dict(type='LoggerHook', interval=100),
    ),
    log_processor=dict(by_epoch=False),
    log_level='ERROR',
    visualizer=dict(type='EdgeLocalVisualizer', vis_backends=[dict(type='LocalVisBackend')]),
    randomness=dict(seed=1),
)  # fmt: skip


@HOOKS.register_module(force=True)
class RecordTargets(Hook):
    """Keep the edges of every batch, and the states of the head, iteration by iteration."""

    def __init__(self):
        self.targets, self.aligned = {}, {}

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        names = [s.img_path.rsplit('/', 1)[-1] for s in data_batch['data_samples']]
        edges = [s.gt_edge_map.data.clone() for s in data_batch['data_samples']]
        self.targets[runner.iter] = dict(zip(names, edges, strict=True))

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.aligned[runner.iter] = runner.model.decode_head.aligner is not None


def train(root, work_dir, hook, *, workers=0, resume=False, load_from=None, max_iters=6):
    """Train with a hook and return the runner and what was recorded."""
    cfg = Config(dict(CONFIG))
    cfg.train_cfg.max_iters = max_iters
    cfg.work_dir, cfg.resume, cfg.load_from = str(work_dir), resume, load_from
    cfg.train_dataloader = dict(
        batch_size=2, num_workers=workers, persistent_workers=workers > 0,
        sampler=dict(type='SeededInfiniteSampler', shuffle=True),
        dataset=dict(
            type='EdgeDataset', data_root=str(root),
            data_prefix=dict(
                img_path='images', seg_map_path='labels', instance_map_path='instances'
            ),
            metainfo=dict(classes=('left', 'right')), background=0, pipeline=STEPS,
        ),
    )  # fmt: skip
    cfg.custom_hooks = [hook, dict(type='RecordTargets', priority='LOW')]
    runner = build_runner(cfg)
    runner.train()
    # Workers that wait for the garbage collector to end them make it wait for seconds.
    runner.train_loop.dataloader_iterator = runner.train_loop.dataloader._iterator = None
    record = next(h for h in runner.hooks if isinstance(h, RecordTargets))
    return runner, record
