# A small CASENet on CamVid at half size: minutes on a CPU. For comparison with the STEAL leaf.
_base_ = [
    './_base_/models/casenet_r18.py',
    './_base_/datasets/camvid.py',
    './_base_/schedules/adamw_small.py',
    './_base_/default_runtime.py',
]
default_hooks = dict(checkpoint=dict(interval=200), visualization=dict(interval=10))
