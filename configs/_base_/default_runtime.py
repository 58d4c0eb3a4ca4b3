default_scope = 'mmpose'
custom_imports = dict(imports=['rampose.plugin'], allow_failed_imports=False)

default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(
        type='DurableCheckpointHook', interval=1, max_keep_ckpts=2, save_best='coco/AP', rule='greater'),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    visualization=dict(type='PoseVisualizationHook', enable=False),
    # mim test mmpose CONFIG --checkpoint FILE --badcase: people whose keypoints are off by more than badcase_thr px^2
    badcase=dict(
        type='BadCasesHook',
        enable=False,
        out_dir='badcase',
        metric_type='loss',
        metric=dict(type='KeypointMSELoss', use_target_weight=True),  # of the labelled keypoints
        badcase_thr=5))
custom_hooks = [
    dict(type='KeypointNumberHook'),  # head, metainfo and annotations must mean the same keypoints
    dict(type='SampleSeedHook'),  # a resumed run draws the augmentations of the uninterrupted one
    dict(type='StopOnInvalidLossHook'),  # at the first NaN, with what it came from
    dict(type='SyncBuffersHook'),  # BN statistics, over processes, at the end of each epoch
    dict(type='AttentionHook', interval=500),  # mean and spread of the attention weights, to the visualizer
    dict(type='PredictionPicturesHook'),  # the same four validation pictures after every validation, to the visualizer
    dict(type='EpochSummaryHook'),  # a line for each epoch
]

env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'))

vis_backends = [dict(type='LocalVisBackend'), dict(type='OptionalTensorboardVisBackend')]
visualizer = dict(type='PoseLocalVisualizer', vis_backends=vis_backends, name='visualizer')

log_processor = dict(type='LogProcessor', window_size=50, by_epoch=True, num_digits=6)
log_level = 'INFO'
load_from = None
resume = False
