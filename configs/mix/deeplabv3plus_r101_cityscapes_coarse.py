# DeepLabv3+ on the fine labels of train and the coarse ones of train_extra (the blue bars of the
# paper's Fig. 6). What no polygon covers is ignored.
_base_ = ['./deeplabv3plus_r101_cityscapes_fine.py']
coarse_train_extra = dict(
    **_base_.cityscapes,
    annotation='gtCoarse',
    data_prefix=dict(img_path='leftImg8bit/train_extra', seg_map_path='gtCoarse/train_extra'),
    pipeline=_base_.train_pipeline,
)
train_dataloader = dict(
    dataset=dict(
        _delete_=True, type='ConcatDataset', datasets=[_base_.fine_train, coarse_train_extra]
    )
)
