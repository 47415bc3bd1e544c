# STEAL on SBD with online alignment: at every iteration from 55k on, the labels of the batch.
_base_ = ['./steal_casenet_sbd.py']
custom_hooks = [_base_.change_beta, dict(_base_.align_labels, scope='batch')]
