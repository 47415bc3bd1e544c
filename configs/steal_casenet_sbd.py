# STEAL on SBD: Eq. 7 with alpha = (1, 10, 1).
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
