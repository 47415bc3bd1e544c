# STEAL on SBD with 8 px more label error (Table 4, right column). Without alignment: leave out the
# second of `custom_hooks`.
_base_ = ['./steal_casenet_sbd.py']
train_pipeline = [
    *_base_.train_pipeline[:2],
    dict(type='CoarsenLabels', error_px=8),
    *_base_.train_pipeline[2:],
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
custom_hooks = [_base_.custom_hooks[0], dict(_base_.custom_hooks[1], error_px=8)]
