# mmseg's PSPNet on Cityscapes, its own config to the letter, with the STEAL losses on the
# boundaries of its soft segmentation.
_base_ = ['mmseg::pspnet/pspnet_r50-d8_4xb2-40k_cityscapes-512x1024.py']
custom_imports = dict(imports=['mmsteal'], allow_failed_imports=False)
model = dict(
    decode_head=dict(
        loss_decode=[
            _base_.model.decode_head.loss_decode,
            dict(type='SegBoundaryLoss'),
        ]
    )
)
val_evaluator = [
    _base_.val_evaluator,
    dict(
        type='EdgeMetric',
        source='pred_sem_seg',
        prefix='seg_edge',
        protocol='cityscapes',
        instance_sensitive=False,
    ),
]
test_evaluator = val_evaluator
