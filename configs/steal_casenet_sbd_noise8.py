# STEAL on SBD with 8 px more label error (Table 4, right column). Without alignment:
# `custom_hooks = [_base_.change_beta]`.
_base_ = ['./steal_casenet_sbd.py']
coarsen = dict(type='CoarsenLabels', error_px=8)
train_pipeline = [*_base_.load, coarsen, *_base_.augment, _base_.edges, _base_.pack]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
custom_hooks = [_base_.change_beta, dict(_base_.align_labels, error_px=8)]
