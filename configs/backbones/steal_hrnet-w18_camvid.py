# STEAL's head on HRNet-W18: branches of stride 4, 8, 16, 32, of which the finest is deep too.
_base_ = ['../steal_casenet_r18_camvid.py']
model = dict(
    backbone=dict(
        _delete_=True,
        type='HRNet',
        norm_cfg=dict(type='BN', requires_grad=True),
        extra=dict(
            stage1=dict(
                num_modules=1, num_branches=1, block='BOTTLENECK', num_blocks=(4,),
                num_channels=(64,),
            ),
            stage2=dict(
                num_modules=1, num_branches=2, block='BASIC', num_blocks=(4, 4),
                num_channels=(18, 36),
            ),
            stage3=dict(
                num_modules=4, num_branches=3, block='BASIC', num_blocks=(4, 4, 4),
                num_channels=(18, 36, 72),
            ),
            stage4=dict(
                num_modules=3, num_branches=4, block='BASIC', num_blocks=(4, 4, 4, 4),
                num_channels=(18, 36, 72, 144),
            ),
        ),
    ),
    decode_head=dict(in_channels=[18, 36, 72, 144]),
    data_preprocessor=dict(test_cfg=dict(size_divisor=32)),
)  # fmt: skip
