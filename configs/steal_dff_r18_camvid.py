# STEAL's losses on the small DFF.
_base_ = ['./dff_r18_camvid.py', './_base_/steal.py']
loss = dict(type='BalancedBCELoss', reduction='mean')
model = dict(decode_head=dict(loss_decode=[loss, *_base_.thinning_mean]))
