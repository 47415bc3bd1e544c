# The released STEAL model for Cityscapes: tools/model_converters/steal2mmsteal.py makes its
# checkpoint. To train it further with STEAL's losses: docs/released_models.md.
_base_ = [
    './_base_/models/released_steal_r101.py',
    './_base_/datasets/cityscapes.py',
    './_base_/schedules/cityscapes_60k.py',
    './_base_/default_runtime.py',
]
# Mean probability of 512 x 512 windows at steps of 256, each with 16 pixels of surroundings.
model = dict(
    data_preprocessor=dict(test_cfg=dict(size_divisor=1)),  # mirrored beyond its border, not padded
    decode_head=dict(num_classes=19),
    test_cfg=dict(mode='slide', crop_size=(512, 512), stride=(256, 256), margin=16),
)
