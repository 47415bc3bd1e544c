# BSDS500's training and validation images, a map of each annotator, as `mmsteal convert-regions
# bsds` writes them. The images are for research only: no weights trained on them are in the
# package. Validation is against one annotator at a time; the benchmark's own truth, all of them,
# is `mmsteal eval`'s.
_base_ = ['./regions.py']
data_root = 'data/bsds_regions'
augment = [
    dict(type='RandomResize', scale=(481, 481), ratio_range=(0.7, 1.5), keep_ratio=True),
    dict(type='RandomCrop', crop_size=_base_.crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
]
train_dataloader = dict(
    dataset=dict(
        **_base_.region_set,
        data_root=data_root,
        ann_file='train.txt',
        pipeline=[*_base_.load, *augment, _base_.edges, _base_.pack],
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
