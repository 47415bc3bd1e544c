# DFF (Hu et al. 2019) on SBD: fusion weights for each pixel. From the released code: averaged
# losses weighted for each image, lr 0.05 with a polynomial decay, batch 16 normalised over all
# GPUs, crops of 352, 10 epochs; over 8498 images at 5 scales these are 26.5k iterations. Here:
# ResNet-101 in place of ResNet-50, to compare with the others.
_base_ = [
    './_base_/models/casenet_r101.py',
    './_base_/datasets/sbd.py',
    './_base_/schedules/sbd_70k.py',
    './_base_/default_runtime.py',
]
# Edges weigh |Y-| / |Y+|, others 1: twice the weighted mean, but for the share of the edges.
loss = dict(type='BalancedBCELoss', beta='image', reduction='mean', loss_weight=2.0)
norm_cfg = dict(type='SyncBN', requires_grad=True)
model = dict(
    data_preprocessor=dict(size=(352, 352)),
    backbone=dict(norm_cfg=norm_cfg, norm_eval=False),
    decode_head=dict(type='DFFHead', norm_cfg=norm_cfg, loss_decode=[loss], loss_side=[loss]),
)
crop = dict(type='RandomCrop', crop_size=(352, 352))
augment = [_base_.resize, crop, _base_.flip]
train_pipeline = [*_base_.load, *augment, _base_.edges, _base_.pack]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
total_batch_size = 16
optim_wrapper = dict(optimizer=dict(lr=0.05, weight_decay=1e-4))
param_scheduler = [dict(type='PolyLR', power=0.9, begin=0, end=26500, by_epoch=False)]
train_cfg = dict(max_iters=26500)
custom_hooks = []
