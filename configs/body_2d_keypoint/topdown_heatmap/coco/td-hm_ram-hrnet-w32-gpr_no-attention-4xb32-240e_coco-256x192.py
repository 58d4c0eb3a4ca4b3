# Ablation, Sec. 4.4: without the attention weights of RAM. COCO val2017: AP 75.7 reported by the paper, 76.0 in
# full. Not trained here.
_base_ = './td-hm_ram-hrnet-w32-gpr_4xb32-240e_coco-256x192.py'

model = dict(backbone=dict(with_attention=False))
