# A small DDS on CamVid: converters, class-agnostic edges at the sides. About three times as slow on
# a CPU as the other small ones: a converter works at the size of the image.
_base_ = ['./casenet_r18_camvid.py']
model = dict(
    backbone=dict(out_indices=(0, 1, 2, 3, 4)),
    decode_head=dict(
        type='DDSHead',
        in_channels=[64, 64, 128, 256, 512],
        in_index=[0, 1, 2, 3, 4],
    ),
)
