# BSDS500's training and validation images, a map of each annotator, as `mmsteal convert-regions
# bsds` writes them. The images are for research only: no weights trained on them are in the
# package.
data_root = 'data/bsds_regions'
crop_size = (256, 256)
metainfo = dict(classes=('edge',), palette=[[0, 0, 0]])
# Parts by name, for the configs that change one.
load = [dict(type='LoadImageFromFile'), dict(type='LoadEdgeAnnotations')]
augment = [
    dict(type='RandomResize', scale=(481, 481), ratio_range=(0.7, 1.5), keep_ratio=True),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
]
edges = dict(type='GenerateEdges', radius=1, instance_sensitive=True)
pack = dict(type='PackEdgeInputs')
folders = dict(img_path='images', seg_map_path='labels', instance_map_path='instances')
train_dataloader = dict(
    batch_size=4,
    num_workers=0,
    sampler=dict(type='SeededInfiniteSampler', shuffle=True),
    dataset=dict(
        type='EdgeDataset',
        data_root=data_root,
        data_prefix=folders,
        ann_file='train.txt',
        metainfo=metainfo,
        ignore_values=(255,),  # region maps are no masks of 0 and 255
        pipeline=[*load, *augment, edges, pack],
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='EdgeDataset',
        data_root=data_root,
        data_prefix=folders,
        ann_file='val.txt',
        metainfo=metainfo,
        ignore_values=(255,),  # region maps are no masks of 0 and 255
        test_mode=True,
        pipeline=[*load, edges, pack],
    ),
)
test_dataloader = val_dataloader
# Against one annotator at a time; the benchmark's own truth, all of them, is `mmsteal eval`'s.
val_evaluator = dict(
    type='EdgeMetric', mode='thin', max_dist=0.0075, radius=1, instance_sensitive=True
)
test_evaluator = val_evaluator
