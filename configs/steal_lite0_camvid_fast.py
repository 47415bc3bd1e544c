# A first look in a few minutes on a CPU: a quarter of the iterations.
_base_ = ['./steal_lite0_camvid.py']
max_iters = 200
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, begin=0, end=20, by_epoch=False),
    dict(type='PolyLR', power=1.0, eta_min=1e-5, begin=20, end=max_iters, by_epoch=False),
]
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
