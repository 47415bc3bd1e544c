# CamVid for segmentation: mIoU, and the boundaries of the predicted label maps beside it.
_base_ = ['./camvid.py']
val_evaluator = [
    dict(type='IoUMetric', iou_metrics=['mIoU']),
    dict(
        type='EdgeMetric',
        source='pred_sem_seg',
        prefix='seg_edge',
        mode='thin',
        max_dist=0.0075,
        radius=1,
    ),
]
test_evaluator = val_evaluator
