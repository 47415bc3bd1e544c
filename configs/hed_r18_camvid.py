# A small HED on CamVid: one class-agnostic boundary.
_base_ = ['./casenet_r18_camvid.py']
model = dict(
    backbone=dict(out_indices=(0, 1, 2, 3, 4)),
    decode_head=dict(
        type='HEDHead',
        in_channels=[64, 64, 128, 256, 512],
        in_index=[0, 1, 2, 3, 4],
        num_classes=1,
    ),
)
edges = dict(type='GenerateEdges', radius=1, class_agnostic=True)
train_pipeline = [*_base_.load, *_base_.augment, edges, _base_.pack]
test_pipeline = [*_base_.load_test, edges, _base_.pack]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
val_evaluator = dict(class_agnostic=True)
test_evaluator = dict(class_agnostic=True)
