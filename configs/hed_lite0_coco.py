# Class-agnostic edges on COCO's panoptic outlines: the baseline of the model in the package.
_base_ = [
    './_base_/models/hed_lite0.py',
    './_base_/datasets/coco_regions.py',
    './_base_/schedules/adamw_pretrained.py',
    './_base_/default_runtime.py',
]
default_hooks = dict(checkpoint=dict(interval=200, max_keep_ckpts=2))
