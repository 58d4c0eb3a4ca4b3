# RAM-HRNet-W32 + GPR on OneHand10K, 256x256 (h x w). Hands point anywhere, hence any rotation, as in MMPose's recipe.
# The paper reports nothing on it; not trained here.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/schedules/sgdr_240e.py',
    '../../../_base_/datasets/topdown_256x256.py',
    '../../../_base_/models/ram-hrnet-w32_gpr.py',
]

dataset_type = 'OneHand10KDataset'
# Where OneHand10K lies, as MMPose wants it: $ONEHAND10K_ROOT if it is set.
data_root = '{{$ONEHAND10K_ROOT:data/onehand10k}}'

train_pipeline = [
    dict(type='LoadReadableImage'),
    dict(type='GetBBoxCenterScale', padding=1.25),
    dict(type='RandomFlip', direction='horizontal', prob=0.5),
    dict(type='RandomBBoxTransform', shift_prob=0., scale_factor=(0.7, 1.3), rotate_factor=180),
    dict(type='TopdownAffine', input_size=_base_.codec['input_size']),
    dict(type='Cutout', side=0.25, prob=0.5),
    dict(type='GenerateTarget', encoder=_base_.codec),
    dict(type='PackPoseInputs')
]

model = dict(head=dict(out_channels=21, decoder=_base_.codec))

train_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        metainfo=dict(from_file='configs/_base_/datasets/onehand10k.py'),
        ann_file='annotations/onehand10k_train.json',
        data_prefix=dict(img=''),
        pipeline=train_pipeline))
val_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        metainfo=dict(from_file='configs/_base_/datasets/onehand10k.py'),
        ann_file='annotations/onehand10k_test.json',
        data_prefix=dict(img='')))
test_dataloader = val_dataloader

val_evaluator = [dict(type='PCKAccuracy', thr=0.2), dict(type='AUC'), dict(type='EPE')]
test_evaluator = val_evaluator

default_hooks = dict(checkpoint=dict(save_best='AUC', rule='greater'))
