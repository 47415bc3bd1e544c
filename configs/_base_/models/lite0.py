# EfficientNet-Lite0 with its ImageNet weights; docs/backbones.md says how to make their file.
model = dict(
    type='EdgeEncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[127.5, 127.5, 127.5],
        std=[127.5, 127.5, 127.5],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
        test_cfg=dict(size_divisor=32),
    ),
    backbone=dict(
        type='EfficientNetLite',
        init_cfg=dict(type='Pretrained', checkpoint='data/efficientnet_lite0.pth'),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
