# EfficientNet-Lite0 + GPR, first part of three: at a low resolution, from ImageNet weights. Not from the paper.
# Measured: AP 23.0 on 300 images of val2017; 34 minutes on one CPU core.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/schedules/adamw.py',
    '../../../_base_/datasets/coco_people_128x96.py',
    '../../../_base_/models/efficientnet-lite0_gpr.py',
]

max_epochs = 6
train_cfg = dict(max_epochs=max_epochs, val_interval=3)
param_scheduler = [
    dict(type='LinearLR', begin=0, end=200, start_factor=0.01, by_epoch=False),
    dict(
        type='CosineAnnealingLR', T_max=max_epochs, eta_min_ratio=0.1, by_epoch=True, convert_to_iter_based=True)
]
default_hooks = dict(checkpoint=dict(save_best=None))  # the last checkpoint, which val did not choose
model = dict(head=dict(decoder=_base_.codec), test_cfg=dict(shift_heatmap=False))  # UDP's heatmaps need no shift
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='ChannelsLastHook'),
    # Before a checkpoint is written: validation and checkpoints have the averaged weights.
    dict(type='EMAHook', ema_type='ExpMomentumEMA', momentum=0.002, update_buffers=True, priority=49),
]
