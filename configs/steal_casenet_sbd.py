# STEAL on SBD: Eq. 7 with alpha = (1, 10, 1), and active alignment every 5k iterations from 55k.
_base_ = ['./casenet_sbd.py', './_base_/steal.py']
model = dict(
    decode_head=dict(loss_decode=[*_base_.model.decode_head.loss_decode, *_base_.steal_losses])
)
align_labels = dict(_base_.align_labels, begin=55000, interval=5000)
custom_hooks = [_base_.change_beta, align_labels]
