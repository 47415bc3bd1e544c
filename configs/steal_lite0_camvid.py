# STEAL on CamVid at its full size, on EfficientNet-Lite0 with its ImageNet weights.
_base_ = ['./casenet_lite0_camvid.py', './_base_/steal.py']
model = dict(
    decode_head=dict(loss_decode=[*_base_.model.decode_head.loss_decode, *_base_.steal_losses_mean])
)
