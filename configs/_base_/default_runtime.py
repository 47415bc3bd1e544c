# What every config shares: registration, logging, pictures, checkpoints.
custom_imports = dict(imports=['mmsteal'], allow_failed_imports=False)
default_scope = 'mmseg'
env_cfg = dict(
    cudnn_benchmark=True,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'),
)
vis_backends = [dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')]
visualizer = dict(type='EdgeLocalVisualizer', vis_backends=vis_backends, name='visualizer')
log_processor = dict(by_epoch=False)
log_level = 'INFO'
# One seed for all: a resumed run then draws what an uninterrupted one would have drawn.
randomness = dict(seed=0)
load_from = None
resume = False
default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50, log_metric_by_epoch=False),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(
        type='WholeCheckpointHook',  # mmengine's, with files that survive a kill
        by_epoch=False,
        interval=5000,
        max_keep_ckpts=3,
        save_best='edge/MF_ODS',
        rule='greater',
    ),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    visualization=dict(type='SegVisualizationHook', draw=True, interval=20),
)
tta_model = dict(type='EdgeTTAModel')
