# CASENet on ResNet-101, output stride 8, learnable up-convolutions: the paper's network.
model = dict(
    type='EdgeEncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
        size=(472, 472),
        test_cfg=dict(size_divisor=8),
    ),
    backbone=dict(
        type='CASENetResNet',
        depth=101,
        norm_cfg=dict(type='BN', requires_grad=True),
        norm_eval=True,  # two images a GPU are too few for batch statistics
        init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet101'),
    ),
    decode_head=dict(
        type='CASENetHead',
        in_channels=[64, 256, 512, 2048],
        in_index=[0, 1, 2, 3],
        in_strides=[1, 2, 4, 8],
        upsample='upconv',
        num_classes=20,
        loss_decode=[dict(type='BalancedBCELoss')],
        loss_side=[dict(type='BalancedBCELoss')],
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
