# SEAL (Yu et al., ECCV 2018) on SBD: CASENet-S, that is CASENet with the plain cross entropy, and
# labels that are assigned to the predicted edges at every iteration. The rival in Tables 1 and 3.
# Learning rate, iterations, sigmas and smoothness are those of its release, which starts from a
# network warmed up with the same loss; here the first 2k iterations stand in for that.
_base_ = ['./casenet_sbd.py']
# beta = 0.5 halves both terms, and the weight of 2 undoes that.
plain_bce = dict(type='BalancedBCELoss', beta=0.5, loss_weight=2.0)
model = dict(decode_head=dict(loss_decode=[plain_bce], loss_side=[plain_bce]))
optim_wrapper = dict(optimizer=dict(lr=5e-8))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, begin=0, end=2000, by_epoch=False),
]
train_cfg = dict(max_iters=22000, val_interval=2000)
custom_hooks = [
    dict(
        type='AssignmentAlignHook',
        begin=2000,
        interval=1000,
        assign=dict(sigma_along=1.0, sigma_across=4.0, smoothness=0.02),
    )
]
