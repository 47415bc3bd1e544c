# STEAL on top of DDS, as on CASENet: losses of Eq. 7, alignment over the last fifth.
_base_ = ['./dds_sbd.py', './_base_/steal.py']
model = dict(decode_head=dict(loss_decode=[_base_.loss, *_base_.thinning]))
custom_hooks = [
    dict(
        type='LevelSetAlignHook',
        scope='dataset',
        begin=20000,
        interval=2000,
        align=_base_.level_set,
    )
]
