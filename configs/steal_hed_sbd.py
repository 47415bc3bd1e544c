# STEAL on top of HED, as on CASENet: losses of Eq. 7, alignment over the last fifth.
_base_ = ['./hed_sbd.py', './_base_/steal.py']
model = dict(decode_head=dict(loss_decode=[_base_.loss, *_base_.thinning]))
custom_hooks = [
    dict(
        type='LevelSetAlignHook',
        scope='dataset',
        begin=16000,
        interval=1500,
        align=_base_.level_set,
    )
]
