# DeepLabv3+ on the fine labels of train and the refined ones of train_extra (the orange bars of the
# paper's Fig. 6), as tools/refine.py writes them with --out data/cityscapes_refined; the command is
# in docs/recipes.md. Elsewhere: --cfg-options
# train_dataloader.dataset.datasets.1.data_prefix.seg_map_path=/path/to/labels/gtCoarse/train_extra.
_base_ = ['./deeplabv3plus_r101_cityscapes_coarse.py']
refined_train_extra = dict(
    _base_.coarse_train_extra,
    data_prefix=dict(
        img_path='leftImg8bit/train_extra',
        seg_map_path='../cityscapes_refined/labels/gtCoarse/train_extra',
    ),
)
train_dataloader = dict(dataset=dict(datasets=[_base_.fine_train, refined_train_extra]))
