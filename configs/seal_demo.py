# SEAL's assignment on the demo set: labels are assigned to the predicted edges in the second half.
# The loss is the demo's balanced cross entropy, not SEAL's plain one, so that rows can be compared.
_base_ = ['./steal_demo.py']
model = dict(
    decode_head=dict(loss_decode=[dict(type='BalancedBCELoss', loss_weight=1.0, reduction='mean')])
)
custom_hooks = [dict(type='AssignmentAlignHook', begin=400, interval=100)]
