# DDS-R (Liu et al. 2022) on SBD: converters, class-agnostic edges at the sides. From the released
# code: lr 5e-7 (see sbd_caffe.py) with a polynomial decay, 25k iterations, batch 10, crops of 352,
# ten times the rate for the side scores and the fusion, fixed bilinear upsampling.
_base_ = [
    './_base_/models/casenet_r101.py',
    './_base_/datasets/sbd.py',
    './_base_/schedules/sbd_caffe.py',
    './_base_/default_runtime.py',
]
loss = dict(type='BalancedBCELoss', beta='image')
model = dict(
    data_preprocessor=dict(size=(352, 352)),
    backbone=dict(out_indices=(0, 1, 2, 3, 4)),
    decode_head=dict(
        type='DDSHead',
        in_channels=[64, 256, 512, 1024, 2048],
        in_index=[0, 1, 2, 3, 4],
        upsample='bilinear',
        loss_decode=[loss],
        loss_side=[loss],
    ),
)
crop = dict(type='RandomCrop', crop_size=(352, 352))
augment = [_base_.resize, crop, _base_.flip]
train_pipeline = [*_base_.load, *augment, _base_.edges, _base_.pack]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
fast = dict(lr_mult=10.0)
fast_keys = ['sides.0.score', 'sides.1.score', 'sides.2.score', 'sides.3.score', 'head.fuse']
optim_wrapper = dict(
    optimizer=dict(lr=5e-8), paramwise_cfg=dict(custom_keys=dict.fromkeys(fast_keys, fast))
)
param_scheduler = [dict(type='PolyLR', power=0.9, begin=0, end=25000, by_epoch=False)]
train_cfg = dict(max_iters=25000)
