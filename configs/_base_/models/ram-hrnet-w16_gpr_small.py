# A small member of the family for trying things out on a CPU: 16 channels, one module a stage, two blocks a branch.
_base_ = './ram-hrnet-w32_gpr.py'

model = dict(
    backbone=dict(
        extra=dict(
            stage1=dict(num_blocks=(1, ), num_channels=(16, )),
            stage2=dict(num_blocks=(2, 2), num_channels=(16, 32)),
            stage3=dict(num_modules=1, num_blocks=(2, 2, 2), num_channels=(16, 32, 64)),
            stage4=dict(num_modules=1, num_blocks=(2, 2, 2, 2), num_channels=(16, 32, 64, 128))),
        # Starts from nothing and has a few hundred steps, hence no tiny initial values like MMPose's.
        init_cfg=dict(_delete_=True, type='Kaiming', layer=['Conv2d'])),
    head=dict(in_channels=[16, 32, 64, 128]))
