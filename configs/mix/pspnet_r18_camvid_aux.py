# PSPNet with STEAL's head beside its own auxiliary head: label maps and edges of one backbone.
_base_ = ['./pspnet_r18_camvid.py']
model = dict(
    type='SegEdgeEncoderDecoder',
    auxiliary_head=[
        _base_.model.auxiliary_head,
        dict(
            type='CASENetHead',
            in_channels=[64, 128, 256, 512],
            in_index=[0, 1, 2, 3],
            num_classes=11,
            loss_decode=[
                dict(type='BalancedBCELoss', loss_weight=1.0, reduction='mean'),
                dict(type='ThinningNMSLoss', loss_weight=5.0, reduction='mean'),
                dict(type='DirectionLoss', loss_weight=0.5, reduction='mean'),
            ],
            loss_side=[dict(type='BalancedBCELoss', reduction='mean')],
        ),
    ],
)
val_evaluator = [
    *_base_.val_evaluator,
    dict(type='EdgeMetric', mode='thin', max_dist=0.0075, radius=1),
]
test_evaluator = val_evaluator
visualizer = dict(type='EdgeLocalVisualizer')
