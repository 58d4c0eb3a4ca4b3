# GPR on ResNet-50, 256x192 (h x w). 1x1 convolutions bring each stage to 256 channels first: a deconvolution of 2048
# channels alone would have 67 M parameters. Not from the paper; not trained here.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/schedules/sgdr_240e.py',
    '../../../_base_/datasets/coco_topdown_256x192.py',
    '../../../_base_/models/topdown.py',
]

model = dict(
    backbone=dict(
        type='ResNet',
        depth=50,
        out_indices=(0, 1, 2, 3),
        init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet50')),
    neck=dict(type='ChannelMapper', in_channels=[256, 512, 1024, 2048], kernel_size=1, out_channels=256, act_cfg=None),
    head=dict(type='GPRHead', in_channels=[256, 256, 256, 256], out_channels=17, decoder=_base_.codec))
