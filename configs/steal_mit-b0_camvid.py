# STEAL's head and losses on a transformer (MiT-B0, SegFormer's backbone): levels of stride 4-32.
_base_ = ['./steal_casenet_r18_camvid.py']
model = dict(
    backbone=dict(
        _delete_=True,
        type='MixVisionTransformer',
        in_channels=3,
        embed_dims=32,
        num_stages=4,
        num_layers=[2, 2, 2, 2],
        num_heads=[1, 2, 5, 8],
        patch_sizes=[7, 3, 3, 3],
        sr_ratios=[8, 4, 2, 1],
        out_indices=(0, 1, 2, 3),
        mlp_ratio=4,
        qkv_bias=True,
        drop_path_rate=0.1,
    ),
    decode_head=dict(in_channels=[32, 64, 160, 256]),
    data_preprocessor=dict(test_cfg=dict(size_divisor=32)),
)
