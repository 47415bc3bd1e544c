# mmseg's DeepLabv3+, thin, from scratch on the exact labels of the demo set. Other labels:
# --cfg-options train_dataloader.dataset.data_prefix.seg_map_path=FOLDER.
_base_ = [
    'mmseg::_base_/models/deeplabv3plus_r50-d8.py',
    '../_base_/datasets/demo_seg.py',
    '../_base_/schedules/adamw_small.py',
    '../_base_/default_runtime.py',
]
norm_cfg = dict(type='BN', requires_grad=True)
model = dict(
    data_preprocessor=dict(size=(128, 128), test_cfg=dict(size_divisor=16)),
    pretrained=None,
    # Levels of stride 4, 8, 16 and 16, a quarter as wide as ResNet-18.
    backbone=dict(
        depth=18,
        stem_channels=16,
        base_channels=16,
        strides=(1, 2, 2, 1),
        dilations=(1, 1, 1, 2),
        norm_cfg=norm_cfg,
    ),
    # Five classes and background.
    decode_head=dict(
        in_channels=128,
        channels=48,
        dilations=(1, 6, 12, 18),
        c1_in_channels=16,
        c1_channels=12,
        num_classes=6,
        norm_cfg=norm_cfg,
    ),
    auxiliary_head=dict(in_channels=64, channels=32, num_classes=6, norm_cfg=norm_cfg),
)
optim_wrapper = dict(optimizer=dict(lr=2e-3))
train_cfg = dict(max_iters=1000)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, begin=0, end=50, by_epoch=False),
    dict(type='PolyLR', power=1.0, eta_min=1e-5, begin=50, end=1000, by_epoch=False),
]
default_hooks = dict(
    checkpoint=dict(interval=200, save_best='mIoU'), visualization=dict(interval=20)
)
visualizer = dict(type='SegLocalVisualizer')
