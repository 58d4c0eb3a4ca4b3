_base_ = './topdown_256x192.py'

dataset_type = 'CocoDataset'
# Where COCO lies: $COCO_ROOT if it is set, else data/coco as everywhere in MMPose.
data_root = '{{$COCO_ROOT:data/coco}}'

train_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        metainfo=dict(from_file='configs/_base_/datasets/coco.py'),
        ann_file='annotations/person_keypoints_train2017.json',
        data_prefix=dict(img='train2017/')))
val_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        metainfo=dict(from_file='configs/_base_/datasets/coco.py'),
        ann_file='annotations/person_keypoints_val2017.json',
        # Boxes of the Faster R-CNN that HRNet and SimpleBaseline are tested with, 56.4 AP on persons.
        bbox_file=f'{data_root}/person_detection_results/COCO_val2017_detections_AP_H_56_person.json',
        data_prefix=dict(img='val2017/')))
test_dataloader = val_dataloader

val_evaluator = dict(type='CocoMetric', ann_file=f'{data_root}/annotations/person_keypoints_val2017.json')
test_evaluator = val_evaluator
