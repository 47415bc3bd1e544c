# A small DFF on CamVid: fusion weights for each pixel.
_base_ = ['./casenet_r18_camvid.py']
model = dict(decode_head=dict(type='DFFHead', norm_cfg=dict(type='BN')))
