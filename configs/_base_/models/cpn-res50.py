# Cascaded Pyramid Network on ResNet-50: four heatmaps of GlobalNet under MSE, RefineNet's with hard keypoint mining.
model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(
        type='PoseDataPreprocessor', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True),
    backbone=dict(
        type='ResNet',
        depth=50,
        out_indices=(0, 1, 2, 3),
        init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet50')),
    head=dict(type='CPNHead', in_channels=[256, 512, 1024, 2048], out_channels=17),
    test_cfg=dict(flip_test=True, flip_mode='heatmap', shift_heatmap=True))
