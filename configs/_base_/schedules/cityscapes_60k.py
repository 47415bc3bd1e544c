# Cityscapes (STEAL, section 4): lr 5e-8 for summed losses, / 20 every 20k, 60k iterations,
# total batch 8 (see sbd_70k.py on how it is shared out).
total_batch_size = 8
optim_wrapper = dict(
    type='OptimWrapper', optimizer=dict(type='SGD', lr=5e-8, momentum=0.9, weight_decay=5e-4)
)
param_scheduler = [dict(type='MultiStepLR', milestones=[20000, 40000], gamma=0.05, by_epoch=False)]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=60000, val_interval=5000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
