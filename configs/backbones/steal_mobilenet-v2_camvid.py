# STEAL's head on MobileNetV2: five levels, the finest of stride 2.
_base_ = ['../steal_casenet_r18_camvid.py']
model = dict(
    backbone=dict(
        _delete_=True,
        type='MobileNetV2',
        out_indices=(0, 1, 2, 4, 6),
        norm_cfg=dict(type='BN', requires_grad=True),
    ),
    decode_head=dict(in_channels=[16, 24, 32, 96, 320], in_index=[0, 1, 2, 3, 4]),
    data_preprocessor=dict(test_cfg=dict(size_divisor=32)),
)
