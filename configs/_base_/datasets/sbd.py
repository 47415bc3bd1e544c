# SBD as released: benchmark_RELEASE/dataset with img/, cls/, inst/, train.txt, val.txt.
dataset_type = 'SBDEdgeDataset'
data_root = 'data/sbd'
crop_size = (472, 472)
# Parts by name, for the configs that change one.
load = [dict(type='LoadImageFromFile'), dict(type='LoadSBDAnnotations')]
resize = dict(type='RandomResize', scale=(500, 500), ratio_range=(0.5, 1.5), keep_ratio=True)
crop = dict(type='RandomCrop', crop_size=crop_size)
flip = dict(type='RandomFlip', prob=0.5)
augment = [resize, crop, flip]
load_test = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadSBDAnnotations', boundaries='cls'),
]
edges = dict(type='GenerateEdges', radius=2)
pack = dict(type='PackEdgeInputs')
train_pipeline = [*load, *augment, edges, pack]
test_pipeline = [*load_test, edges, pack]
tta_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='Resize', scale_factor=r, keep_ratio=True) for r in (0.75, 1.0, 1.25)],
            [dict(type='RandomFlip', prob=p, direction='horizontal') for p in (0.0, 1.0)],
            [dict(type='LoadSBDAnnotations', boundaries='cls')],
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
        ann_file='train.txt',
        hold_out=100,
        part='rest',
        pipeline=train_pipeline,
    ),
)
# The 100 images that the paper sets aside watch the training; the test set is for the end.
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='train.txt',
        hold_out=100,
        part='held_out',
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
test_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='val.txt',
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
val_evaluator = dict(type='EdgeMetric', protocol='seal', mode='thin', max_dist=0.02)
test_evaluator = val_evaluator
