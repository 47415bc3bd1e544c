# STEAL on top of DFF; alignment over the last fifth. Eq. 7 has alpha = (1, 10, 1) for sums. DFF's
# losses are means: over the weights of the cross entropy, which add up to twice the edge pixels,
# and over the center line, about a quarter of the band of radius 2. So (1, 10, 1) becomes
# (1, 1.25, 0.125), here times the 2 of the cross entropy.
_base_ = ['./dff_sbd.py', './_base_/steal.py']
model = dict(
    decode_head=dict(
        loss_decode=[
            *_base_.model.decode_head.loss_decode,
            dict(type='ThinningNMSLoss', loss_weight=2.5, reduction='mean'),
            dict(type='DirectionLoss', loss_weight=0.25, reduction='mean'),
        ]
    )
)
custom_hooks = [dict(_base_.align_labels, begin=21000, interval=2000)]
