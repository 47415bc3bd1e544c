# CASENet's head on EfficientNet-Lite0; the coarsest levels at stride 16.
_base_ = ['./lite0.py']
model = dict(
    data_preprocessor=dict(size=(224, 224)),
    backbone=dict(output_stride=16),
    decode_head=dict(
        type='CASENetHead',
        in_channels=[16, 24, 40, 112, 320],
        in_index=[0, 1, 2, 3, 4],
        num_classes=11,
        loss_decode=[dict(type='BalancedBCELoss', reduction='mean')],
        loss_side=[dict(type='BalancedBCELoss', reduction='mean')],
    ),
)
