# HED on EfficientNet-Lite0 with its ImageNet weights, one class-agnostic boundary. A pyramid of 32
# channels brings what the coarse levels know to the fine ones. See configs/README.md for the file.
model = dict(
    type='EdgeEncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[127.5, 127.5, 127.5],
        std=[127.5, 127.5, 127.5],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
        size=(256, 256),
        test_cfg=dict(size_divisor=32),
    ),
    backbone=dict(
        type='EfficientNetLite',
        init_cfg=dict(type='Pretrained', checkpoint='data/efficientnet_lite0.pth'),
    ),
    neck=dict(
        type='FPN',
        in_channels=[16, 24, 40, 112, 320],
        out_channels=32,
        num_outs=5,
        norm_cfg=dict(type='BN'),
        act_cfg=dict(type='ReLU'),
    ),
    decode_head=dict(
        type='HEDHead',
        in_channels=[32, 32, 32, 32, 32],
        in_index=[0, 1, 2, 3, 4],
        num_classes=1,
        loss_decode=[dict(type='BalancedBCELoss', reduction='mean')],
        loss_side=[dict(type='BalancedBCELoss', reduction='mean', loss_weight=0.2)],
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
