# CamVid in SegNet's form: train/, trainannot/, val/, valannot/ of 480x360, labels 0-10, 11 = void.
dataset_type = 'EdgeDataset'
data_root = 'data/camvid'
crop_size = (144, 144)
metainfo = dict(
    classes=('sky', 'building', 'pole', 'road', 'pavement', 'tree', 'sign', 'fence', 'car',
             'pedestrian', 'bicyclist'),
    palette=[[128, 128, 128], [128, 0, 0], [192, 192, 128], [128, 64, 128], [60, 40, 222],
             [128, 128, 0], [192, 128, 128], [64, 64, 128], [64, 0, 128], [64, 64, 0],
             [0, 128, 192]],
)  # fmt: skip
# Half size: 240x180.
scale = (240, 180)
# Parts by name, for the configs that change one.
load = [dict(type='LoadImageFromFile'), dict(type='LoadEdgeAnnotations')]
augment = [
    dict(type='RandomResize', scale=scale, ratio_range=(0.8, 1.5), keep_ratio=True),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
]
load_test = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=scale, keep_ratio=True),
    dict(type='LoadEdgeAnnotations'),
]
edges = dict(type='GenerateEdges', radius=1)
pack = dict(type='PackEdgeInputs')
train_pipeline = [*load, *augment, edges, pack]
test_pipeline = [*load_test, edges, pack]
train_dataloader = dict(
    batch_size=4,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='SeededInfiniteSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        data_prefix=dict(img_path='train', seg_map_path='trainannot'),
        metainfo=metainfo,
        ignore_values=(11,),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        data_prefix=dict(img_path='val', seg_map_path='valannot'),
        metainfo=metainfo,
        ignore_values=(11,),
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='EdgeMetric', mode='thin', max_dist=0.0075, radius=1)
test_evaluator = val_evaluator
