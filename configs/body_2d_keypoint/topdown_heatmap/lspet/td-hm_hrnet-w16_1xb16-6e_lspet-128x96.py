# HRNet of the same width and depth under the recipe of ours: what docs/evidence.md compares with.
_base_ = './td-hm_ram-hrnet-w16-gpr_1xb16-6e_lspet-128x96.py'

model = dict(
    backbone=dict(type='HRNet', extra=dict(stage4=dict(multiscale_output=False))),
    head=dict(
        _delete_=True,
        type='HeatmapHead',
        in_channels=16,
        out_channels=14,
        deconv_out_channels=None,
        loss=dict(type='KeypointMSELoss', use_target_weight=True),
        decoder=_base_.codec))
