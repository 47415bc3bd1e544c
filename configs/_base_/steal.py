# What STEAL adds to the cross entropy of a system: the other losses of Eq. 7, alpha = (1, 10, 1),
# summed, as on SBD; averaged ones for CamVid; and the level sets of sections 3.4 and 3.5.
thinning = [
    dict(type='ThinningNMSLoss', loss_weight=10.0),
    dict(type='DirectionLoss', loss_weight=1.0),
]
thinning_mean = [
    dict(type='ThinningNMSLoss', loss_weight=5.0, reduction='mean'),
    dict(type='DirectionLoss', loss_weight=0.5, reduction='mean'),
]
level_set = dict(
    num_iters=50, checkpoints=[0, 25, 50], smoothing=2, balloon=0.0, lam=1.0, min_gain=0.0
)
