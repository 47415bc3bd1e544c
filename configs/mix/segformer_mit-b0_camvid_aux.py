# SegFormer with STEAL's head beside it.
_base_ = ['./segformer_mit-b0_camvid.py', '../_base_/steal.py']
cross_entropy = dict(type='BalancedBCELoss', reduction='mean')
model = dict(
    type='SegEdgeEncoderDecoder',
    auxiliary_head=dict(
        type='CASENetHead',
        in_channels=[32, 64, 160, 256],
        in_index=[0, 1, 2, 3],
        num_classes=11,
        loss_decode=[cross_entropy, *_base_.steal_losses_mean],
        loss_side=[cross_entropy],
    ),
)
val_evaluator = [
    *_base_.val_evaluator,
    dict(type='EdgeMetric', mode='thin', max_dist=0.0075, radius=1),
]
test_evaluator = val_evaluator
visualizer = dict(type='EdgeLocalVisualizer')
