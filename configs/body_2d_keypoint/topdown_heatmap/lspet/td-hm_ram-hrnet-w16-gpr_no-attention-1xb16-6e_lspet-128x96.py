# Ablation, Sec. 4.4: without the attention weights of RAM. Measured: docs/evidence.md.
_base_ = './td-hm_ram-hrnet-w16-gpr_1xb16-6e_lspet-128x96.py'

model = dict(backbone=dict(with_attention=False))
