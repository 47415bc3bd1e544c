# Regions of COCO's panoptic annotations, as `mmsteal convert-regions panoptic` writes them: every
# outline, without classes. Objects of other images are pasted: their outlines are exact.
data_root = 'data/coco_regions'
crop_size = (256, 256)
metainfo = dict(classes=('edge',), palette=[[0, 0, 0]])
# Parts by name, for the configs that change one.
load = [dict(type='LoadImageFromFile'), dict(type='LoadEdgeAnnotations')]
paste = [dict(type='CopyPasteObjects', max_objects=3)]
augment = [
    dict(type='RandomResize', scale=(640, 640), ratio_range=(0.45, 1.3), keep_ratio=True),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
]
edges = dict(type='GenerateEdges', radius=1, instance_sensitive=True)
pack = dict(type='PackEdgeInputs')
folders = dict(img_path='images', seg_map_path='labels', instance_map_path='instances')
train_set = dict(
    type='EdgeDataset',
    data_root=data_root,
    data_prefix=folders,
    ann_file='train.txt',
    metainfo=metainfo,
    ignore_values=(255,),  # region maps are no masks of 0 and 255
    pipeline=load,
)
train_dataloader = dict(
    batch_size=4,
    num_workers=0,
    sampler=dict(type='SeededInfiniteSampler', shuffle=True),
    dataset=dict(
        type='MultiImageMixDataset', dataset=train_set, pipeline=[*paste, *augment, edges, pack]
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
val_evaluator = dict(
    type='EdgeMetric', mode='thin', max_dist=0.0075, radius=1, instance_sensitive=True
)
test_evaluator = val_evaluator
