# SEAL (Yu et al., ECCV 2018) on SBD: CASENet-S, and labels that are assigned to the predicted edges
# at every iteration. The rival in Tables 1 and 3. Sigmas and smoothness are those of its release,
# which starts from a network warmed up with the same loss; here the first 2k iterations are.
_base_ = ['./casenet-s_sbd.py']
custom_hooks = [
    dict(
        type='AssignmentAlignHook',
        begin=2000,
        interval=1000,
        assign=dict(sigma_along=1.0, sigma_across=4.0, smoothness=0.02),
    )
]
