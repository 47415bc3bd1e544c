# CASENet's head on EfficientNet-Lite0 with its ImageNet weights; the coarsest levels at stride 16.
model = dict(
    type='EdgeEncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[127.5, 127.5, 127.5],
        std=[127.5, 127.5, 127.5],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
        size=(224, 224),
        test_cfg=dict(size_divisor=32),
    ),
    backbone=dict(
        type='EfficientNetLite',
        output_stride=16,
        init_cfg=dict(type='Pretrained', checkpoint='data/efficientnet_lite0.pth'),
    ),
    decode_head=dict(
        type='CASENetHead',
        in_channels=[16, 24, 40, 112, 320],
        in_index=[0, 1, 2, 3, 4],
        num_classes=11,
        loss_decode=[dict(type='BalancedBCELoss', reduction='mean')],
        loss_side=[dict(type='BalancedBCELoss', reduction='mean')],
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
