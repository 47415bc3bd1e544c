# mmseg's PSPNet on Cityscapes, its own config to the letter, with STEAL's head beside it: a model
# type, a head, two lines in each pipeline, a metric.
_base_ = ['mmseg::pspnet/pspnet_r50-d8_4xb2-40k_cityscapes-512x1024.py']
custom_imports = dict(imports=['mmsteal'], allow_failed_imports=False)
model = dict(
    type='SegEdgeEncoderDecoder',
    auxiliary_head=[
        _base_.model.auxiliary_head,
        dict(
            type='CASENetHead',
            in_channels=[256, 512, 1024, 2048],
            in_index=[0, 1, 2, 3],
            num_classes=19,
            loss_decode=[
                dict(type='BalancedBCELoss', loss_weight=0.4, reduction='mean'),
                dict(type='ThinningNMSLoss', loss_weight=2.0, reduction='mean'),
                dict(type='DirectionLoss', loss_weight=0.2, reduction='mean'),
            ],
        ),
    ],
)
edges = [dict(type='GenerateEdges', num_classes=19, radius=2), dict(type='PackEdgeInputs')]
train_pipeline, test_pipeline = (
    [*(step for step in pipeline if step['type'] != 'PackSegInputs'), *edges]
    for pipeline in (_base_.train_pipeline, _base_.test_pipeline)
)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = [
    _base_.val_evaluator,
    dict(type='EdgeMetric', protocol='cityscapes', instance_sensitive=False),
]
test_evaluator = val_evaluator
