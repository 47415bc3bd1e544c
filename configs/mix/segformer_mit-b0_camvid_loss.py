# SegFormer with the STEAL losses on the boundaries of its own soft segmentation.
_base_ = ['./segformer_mit-b0_camvid.py']
model = dict(
    decode_head=dict(loss_decode=[dict(type='CrossEntropyLoss'), dict(type='SegBoundaryLoss')])
)
