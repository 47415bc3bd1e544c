# CASENet-S (Yu et al. 2018, SEAL) on SBD: CASENet with the unweighted cross entropy, 22k iterations
# at lr 5e-8 (see sbd_caffe.py), / 10 every 10k. Its authors start from a few iterations at smaller
# rates; here the rate rises over the first 500.
_base_ = [
    './_base_/models/casenet_r101.py',
    './_base_/datasets/sbd.py',
    './_base_/schedules/sbd_caffe.py',
    './_base_/default_runtime.py',
]
# beta = 0.5 halves the terms of edges and others alike.
loss = dict(type='BalancedBCELoss', beta=0.5, loss_weight=2.0)
model = dict(decode_head=dict(loss_decode=[loss], loss_side=[loss]))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, begin=0, end=500, by_epoch=False),
    dict(type='MultiStepLR', milestones=[10000, 20000], gamma=0.1, by_epoch=False),
]
