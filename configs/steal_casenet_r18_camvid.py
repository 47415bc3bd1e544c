# STEAL on CamVid with ResNet-18, from scratch.
_base_ = ['./casenet_r18_camvid.py', './_base_/steal.py']
model = dict(
    decode_head=dict(loss_decode=[*_base_.model.decode_head.loss_decode, *_base_.steal_losses_mean])
)
