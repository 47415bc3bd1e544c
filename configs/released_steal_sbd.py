# The released STEAL model for SBD: tools/model_converters/steal2mmsteal.py makes its checkpoint.
# To train it further with STEAL's losses: docs/released_models.md.
_base_ = [
    './_base_/models/released_steal_r101.py',
    './_base_/datasets/sbd.py',
    './_base_/schedules/sbd_70k.py',
    './_base_/default_runtime.py',
]
# Images are padded to 512 x 512 with the mean, at the bottom and on the right.
model = dict(data_preprocessor=dict(test_cfg=dict(_delete_=True, size=(512, 512))))
