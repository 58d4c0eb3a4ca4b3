# Ablation, Sec. 4.4: without cutout. Measured: docs/evidence.md.
_base_ = './td-hm_ram-hrnet-w16-gpr_1xb16-6e_lspet-128x96.py'

train_dataloader = dict(dataset=dict(pipeline=[step for step in _base_.train_pipeline if step['type'] != 'Cutout']))
