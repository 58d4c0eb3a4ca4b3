# The model of `make demo`: RAM-HRNet + GPR, narrow, on the generated sample set. Not from the paper: the recipe is for
# a few minutes on 2 cores, hence a low resolution with DARK's unbiased coding, little augmentation, a short schedule.
# coco/AP on the sample's val split, measured on 2 CPU cores: 0.829; the whole demo takes 5.0 minutes.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/datasets/coco_topdown_256x192.py',
    '../../../_base_/models/ram-hrnet-w16_gpr_small.py',
]

# Where the sample set lies: $RAMPOSE_SAMPLE if it is set.
data_root = '{{$RAMPOSE_SAMPLE:data/sample}}'
max_epochs = 11

train_cfg = dict(type='CheckedTrainLoop', max_epochs=max_epochs, val_interval=5)
val_cfg = dict()
test_cfg = dict()
optim_wrapper = dict(optimizer=dict(type='Adam', lr=4e-3, foreach=True))
param_scheduler = [
    dict(type='LinearLR', begin=0, end=50, start_factor=0.01, by_epoch=False),
    dict(type='CosineAnnealingLR', T_max=max_epochs, eta_min=0, by_epoch=True, convert_to_iter_based=True)
]
auto_scale_lr = dict(base_batch_size=16)
default_hooks = dict(logger=dict(interval=20))
custom_hooks = [*_base_.custom_hooks, dict(type='ChannelsLastHook')]
randomness = dict(seed=0)

codec = dict(type='MSRAHeatmap', input_size=(96, 128), heatmap_size=(24, 32), sigma=2, unbiased=True)
model = dict(head=dict(decoder=codec))

train_pipeline = [
    dict(type='LoadReadableImage'),
    dict(type='GetBBoxCenterScale', padding=1.25),
    dict(type='RandomFlip', direction='horizontal', prob=0.5),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='Cutout', side=0.25, prob=0.1),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs')
]
val_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale', padding=1.25),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='PackPoseInputs')
]
# No workers: on 2 cores they take more from the training than they give (0.31 s against 0.35 s a step).
train_dataloader = dict(
    batch_size=16,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(
        data_root=data_root,
        ann_file='annotations/person_keypoints_train.json',
        data_prefix=dict(img='train/'),
        pipeline=train_pipeline))
val_dataloader = dict(
    num_workers=0,
    persistent_workers=False,
    dataset=dict(
        data_root=data_root,
        ann_file='annotations/person_keypoints_val.json',
        bbox_file=None,  # the sample's own boxes
        data_prefix=dict(img='val/'),
        pipeline=val_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(ann_file=f'{data_root}/annotations/person_keypoints_val.json')
test_evaluator = val_evaluator
