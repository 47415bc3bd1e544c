# STEAL's head on MSCAN-T (SegNeXt's backbone): levels of stride 4, 8, 16, 32.
_base_ = ['../steal_casenet_r18_camvid.py']
model = dict(
    backbone=dict(
        _delete_=True,
        type='MSCAN',
        embed_dims=[32, 64, 160, 256],
        mlp_ratios=[8, 8, 4, 4],
        depths=[3, 3, 5, 2],
        drop_path_rate=0.1,
        norm_cfg=dict(type='BN', requires_grad=True),
    ),
    decode_head=dict(in_channels=[32, 64, 160, 256]),
    data_preprocessor=dict(test_cfg=dict(size_divisor=32)),
)
