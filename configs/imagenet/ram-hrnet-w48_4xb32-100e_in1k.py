# RAM-HRNet-W48 as a classifier; all else as for W32. Not trained here.
_base_ = './ram-hrnet-w32_4xb32-100e_in1k.py'

model = dict(
    backbone=dict(
        extra=dict(
            stage2=dict(num_channels=(48, 96)),
            stage3=dict(num_channels=(48, 96, 192)),
            stage4=dict(num_channels=(48, 96, 192, 384)))),
    neck=[dict(type='HRFuseScales', in_channels=(48, 96, 192, 384)), dict(type='GlobalAveragePooling')])
