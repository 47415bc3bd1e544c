# The demo set for segmentation, with exact labels: mIoU of the five classes, and the boundaries of
# the predicted label maps. Background is no class of the scores, but a label, 5, to be predicted.
_base_ = ['./demo.py']
pack = dict(type='PackSegInputs')
train_pipeline = [*_base_.load, *_base_.augment, pack]
test_pipeline = [*_base_.load, pack]
train_dataloader = dict(
    dataset=dict(
        data_prefix=dict(_delete_=True, img_path='images/train', seg_map_path='labels/train'),
        pipeline=train_pipeline,
    )
)
val_dataloader = dict(
    dataset=dict(
        data_prefix=dict(_delete_=True, img_path='images/val', seg_map_path='labels/val'),
        pipeline=test_pipeline,
    )
)
test_dataloader = val_dataloader
val_evaluator = [
    dict(type='IoUMetric', iou_metrics=['mIoU']),
    # 2 px of the 226 px diagonal.
    dict(
        type='EdgeMetric',
        source='pred_sem_seg',
        prefix='seg_edge',
        mode='thin',
        max_dist=0.0089,
        radius=1,
    ),
]
test_evaluator = val_evaluator
