# RAM-HRNet-W32 + GPR on COCO-WholeBody, 256x192 (h x w). The paper reports nothing on it; not trained here.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/schedules/sgdr_240e.py',
    '../../../_base_/datasets/topdown_256x192.py',
    '../../../_base_/models/ram-hrnet-w32_gpr.py',
]

dataset_type = 'CocoWholeBodyDataset'
# Where COCO lies, with the annotations of COCO-WholeBody: $COCO_ROOT if it is set.
data_root = '{{$COCO_ROOT:data/coco}}'

model = dict(head=dict(out_channels=133, decoder=_base_.codec))

train_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        metainfo=dict(from_file='configs/_base_/datasets/coco_wholebody.py'),
        ann_file='annotations/coco_wholebody_train_v1.0.json',
        data_prefix=dict(img='train2017/')))
val_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        metainfo=dict(from_file='configs/_base_/datasets/coco_wholebody.py'),
        ann_file='annotations/coco_wholebody_val_v1.0.json',
        bbox_file=f'{data_root}/person_detection_results/COCO_val2017_detections_AP_H_56_person.json',
        data_prefix=dict(img='val2017/')))
test_dataloader = val_dataloader

val_evaluator = dict(type='CocoWholeBodyMetric', ann_file=f'{data_root}/annotations/coco_wholebody_val_v1.0.json')
test_evaluator = val_evaluator

default_hooks = dict(checkpoint=dict(save_best='coco-wholebody/AP', rule='greater'))
