# STEAL on CamVid with ResNet-18, from scratch.
_base_ = ['./casenet_r18_camvid.py']
model = dict(
    decode_head=dict(
        loss_decode=[
            dict(type='BalancedBCELoss', loss_weight=1.0, reduction='mean'),
            dict(type='ThinningNMSLoss', loss_weight=5.0, reduction='mean'),
            dict(type='DirectionLoss', loss_weight=0.5, reduction='mean'),
        ]
    )
)
