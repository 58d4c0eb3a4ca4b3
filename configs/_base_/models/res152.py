# SimpleBaseline: three deconvolutions on ResNet-152.
_base_ = './topdown.py'

model = dict(
    backbone=dict(type='ResNet', depth=152, init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet152')),
    head=dict(
        type='HeatmapHead',
        in_channels=2048,
        out_channels=17,
        loss=dict(type='KeypointMSELoss', use_target_weight=True)))
