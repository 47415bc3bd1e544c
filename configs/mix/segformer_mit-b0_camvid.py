# mmseg's SegFormer, from scratch: what the leaves with STEAL are compared with.
_base_ = [
    'mmseg::_base_/models/segformer_mit-b0.py',
    '../_base_/datasets/camvid_seg.py',
    '../_base_/schedules/adamw_small.py',
    '../_base_/default_runtime.py',
]
model = dict(
    data_preprocessor=dict(size=(144, 144), test_cfg=dict(size_divisor=32)),
    decode_head=dict(channels=128, num_classes=11, norm_cfg=dict(type='BN', requires_grad=True)),
)
default_hooks = dict(
    checkpoint=dict(interval=200, save_best='mIoU'), visualization=dict(interval=10)
)
visualizer = dict(type='SegLocalVisualizer')
