# STEAL on the demo set: a thin ResNet-18 that trains in minutes on two CPU cores. Losses as on SBD:
# summed, alpha = (1, 10, 1), and a cross entropy that is balanced in the first half only, so that
# thin edges are those of the right class (docs/results.md, a).
_base_ = [
    './_base_/models/casenet_r18.py',
    './_base_/datasets/demo.py',
    './_base_/schedules/adamw_small.py',
    './_base_/default_runtime.py',
    './_base_/steal.py',
]
cross_entropy = dict(type='BalancedBCELoss')
model = dict(
    data_preprocessor=dict(size=(128, 128)),
    backbone=dict(stem_channels=32, base_channels=32),
    decode_head=dict(
        in_channels=[32, 32, 64, 256],
        num_classes=5,
        loss_decode=[cross_entropy, *_base_.steal_losses],
        loss_side=[cross_entropy],
    ),
)
custom_hooks = [
    dict(type='LossScheduleHook', schedule=[dict(begin=400, loss='BalancedBCELoss', beta=0.5)])
]
train_cfg = dict(max_iters=800, val_interval=200)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, begin=0, end=50, by_epoch=False),
    dict(type='PolyLR', power=1.0, eta_min=1e-5, begin=50, end=800, by_epoch=False),
]
default_hooks = dict(
    logger=dict(interval=20),
    checkpoint=dict(interval=200, max_keep_ckpts=1),
    visualization=dict(interval=20),
)
