# STEAL on top of CASENet-S: the cross entropy stays unweighted; alignment over the last fifth.
_base_ = ['./casenet-s_sbd.py', './_base_/steal.py']
model = dict(
    decode_head=dict(loss_decode=[*_base_.model.decode_head.loss_decode, *_base_.steal_losses])
)
custom_hooks = [dict(_base_.align_labels, begin=17500, interval=1500)]
