# STEAL on top of HED, as on CASENet: losses of Eq. 7, alignment over the last fifth.
_base_ = ['./hed_sbd.py', './_base_/steal.py']
model = dict(
    decode_head=dict(loss_decode=[*_base_.model.decode_head.loss_decode, *_base_.steal_losses])
)
custom_hooks = [dict(_base_.align_labels, begin=16000, interval=1500)]
