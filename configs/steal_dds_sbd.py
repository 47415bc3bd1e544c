# STEAL on top of DDS, as on CASENet: losses of Eq. 7, alignment over the last fifth.
_base_ = ['./dds_sbd.py', './_base_/steal.py']
model = dict(
    decode_head=dict(loss_decode=[*_base_.model.decode_head.loss_decode, *_base_.steal_losses])
)
custom_hooks = [dict(_base_.align_labels, begin=20000, interval=2000)]
