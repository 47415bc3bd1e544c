# STEAL on the demo set, with active alignment in the second half. The labels err by 4 px at most,
# and to the inside: the balloon pushes outwards. docs/alignment.md has what it brings.
_base_ = ['./steal_demo.py']
custom_hooks = [
    *_base_.custom_hooks,
    dict(
        type='LevelSetAlignHook',
        scope='dataset',
        begin=400,
        interval=100,
        error_px=4,
        align=dict(num_iters=8, balloon=1.0, stop_evidence=1.5, min_gain=0.0),
    ),
]
