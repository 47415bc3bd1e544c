# HED on EfficientNet-Lite0, on the annotators of BSDS500: for research, see the data set's terms.
_base_ = [
    './_base_/models/hed_lite0.py',
    './_base_/datasets/bsds_regions.py',
    './_base_/schedules/adamw_pretrained.py',
    './_base_/default_runtime.py',
]
default_hooks = dict(checkpoint=dict(interval=100, max_keep_ckpts=2))
