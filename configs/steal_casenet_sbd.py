# STEAL on SBD: Eq. 7 with alpha = (1, 10, 1), and active alignment every 5k iterations from 55k.
_base_ = ['./casenet_sbd.py']
model = dict(
    decode_head=dict(
        loss_decode=[
            dict(type='BalancedBCELoss', loss_weight=1.0),
            dict(type='ThinningNMSLoss', loss_weight=10.0),
            dict(type='DirectionLoss', loss_weight=1.0),
        ]
    )
)
# Sections 3.4 and 3.5: lambda = 1, the most likely of 0, 25 and 50 steps, no balloon.
level_set = dict(
    num_iters=50, checkpoints=[0, 25, 50], smoothing=2, balloon=0.0, lam=1.0, min_gain=0.0
)
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='LevelSetAlignHook', scope='dataset', begin=55000, interval=5000, align=level_set),
]
