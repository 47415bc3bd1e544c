# STEAL's losses on the annotators of BSDS500: for research, see the data set's terms.
_base_ = ['./hed_lite0_bsds.py', './_base_/steal.py']
model = dict(
    decode_head=dict(loss_decode=[*_base_.model.decode_head.loss_decode, *_base_.steal_losses_mean])
)
