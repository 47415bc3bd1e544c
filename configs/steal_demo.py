# STEAL on the demo set: a thin ResNet-18 that trains in minutes on two CPU cores.
_base_ = [
    './_base_/models/casenet_r18.py',
    './_base_/datasets/demo.py',
    './_base_/schedules/adamw_small.py',
    './_base_/default_runtime.py',
]
model = dict(
    data_preprocessor=dict(size=(128, 128)),
    backbone=dict(stem_channels=32, base_channels=32),
    decode_head=dict(
        in_channels=[32, 32, 64, 256],
        num_classes=5,
        loss_decode=[
            dict(type='BalancedBCELoss', loss_weight=1.0, reduction='mean'),
            dict(type='ThinningNMSLoss', loss_weight=5.0, reduction='mean'),
            dict(type='DirectionLoss', loss_weight=0.5, reduction='mean'),
        ],
    ),
)
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
