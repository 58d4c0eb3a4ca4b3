# RAM-HRNet-W32 + GPR on Human-Art, 256x192 (h x w). The paper reports nothing on it; not trained here.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/schedules/sgdr_240e.py',
    '../../../_base_/datasets/topdown_256x192.py',
    '../../../_base_/models/ram-hrnet-w32_gpr.py',
]

dataset_type = 'HumanArtDataset'
# The folder that holds HumanArt/ and coco/, whose pictures the training uses too: $HUMANART_ROOT if it is set.
data_root = '{{$HUMANART_ROOT:data}}'

model = dict(head=dict(out_channels=17, decoder=_base_.codec))

train_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        metainfo=dict(from_file='configs/_base_/datasets/humanart.py'),
        ann_file='HumanArt/annotations/training_humanart_coco.json',
        data_prefix=dict(img='')))
val_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        metainfo=dict(from_file='configs/_base_/datasets/humanart.py'),
        ann_file='HumanArt/annotations/validation_humanart.json',
        bbox_file=(f'{data_root}/HumanArt/person_detection_results/'
                   'HumanArt_validation_detections_AP_H_56_person.json'),
        data_prefix=dict(img='')))
test_dataloader = val_dataloader

val_evaluator = dict(type='CocoMetric', ann_file=f'{data_root}/HumanArt/annotations/validation_humanart.json')
test_evaluator = val_evaluator
