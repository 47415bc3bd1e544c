# Regions without classes, as `mmsteal convert-regions` writes them: every outline is learnt.
metainfo = dict(classes=('edge',), palette=[[0, 0, 0]])
crop_size = (256, 256)
# Parts by name, for the configs that change one.
load = [dict(type='LoadImageFromFile'), dict(type='LoadEdgeAnnotations')]
edges = dict(type='GenerateEdges', radius=1, instance_sensitive=True)
pack = dict(type='PackEdgeInputs')
region_set = dict(
    type='EdgeDataset',
    data_prefix=dict(img_path='images', seg_map_path='labels', instance_map_path='instances'),
    metainfo=metainfo,
    ignore_values=(255,),  # region maps are no masks of 0 and 255
)
train_dataloader = dict(
    batch_size=4,
    num_workers=0,
    sampler=dict(type='SeededInfiniteSampler', shuffle=True),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
)
test_dataloader = val_dataloader
val_evaluator = dict(
    type='EdgeMetric', mode='thin', max_dist=0.0075, radius=1, instance_sensitive=True
)
test_evaluator = val_evaluator
