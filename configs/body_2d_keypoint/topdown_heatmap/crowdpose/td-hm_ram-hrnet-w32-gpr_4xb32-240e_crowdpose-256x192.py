# RAM-HRNet-W32 + GPR on CrowdPose, 256x192 (h x w). The paper reports nothing on it; not trained here.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/schedules/sgdr_240e.py',
    '../../../_base_/datasets/topdown_256x192.py',
    '../../../_base_/models/ram-hrnet-w32_gpr.py',
]

dataset_type = 'CrowdPoseDataset'
# Where CrowdPose lies, as MMPose wants it: $CROWDPOSE_ROOT if it is set.
data_root = '{{$CROWDPOSE_ROOT:data/crowdpose}}'

model = dict(head=dict(out_channels=14, decoder=_base_.codec))

train_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        metainfo=dict(from_file='configs/_base_/datasets/crowdpose.py'),
        ann_file='annotations/mmpose_crowdpose_trainval.json',
        data_prefix=dict(img='images/')))
val_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        metainfo=dict(from_file='configs/_base_/datasets/crowdpose.py'),
        ann_file='annotations/mmpose_crowdpose_test.json',
        bbox_file=f'{data_root}/annotations/det_for_crowd_test_0.1_0.5.json',
        data_prefix=dict(img='images/')))
test_dataloader = val_dataloader

val_evaluator = dict(
    type='CocoMetric',
    ann_file=f'{data_root}/annotations/mmpose_crowdpose_test.json',
    use_area=False,
    iou_type='keypoints_crowd',
    prefix='crowdpose')
test_evaluator = val_evaluator

default_hooks = dict(checkpoint=dict(save_best='crowdpose/AP', rule='greater'))
