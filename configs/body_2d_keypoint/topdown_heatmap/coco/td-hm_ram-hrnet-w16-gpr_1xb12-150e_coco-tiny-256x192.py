# Learns the 12 persons of coco_tiny by heart: a check of the whole pipeline on real photographs, not a model to use.
# $RAMPOSE_TEST_DATA holds the folder coco_tiny. Boxes: ground truth; a detector's: test with
#   --cfg-options test_dataloader.dataset.bbox_file=$RAMPOSE_TEST_DATA/coco_tiny/test_coco_det_AP_H_56.json
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/datasets/coco_topdown_256x192.py',
    '../../../_base_/models/ram-hrnet-w16_gpr_small.py',
]

data_root = '{{$RAMPOSE_TEST_DATA:data}}/coco_tiny'
max_epochs = 150

train_cfg = dict(type='CheckedTrainLoop', max_epochs=max_epochs, val_interval=max_epochs)
val_cfg = dict()
test_cfg = dict()
optim_wrapper = dict(optimizer=dict(type='Adam', lr=2e-3))
param_scheduler = [
    dict(type='LinearLR', begin=0, end=20, start_factor=0.01, by_epoch=False),
    dict(type='CosineAnnealingLR', T_max=max_epochs, eta_min=0, by_epoch=True, convert_to_iter_based=True)
]
default_hooks = dict(checkpoint=dict(interval=max_epochs), logger=dict(interval=1))
randomness = dict(seed=0)

codec = _base_.codec
codec.update(unbiased=True)
model = dict(head=dict(decoder=codec))

# By heart means without augmentation.
train_pipeline = [
    dict(type='LoadReadableImage'),
    dict(type='GetBBoxCenterScale', padding=1.25),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs')
]
train_dataloader = dict(
    batch_size=12,
    num_workers=1,
    dataset=dict(
        data_root=data_root, ann_file='test_coco.json', data_prefix=dict(img=''), pipeline=train_pipeline))
val_dataloader = dict(
    num_workers=1,
    dataset=dict(data_root=data_root, ann_file='test_coco.json', data_prefix=dict(img=''), bbox_file=None))
test_dataloader = val_dataloader
val_evaluator = dict(ann_file=f'{data_root}/test_coco.json')
test_evaluator = val_evaluator
