# EfficientNet-Lite0 + GPR, third part of three: from the second part's weights, at the final resolution. Not from the
# paper. Measured: AP 43.4 on 300 images of val2017; 86 minutes on one slow CPU core, beside other work.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/schedules/adamw.py',
    '../../../_base_/datasets/coco_people_256x192.py',
    '../../../_base_/models/efficientnet-lite0_gpr.py',
]

max_epochs = 3
load_from = 'work_dirs/td-hm_efficientnet-lite0-gpr_1xb32-9e_coco-people-192x144/epoch_9.pth'
optim_wrapper = dict(optimizer=dict(lr=5e-4))
train_cfg = dict(max_epochs=max_epochs, val_interval=3)
param_scheduler = [
    dict(type='LinearLR', begin=0, end=200, start_factor=0.01, by_epoch=False),
    dict(type='CosineAnnealingLR', T_max=max_epochs, eta_min=0, by_epoch=True, convert_to_iter_based=True)
]
default_hooks = dict(checkpoint=dict(save_best=None))  # the last checkpoint, which val did not choose
model = dict(
    # What the earlier parts made of the layers at high resolution, which are the dearest to train.
    backbone=dict(frozen_stages=1, init_cfg=None),
    head=dict(decoder=_base_.codec),
    test_cfg=dict(shift_heatmap=False))  # UDP's heatmaps need no shift
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='ChannelsLastHook'),
    # Before a checkpoint is written: validation and checkpoints have the averaged weights.
    dict(type='EMAHook', ema_type='ExpMomentumEMA', momentum=0.002, update_buffers=True, priority=49),
]
