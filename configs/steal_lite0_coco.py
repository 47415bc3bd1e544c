# STEAL on COCO's panoptic outlines: the model in the package, see docs/model_card.md.
_base_ = ['./hed_lite0_coco.py', './_base_/steal.py']
model = dict(
    decode_head=dict(loss_decode=[*_base_.model.decode_head.loss_decode, *_base_.steal_losses_mean])
)
