# The demo set that tools/demo.py makes from photographs inside scikit-image. The network learns
# from labels with a stated error; it is judged by the exact ones.
dataset_type = 'EdgeDataset'
data_root = 'work_dirs/demo/data'
crop_size = (128, 128)
metainfo = dict(
    classes=('coin', 'cat', 'brick', 'tissue', 'gravel'),
    palette=[[255, 200, 40], [230, 60, 60], [60, 120, 255], [200, 80, 220], [60, 200, 110]],
)
# Parts by name, for the configs that change one.
load = [dict(type='LoadImageFromFile'), dict(type='LoadEdgeAnnotations')]
augment = [
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.5, direction=['horizontal', 'vertical']),
    dict(type='PhotoMetricDistortion'),
]
edges = dict(type='GenerateEdges', radius=1, instance_sensitive=True)
pack = dict(type='PackEdgeInputs')
train_pipeline = [*load, *augment, edges, pack]
test_pipeline = [*load, edges, pack]
train_dataloader = dict(
    batch_size=4,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='SeededInfiniteSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        data_prefix=dict(
            img_path='images/train',
            seg_map_path='noisy_labels/train',
            instance_map_path='noisy_instances/train',
        ),
        metainfo=metainfo,
        background=0,
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        data_prefix=dict(
            img_path='images/val',
            seg_map_path='labels/val',
            instance_map_path='instances/val',
        ),
        metainfo=metainfo,
        background=0,
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
# 2 px of the 226 px diagonal.
val_evaluator = dict(
    type='EdgeMetric', mode='thin', max_dist=0.0089, radius=1, instance_sensitive=True
)
test_evaluator = val_evaluator
