# Ablation, Sec. 4.4: without cutout. COCO val2017: 0.6 AP less than in full (76.0), reported by the
# paper. Not trained here.
_base_ = './td-hm_ram-hrnet-w32-gpr_4xb32-240e_coco-256x192.py'

train_dataloader = dict(dataset=dict(pipeline=[step for step in _base_.train_pipeline if step['type'] != 'Cutout']))
