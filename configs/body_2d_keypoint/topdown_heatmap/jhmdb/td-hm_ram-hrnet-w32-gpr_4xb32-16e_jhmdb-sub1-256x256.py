# RAM-HRNet-W32 + GPR on J-HMDB, split 1, 256x256 (h x w); for split 2 or 3, replace Sub1 by Sub2 or Sub3. The frames of
# its few clips resemble each other, hence one cycle of the schedule. The paper reports nothing on it; not trained here.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/schedules/sgdr_240e.py',
    '../../../_base_/datasets/topdown_256x256.py',
    '../../../_base_/models/ram-hrnet-w32_gpr.py',
]

dataset_type = 'JhmdbDataset'
# Where J-HMDB lies, as MMPose wants it: $JHMDB_ROOT if it is set.
data_root = '{{$JHMDB_ROOT:data/jhmdb}}'

model = dict(head=dict(out_channels=15, decoder=_base_.codec))

train_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        metainfo=dict(from_file='configs/_base_/datasets/jhmdb.py'),
        ann_file='annotations/Sub1_train.json',
        data_prefix=dict(img='')))
val_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        metainfo=dict(from_file='configs/_base_/datasets/jhmdb.py'),
        ann_file='annotations/Sub1_test.json',
        data_prefix=dict(img='')))
test_dataloader = val_dataloader

val_evaluator = dict(type='JhmdbPCKAccuracy', thr=0.2, norm_item=['bbox', 'torso'])
test_evaluator = val_evaluator

default_hooks = dict(checkpoint=dict(save_best='PCK', rule='greater'))

train_cfg = dict(max_epochs=16, val_interval=1)
param_scheduler = [
    dict(
        type='CosineRestartLR', periods=[16], restart_weights=[1], eta_min=0, by_epoch=True, convert_to_iter_based=True)
]
