# Ablation, Sec. 4.4: GPR replaced by rescaling and summing. COCO val2017: AP 75.2 reported by the paper, 76.0 in
# full. Not trained here.
_base_ = './td-hm_ram-hrnet-w32-gpr_4xb32-240e_coco-256x192.py'

model = dict(head=dict(with_refinement=False))
