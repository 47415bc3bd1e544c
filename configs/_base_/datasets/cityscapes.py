# Cityscapes as released: leftImg8bit/ and gtFine/ (labelIds and instanceIds).
dataset_type = 'CityscapesEdgeDataset'
data_root = 'data/cityscapes'
crop_size = (472, 472)
# Parts by name, for the configs that change one.
load = [dict(type='LoadImageFromFile'), dict(type='LoadEdgeAnnotations')]
augment = [
    dict(type='RandomResize', scale=(2048, 1024), ratio_range=(0.5, 1.5), keep_ratio=True),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.5),
]
edges = dict(type='GenerateEdges', radius=2, instance_sensitive=True)
pack = dict(type='PackEdgeInputs')
train_pipeline = [*load, *augment, edges, pack]
test_pipeline = [*load, edges, pack]
tta_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='Resize', scale_factor=r, keep_ratio=True) for r in (0.75, 1.0, 1.25)],
            [dict(type='RandomFlip', prob=p, direction='horizontal') for p in (0.0, 1.0)],
            [dict(type='LoadEdgeAnnotations')],
            [edges],
            [pack],
        ],
    ),
]
train_dataloader = dict(
    batch_size=2,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='SeededInfiniteSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        data_prefix=dict(
            img_path='leftImg8bit/train',
            seg_map_path='gtFine/train',
            instance_map_path='gtFine/train',
        ),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        data_prefix=dict(
            img_path='leftImg8bit/val',
            seg_map_path='gtFine/val',
            instance_map_path='gtFine/val',
        ),
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='EdgeMetric', protocol='cityscapes', mode='thin', instance_sensitive=True)
test_evaluator = val_evaluator
