# HED (Xie & Tu 2015) on SBD: one class-agnostic boundary, every side supervised. From the paper:
# side weights 1, beta of each image, lr 1e-6 (see sbd_caffe.py) / 10 at half time, weight decay
# 2e-4, batch 10. Here: ResNet-101 in place of VGG-16, 20k iterations in place of BSDS's 10k.
_base_ = [
    './_base_/models/casenet_r101.py',
    './_base_/datasets/sbd.py',
    './_base_/schedules/sbd_caffe.py',
    './_base_/default_runtime.py',
]
loss = dict(type='BalancedBCELoss', beta='image')
model = dict(
    backbone=dict(out_indices=(0, 1, 2, 3, 4)),
    decode_head=dict(
        type='HEDHead',
        in_channels=[64, 256, 512, 1024, 2048],
        in_index=[0, 1, 2, 3, 4],
        in_strides=[1, 2, 4, 8, 8],
        num_classes=1,
        loss_decode=[loss],
        loss_side=[loss],
    ),
)
edges = dict(type='GenerateEdges', radius=2, class_agnostic=True)
train_pipeline = [*_base_.load, *_base_.augment, edges, _base_.pack]
test_pipeline = [*_base_.load_test, edges, _base_.pack]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
val_evaluator = dict(class_agnostic=True)
test_evaluator = dict(class_agnostic=True)
optim_wrapper = dict(optimizer=dict(lr=1e-7, weight_decay=2e-4))
param_scheduler = [dict(type='MultiStepLR', milestones=[10000], gamma=0.1, by_epoch=False)]
train_cfg = dict(max_iters=20000)
