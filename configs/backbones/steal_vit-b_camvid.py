# STEAL's head on a plain ViT-B/16. It has one resolution: a neck makes levels of stride 4 to 32 of
# four of its layers.
_base_ = ['../steal_casenet_r18_camvid.py']
model = dict(
    backbone=dict(
        _delete_=True,
        type='VisionTransformer',
        img_size=(144, 144),
        patch_size=16,
        embed_dims=768,
        num_layers=12,
        num_heads=12,
        out_indices=(2, 5, 8, 11),
        drop_path_rate=0.1,
    ),
    neck=dict(
        type='Feature2Pyramid',
        embed_dim=768,
        rescales=[4, 2, 1, 0.5],
        norm_cfg=dict(type='BN', requires_grad=True),
    ),
    decode_head=dict(in_channels=[768, 768, 768, 768]),
    data_preprocessor=dict(test_cfg=dict(size_divisor=32)),
)
optim_wrapper = dict(optimizer=dict(lr=2e-4))
