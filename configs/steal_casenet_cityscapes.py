# STEAL on Cityscapes: all loss weights 1, no alignment (section 4, implementation details).
_base_ = ['./casenet_cityscapes.py']
model = dict(
    decode_head=dict(
        loss_decode=[
            *_base_.model.decode_head.loss_decode,
            dict(type='ThinningNMSLoss', loss_weight=1.0),
            dict(type='DirectionLoss', loss_weight=1.0),
        ]
    )
)
