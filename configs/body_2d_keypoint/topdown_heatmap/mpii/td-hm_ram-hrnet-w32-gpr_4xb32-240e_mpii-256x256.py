# RAM-HRNet-W32 + GPR on MPII, 256x256 (h x w). The paper reports nothing on it; not trained here.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/schedules/sgdr_240e.py',
    '../../../_base_/datasets/topdown_256x256.py',
    '../../../_base_/models/ram-hrnet-w32_gpr.py',
]

dataset_type = 'MpiiDataset'
# Where MPII lies, as MMPose wants it: $MPII_ROOT if it is set.
data_root = '{{$MPII_ROOT:data/mpii}}'

model = dict(head=dict(out_channels=16, decoder=_base_.codec))

train_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        metainfo=dict(from_file='configs/_base_/datasets/mpii.py'),
        ann_file='annotations/mpii_train.json',
        data_prefix=dict(img='images/')))
val_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        metainfo=dict(from_file='configs/_base_/datasets/mpii.py'),
        ann_file='annotations/mpii_val.json',
        headbox_file=f'{data_root}/annotations/mpii_gt_val.mat',
        data_prefix=dict(img='images/')))
test_dataloader = val_dataloader

val_evaluator = dict(type='MpiiPCKAccuracy')
test_evaluator = val_evaluator

default_hooks = dict(checkpoint=dict(save_best='PCK', rule='greater'))
