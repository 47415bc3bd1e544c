# STEAL on SBD with online alignment: at every iteration from 55k on, the labels of the batch.
_base_ = ['./steal_casenet_sbd.py']
custom_hooks = [
    _base_.custom_hooks[0],
    dict(
        type='LevelSetAlignHook',
        scope='batch',
        begin=55000,
        interval=5000,
        align=_base_.level_set,
    ),
]
