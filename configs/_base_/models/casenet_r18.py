# A small CASENet on ResNet-18 for CPUs and quick looks: trained from scratch, interpolated.
model = dict(
    type='EdgeEncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
        size=(144, 144),
        test_cfg=dict(size_divisor=8),
    ),
    backbone=dict(type='CASENetResNet', depth=18, dilations=(1, 1, 1, 2)),
    decode_head=dict(
        type='CASENetHead',
        in_channels=[64, 64, 128, 512],
        in_index=[0, 1, 2, 3],
        num_classes=11,
        loss_decode=[dict(type='BalancedBCELoss', reduction='mean')],
        loss_side=[dict(type='BalancedBCELoss', reduction='mean')],
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
