# STEAL on top of CASENet-S: the cross entropy stays unweighted; alignment over the last fifth.
_base_ = ['./casenet-s_sbd.py', './_base_/steal.py']
model = dict(decode_head=dict(loss_decode=[_base_.loss, *_base_.thinning]))
custom_hooks = [
    dict(
        type='LevelSetAlignHook',
        scope='dataset',
        begin=17500,
        interval=1500,
        align=_base_.level_set,
    )
]
