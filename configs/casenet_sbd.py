# CASENet on SBD: the baseline of the paper's Tables 1 and 3.
_base_ = [
    './_base_/models/casenet_r101.py',
    './_base_/datasets/sbd.py',
    './_base_/schedules/sbd_70k.py',
    './_base_/default_runtime.py',
]
