# An example to copy: RAM-HRNet-W32 + GPR on keypoints of your own, here five of a person (docs/custom_keypoints.md).
# Not from the paper; not trained here.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/schedules/sgdr_240e.py',
    '../../../_base_/datasets/topdown_256x192.py',
    '../../../_base_/models/ram-hrnet-w32_gpr.py',
]

dataset_type = 'CocoDataset'  # reads any data set in COCO's format
# Where the data set lies: $FIVE_KEYPOINTS_ROOT if it is set.
data_root = '{{$FIVE_KEYPOINTS_ROOT:data/five_keypoints}}'

dataset_info = dict(
    dataset_name='five_keypoints',
    paper_info=dict(),
    # In the order of the annotations. swap: which keypoint it is in a mirrored picture, '' for itself. type: for
    # half-body augmentation, which MMPose leaves out below nine labelled keypoints; color: RGB, for drawings.
    keypoint_info={
        0: dict(name='nose', id=0, color=[51, 153, 255], type='upper', swap=''),
        1: dict(name='left_wrist', id=1, color=[0, 255, 0], type='upper', swap='right_wrist'),
        2: dict(name='right_wrist', id=2, color=[255, 128, 0], type='upper', swap='left_wrist'),
        3: dict(name='left_ankle', id=3, color=[0, 255, 0], type='lower', swap='right_ankle'),
        4: dict(name='right_ankle', id=4, color=[255, 128, 0], type='lower', swap='left_ankle'),
    },
    # What drawings connect.
    skeleton_info={
        0: dict(link=('nose', 'left_wrist'), id=0, color=[0, 255, 0]),
        1: dict(link=('nose', 'right_wrist'), id=1, color=[255, 128, 0]),
        2: dict(link=('left_wrist', 'left_ankle'), id=2, color=[0, 255, 0]),
        3: dict(link=('right_wrist', 'right_ankle'), id=3, color=[255, 128, 0]),
    },
    # Weight of each keypoint in the loss, where GenerateTarget has use_dataset_keypoint_weights=True.
    joint_weights=[1., 1.5, 1.5, 1.5, 1.5],
    # How far annotators disagree, as a share of the person's size: what OKS, and so AP, forgives. These are COCO's.
    sigmas=[0.026, 0.062, 0.062, 0.089, 0.089])

model = dict(head=dict(out_channels=5, decoder=_base_.codec))

train_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        metainfo=dataset_info,
        ann_file='annotations/train.json',
        data_prefix=dict(img='train/')))
val_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        metainfo=dataset_info,
        ann_file='annotations/val.json',
        data_prefix=dict(img='val/')))
test_dataloader = val_dataloader

val_evaluator = dict(type='CocoMetric', ann_file=f'{data_root}/annotations/val.json')
test_evaluator = val_evaluator
