# HED on EfficientNet-Lite0, one class-agnostic boundary. A pyramid of 32 channels brings what the
# coarse levels know to the fine ones.
_base_ = ['./lite0.py']
model = dict(
    data_preprocessor=dict(size=(256, 256)),
    neck=dict(
        type='FPN',
        in_channels=[16, 24, 40, 112, 320],
        out_channels=32,
        num_outs=5,
        norm_cfg=dict(type='BN'),
        act_cfg=dict(type='ReLU'),
    ),
    decode_head=dict(
        type='HEDHead',
        in_channels=[32, 32, 32, 32, 32],
        in_index=[0, 1, 2, 3, 4],
        num_classes=1,
        loss_decode=[dict(type='BalancedBCELoss', reduction='mean')],
        loss_side=[dict(type='BalancedBCELoss', reduction='mean', loss_weight=0.2)],
    ),
)
