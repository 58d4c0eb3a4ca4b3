# RAM-HRNet-W32 + GPR on Leeds Sports Pose Extended, 256x192 (h x w). The paper reports nothing on it; not trained here.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/schedules/sgdr_240e.py',
    '../../../_base_/datasets/lsp.py',
    '../../../_base_/datasets/topdown_256x192.py',
    '../../../_base_/models/ram-hrnet-w32_gpr.py',
]

dataset_type = 'CrowdPoseDataset'
# Where LSPET lies, as rampose convert-lsp writes it: $LSPET_ROOT if it is set.
data_root = '{{$LSPET_ROOT:data/lspet}}'

model = dict(head=dict(out_channels=14, decoder=_base_.codec))

train_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        metainfo=_base_.dataset_info,
        ann_file='annotations/train.json',
        data_prefix=dict(img='images/')))
val_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        metainfo=_base_.dataset_info,
        ann_file='annotations/val.json',
        data_prefix=dict(img='images/')))
test_dataloader = val_dataloader

val_evaluator = [
    dict(type='CocoMetric', ann_file=f'{data_root}/annotations/val.json', prefix='lspet'),
    dict(type='PCKAccuracy', thr=0.2, norm_item='bbox', prefix='lspet'),
]
test_evaluator = val_evaluator

default_hooks = dict(checkpoint=dict(save_best='lspet/AP', rule='greater'))
