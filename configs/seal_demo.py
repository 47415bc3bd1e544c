# SEAL's assignment on the demo set: labels are assigned to the predicted edges in the second half.
# The loss is the demo's cross entropy, balanced at first and not SEAL's plain one, so that rows can
# be compared.
_base_ = ['./steal_demo.py']
model = dict(decode_head=dict(loss_decode=[_base_.cross_entropy]))
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='AssignmentAlignHook', begin=400, interval=100),
]
