# mmseg's DeepLabv3+, small, from scratch: what the leaves with STEAL are compared with.
_base_ = [
    'mmseg::_base_/models/deeplabv3plus_r50-d8.py',
    '../_base_/datasets/camvid_seg.py',
    '../_base_/schedules/adamw_small.py',
    '../_base_/default_runtime.py',
]
norm_cfg = dict(type='BN', requires_grad=True)
model = dict(
    data_preprocessor=dict(size=(144, 144), test_cfg=dict(size_divisor=8)),
    pretrained=None,
    backbone=dict(depth=18, norm_cfg=norm_cfg),
    decode_head=dict(
        in_channels=512,
        channels=128,
        c1_in_channels=64,
        c1_channels=12,
        num_classes=11,
        norm_cfg=norm_cfg,
    ),
    auxiliary_head=dict(in_channels=256, channels=64, num_classes=11, norm_cfg=norm_cfg),
)
default_hooks = dict(
    checkpoint=dict(interval=200, save_best='mIoU'), visualization=dict(interval=10)
)
visualizer = dict(type='SegLocalVisualizer')
