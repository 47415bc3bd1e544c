# STEAL's head on mmseg's own ResNet-50 (V1c stem): levels of stride 4, 8, 16, 32.
_base_ = ['../steal_casenet_r18_camvid.py']
model = dict(
    backbone=dict(
        _delete_=True,
        type='ResNetV1c',
        depth=50,
        out_indices=(0, 1, 2, 3),
        norm_cfg=dict(type='BN', requires_grad=True),
    ),
    decode_head=dict(in_channels=[256, 512, 1024, 2048]),
    data_preprocessor=dict(test_cfg=dict(size_divisor=32)),
)
