# CASENet's head on EfficientNet-Lite0, on CamVid at its full size: the baseline of STEAL's leaf.
_base_ = [
    './_base_/models/casenet_lite0.py',
    './_base_/datasets/camvid.py',
    './_base_/schedules/adamw_pretrained.py',
    './_base_/default_runtime.py',
]
crop_size = (224, 224)
augment = [
    dict(type='RandomResize', scale=(480, 360), ratio_range=(0.8, 1.5), keep_ratio=True),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
]
train_pipeline = [*_base_.load, *augment, _base_.edges, _base_.pack]
test_pipeline = [*_base_.load, _base_.edges, _base_.pack]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
# The head has the fusion of all classes to find: faster than the rest.
optim_wrapper = dict(paramwise_cfg=dict(custom_keys=dict(decode_head=dict(lr_mult=2.5))))
default_hooks = dict(checkpoint=dict(interval=100, max_keep_ckpts=2))
