# mmseg's DeepLabv3+ on the fine labels of Cityscapes as released (no conversion to train ids): the
# other leaves add train_extra. It reports mIoU, and F of the label maps' boundaries at 2, 4 and
# 8 px of the half-size image, with the margins of the paper's Fig. 5.
_base_ = ['mmseg::deeplabv3plus/deeplabv3plus_r101-d8_4xb2-80k_cityscapes-512x1024.py']
custom_imports = dict(imports=['mmsteal'], allow_failed_imports=False)
load_labels = dict(type='LoadEdgeAnnotations')
train_pipeline, test_pipeline = (
    [load_labels if step['type'] == 'LoadAnnotations' else step for step in pipeline]
    for pipeline in (_base_.train_pipeline, _base_.test_pipeline)
)
cityscapes = dict(type='CityscapesEdgeDataset', data_root='data/cityscapes', void='ignore')
fine_train = dict(
    **cityscapes,
    data_prefix=dict(img_path='leftImg8bit/train', seg_map_path='gtFine/train'),
    pipeline=train_pipeline,
)
train_dataloader = dict(dataset=dict(_delete_=True, **fine_train))
val_dataloader = dict(
    dataset=dict(
        _delete_=True,
        **cityscapes,
        data_prefix=dict(img_path='leftImg8bit/val', seg_map_path='gtFine/val'),
        test_mode=True,
        pipeline=test_pipeline,
    )
)
test_dataloader = val_dataloader
val_evaluator = [
    dict(type='IoUMetric', iou_metrics=['mIoU']),
    dict(
        type='EdgeMetric',
        source='pred_sem_seg',
        prefix='seg_edge',
        protocol='cityscapes',
        instance_sensitive=False,
        max_dist=[0.00175, 0.0035, 0.007],
        margin=(5, 135, 5, 5),
    ),
]
test_evaluator = val_evaluator
