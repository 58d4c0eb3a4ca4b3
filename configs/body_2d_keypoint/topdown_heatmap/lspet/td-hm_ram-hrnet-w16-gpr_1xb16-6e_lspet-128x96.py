# RAM-HRNet + GPR, narrow, on Leeds Sports Pose Extended: "ours" in docs/evidence.md. Not from the paper: the recipe is
# for minutes on a CPU core, hence a low resolution with DARK's unbiased coding, small batches and a short schedule.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/datasets/lsp.py',
    '../../../_base_/datasets/topdown_256x192.py',
    '../../../_base_/models/ram-hrnet-w16_gpr_small.py',
]

dataset_type = 'CrowdPoseDataset'
# Where LSPET lies, as rampose convert-lsp writes it: $LSPET_ROOT if it is set.
data_root = '{{$LSPET_ROOT:data/lspet}}'
max_epochs = 6

train_cfg = dict(type='CheckedTrainLoop', max_epochs=max_epochs, val_interval=2)
val_cfg = dict()
test_cfg = dict()
optim_wrapper = dict(optimizer=dict(type='Adam', lr=2e-3, foreach=True))
param_scheduler = [
    dict(type='LinearLR', begin=0, end=200, start_factor=0.01, by_epoch=False),
    dict(type='CosineAnnealingLR', T_max=max_epochs, eta_min=0, by_epoch=True, convert_to_iter_based=True)
]
auto_scale_lr = dict(base_batch_size=16)
default_hooks = dict(checkpoint=dict(save_best='lspet/AP'))
custom_hooks = [*_base_.custom_hooks, dict(type='ChannelsLastHook')]
randomness = dict(seed=0)

codec = dict(type='MSRAHeatmap', input_size=(96, 128), heatmap_size=(24, 32), sigma=2, unbiased=True)
model = dict(head=dict(out_channels=14, decoder=codec))

# The annotations' boxes are padded by 12.5 % on each side already.
train_pipeline = [
    dict(type='LoadReadableImage', keep=True),
    dict(type='GetBBoxCenterScale', padding=1.),
    dict(type='RandomFlip', direction='horizontal', prob=0.5),
    dict(type='RandomBBoxTransform', shift_prob=0., scale_factor=(0.75, 1.25), rotate_factor=45, rotate_prob=0.6),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='Cutout', side=0.25, prob=0.5),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs')
]
val_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale', padding=1.),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='PackPoseInputs')
]
# No workers: each would keep the pictures for itself, and on 2 cores they take more than they give.
train_dataloader = dict(
    batch_size=16,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        metainfo=_base_.dataset_info,
        ann_file='annotations/train.json',
        data_prefix=dict(img='images/'),
        pipeline=train_pipeline))
val_dataloader = dict(
    num_workers=0,
    persistent_workers=False,
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        metainfo=_base_.dataset_info,
        ann_file='annotations/val.json',
        data_prefix=dict(img='images/'),
        pipeline=val_pipeline))
test_dataloader = val_dataloader
val_evaluator = [
    dict(type='CocoMetric', ann_file=f'{data_root}/annotations/val.json', prefix='lspet'),
    dict(type='PCKAccuracy', thr=0.2, norm_item='bbox', prefix='lspet'),
]
test_evaluator = val_evaluator
