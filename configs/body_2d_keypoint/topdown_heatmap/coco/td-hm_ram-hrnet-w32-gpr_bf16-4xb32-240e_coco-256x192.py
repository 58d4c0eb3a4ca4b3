# As the config below it, in mixed precision with bf16, for a GPU that has it (Ampere or later); MMEngine's
# AmpOptimWrapper refuses a CPU. Not from the paper; not trained here.
_base_ = './td-hm_ram-hrnet-w32-gpr_4xb32-240e_coco-256x192.py'

optim_wrapper = dict(type='AmpOptimWrapper', dtype='bfloat16')
