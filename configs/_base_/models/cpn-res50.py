# Cascaded Pyramid Network on ResNet-50: four heatmaps of GlobalNet under MSE, RefineNet's with hard keypoint mining.
_base_ = './topdown.py'

model = dict(
    backbone=dict(
        type='ResNet',
        depth=50,
        out_indices=(0, 1, 2, 3),
        init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet50')),
    head=dict(type='CPNHead', in_channels=[256, 512, 1024, 2048], out_channels=17))
