# What STEAL adds to a system. The losses of Eq. 7 beside the cross entropy that the system has: its
# total is `[*_base_.model.decode_head.loss_decode, *_base_.steal_losses]`. Summed, with
# alpha = (1, 10, 1) as on SBD; averaged ones, of other sizes, for CamVid.
steal_losses = [
    dict(type='ThinningNMSLoss', loss_weight=10.0),
    dict(type='DirectionLoss', loss_weight=1.0),
]
steal_losses_mean = [
    dict(type='ThinningNMSLoss', loss_weight=5.0, reduction='mean'),
    dict(type='DirectionLoss', loss_weight=0.5, reduction='mean'),
]
# Active alignment, sections 3.4 and 3.5: lambda = 1, the most likely of 0, 25 and 50 steps, no
# balloon. When it begins depends on the schedule: `dict(_base_.align_labels, begin=...)`.
level_set = dict(
    num_iters=50, checkpoints=[0, 25, 50], smoothing=2, balloon=0.0, lam=1.0, min_gain=0.0
)
align_labels = dict(type='LevelSetAlignHook', scope='dataset', align=level_set)
