# The released STEAL models: Caffe's strides and pooling; input is BGR less the mean, unscaled.
_base_ = ['./casenet_r101.py']
model = dict(
    data_preprocessor=dict(mean=[104.008, 116.669, 122.675], std=[1.0, 1.0, 1.0], bgr_to_rgb=False),
    backbone=dict(style='caffe', caffe_pool=True, init_cfg=None),
)
