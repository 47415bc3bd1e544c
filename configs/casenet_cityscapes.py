# CASENet on Cityscapes: the baseline of the paper's Table 5.
_base_ = [
    './_base_/models/casenet_r101.py',
    './_base_/datasets/cityscapes.py',
    './_base_/schedules/cityscapes_60k.py',
    './_base_/default_runtime.py',
]
model = dict(
    decode_head=dict(num_classes=19),
    test_cfg=dict(mode='slide', crop_size=(512, 512), stride=(256, 256)),
)
