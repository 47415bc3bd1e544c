# Regions of COCO's panoptic annotations, as `mmsteal convert-regions panoptic` writes them: every
# outline, without classes. Objects of other images are pasted: their outlines are exact.
_base_ = ['./regions.py']
data_root = 'data/coco_regions'
paste = [dict(type='CopyPasteObjects', max_objects=3)]
augment = [
    dict(type='RandomResize', scale=(640, 640), ratio_range=(0.45, 1.3), keep_ratio=True),
    dict(type='RandomCrop', crop_size=_base_.crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
]
train_set = dict(
    **_base_.region_set, data_root=data_root, ann_file='train.txt', pipeline=_base_.load
)
train_dataloader = dict(
    dataset=dict(
        type='MultiImageMixDataset',
        dataset=train_set,
        pipeline=[*paste, *augment, _base_.edges, _base_.pack],
    )
)
val_dataloader = dict(
    dataset=dict(
        **_base_.region_set,
        data_root=data_root,
        ann_file='val.txt',
        test_mode=True,
        pipeline=[*_base_.load, _base_.edges, _base_.pack],
    )
)
test_dataloader = val_dataloader
