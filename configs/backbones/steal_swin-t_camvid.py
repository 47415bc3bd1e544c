# STEAL's head on Swin-T: levels of stride 4, 8, 16, 32.
_base_ = ['../steal_casenet_r18_camvid.py']
model = dict(
    backbone=dict(
        _delete_=True,
        type='SwinTransformer',
        embed_dims=96,
        depths=(2, 2, 6, 2),
        num_heads=(3, 6, 12, 24),
        window_size=7,
        out_indices=(0, 1, 2, 3),
        drop_path_rate=0.1,
    ),
    decode_head=dict(in_channels=[96, 192, 384, 768]),
    data_preprocessor=dict(test_cfg=dict(size_divisor=32)),
)
optim_wrapper = dict(optimizer=dict(lr=2e-4))
