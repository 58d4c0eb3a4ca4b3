# RAM-HRNet + GPR, narrow, trained for long: the small model of checkpoints/. Not from the paper.
_base_ = './td-hm_ram-hrnet-w16-gpr_1xb16-6e_lspet-128x96.py'

max_epochs = 40
train_cfg = dict(max_epochs=max_epochs, val_interval=5)
param_scheduler = [
    dict(type='LinearLR', begin=0, end=200, start_factor=0.01, by_epoch=False),
    dict(type='CosineAnnealingLR', T_max=max_epochs, eta_min=0, by_epoch=True, convert_to_iter_based=True)
]
