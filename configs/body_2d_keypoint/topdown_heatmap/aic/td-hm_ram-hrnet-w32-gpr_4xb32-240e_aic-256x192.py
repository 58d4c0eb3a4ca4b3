# RAM-HRNet-W32 + GPR on AI Challenger, 256x192 (h x w). The paper reports nothing on it; not trained here.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/schedules/sgdr_240e.py',
    '../../../_base_/datasets/topdown_256x192.py',
    '../../../_base_/models/ram-hrnet-w32_gpr.py',
]

dataset_type = 'AicDataset'
# Where AI Challenger lies, as MMPose wants it: $AIC_ROOT if it is set.
data_root = '{{$AIC_ROOT:data/aic}}'

model = dict(head=dict(out_channels=14, decoder=_base_.codec))

train_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        metainfo=dict(from_file='configs/_base_/datasets/aic.py'),
        ann_file='annotations/aic_train.json',
        data_prefix=dict(img='ai_challenger_keypoint_train_20170902/keypoint_train_images_20170902/')))
val_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        metainfo=dict(from_file='configs/_base_/datasets/aic.py'),
        ann_file='annotations/aic_val.json',
        data_prefix=dict(img='ai_challenger_keypoint_validation_20170911/keypoint_validation_images_20170911/')))
test_dataloader = val_dataloader

val_evaluator = dict(type='CocoMetric', ann_file=f'{data_root}/annotations/aic_val.json', use_area=False)
test_evaluator = val_evaluator
