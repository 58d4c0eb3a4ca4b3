# RAM-HRNet-W32 + GPR on AP-10K, split 1, 256x256 (h x w). The paper reports nothing on it; not trained here.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/schedules/sgdr_240e.py',
    '../../../_base_/datasets/topdown_256x256.py',
    '../../../_base_/models/ram-hrnet-w32_gpr.py',
]

dataset_type = 'AP10KDataset'
# Where AP-10K lies, as MMPose wants it: $AP10K_ROOT if it is set.
data_root = '{{$AP10K_ROOT:data/ap10k}}'

model = dict(head=dict(out_channels=17, decoder=_base_.codec))

train_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        metainfo=dict(from_file='configs/_base_/datasets/ap10k.py'),
        ann_file='annotations/ap10k-train-split1.json',
        data_prefix=dict(img='data/')))
val_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        metainfo=dict(from_file='configs/_base_/datasets/ap10k.py'),
        ann_file='annotations/ap10k-val-split1.json',
        data_prefix=dict(img='data/')))
test_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        metainfo=dict(from_file='configs/_base_/datasets/ap10k.py'),
        ann_file='annotations/ap10k-test-split1.json',
        data_prefix=dict(img='data/')))

val_evaluator = dict(type='CocoMetric', ann_file=f'{data_root}/annotations/ap10k-val-split1.json')
test_evaluator = dict(type='CocoMetric', ann_file=f'{data_root}/annotations/ap10k-test-split1.json')
