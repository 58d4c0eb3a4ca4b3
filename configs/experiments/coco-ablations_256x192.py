# The paper's ablations (Sec. 4.4), W32 at 256x192 on COCO val2017, three seeds of 240 epochs. Not run here.
#   python rampose experiment configs/experiments/coco-ablations_256x192.py --gpus 4
title = 'Ablations on COCO val2017, W32 at 256x192'
folder = '../body_2d_keypoint/topdown_heatmap/coco'
metrics = dict(AP='coco/AP', AP50='coco/AP .5', AR='coco/AR')
seeds = [0, 1, 2]
candidates = dict(
    hrnet=dict(title='HRNet-W32', config='td-hm_hrnet-w32_4xb32-240e_coco-256x192.py'),
    ours=dict(title='RAM + GPR', config='td-hm_ram-hrnet-w32-gpr_4xb32-240e_coco-256x192.py'),
    no_attention=dict(
        title='without attention', config='td-hm_ram-hrnet-w32-gpr_no-attention-4xb32-240e_coco-256x192.py'),
    rescale_sum=dict(
        title='rescale and sum for GPR', config='td-hm_ram-hrnet-w32-gpr_rescale-sum-4xb32-240e_coco-256x192.py'),
    no_cutout=dict(
        title='without cutout', config='td-hm_ram-hrnet-w32-gpr_no-cutout-4xb32-240e_coco-256x192.py'))
comparisons = [
    ('ours', 'hrnet'),
    ('ours', 'no_attention'),
    ('ours', 'rescale_sum'),
    ('ours', 'no_cutout'),
]
