# Ablation, Sec. 4.4: GPR replaced by rescaling and summing. Measured: docs/evidence.md.
_base_ = './td-hm_ram-hrnet-w16-gpr_1xb16-6e_lspet-128x96.py'

model = dict(head=dict(with_refinement=False))
