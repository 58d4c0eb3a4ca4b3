# HRNet with its plain head, on the same code path as ours.
_base_ = './ram-hrnet-w32_gpr.py'

model = dict(
    backbone=dict(type='HRNet', extra=dict(stage4=dict(multiscale_output=False))),
    head=dict(
        _delete_=True,
        type='HeatmapHead',
        in_channels=32,
        out_channels=17,
        deconv_out_channels=None,
        loss=dict(type='KeypointMSELoss', use_target_weight=True)))
