# SBD as HED, SEAL and DDS trained in Caffe: steps of ten images. Caffe sums a loss over the pixels
# of an image and averages over the ten; the summed losses here sum over both, so that a learning
# rate is a tenth of theirs. On 1, 2, 5 or 10 GPUs; the losses undo DDP's averaging (sbd_70k.py).
total_batch_size = 10
optim_wrapper = dict(
    type='OptimWrapper', optimizer=dict(type='SGD', lr=5e-9, momentum=0.9, weight_decay=5e-4)
)
train_cfg = dict(type='IterBasedTrainLoop', max_iters=22000, val_interval=2000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
