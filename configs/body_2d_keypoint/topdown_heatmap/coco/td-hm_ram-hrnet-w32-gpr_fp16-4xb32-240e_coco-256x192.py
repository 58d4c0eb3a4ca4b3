# As the config below it, in mixed precision with fp16: for a GPU, MMEngine's AmpOptimWrapper refuses a CPU.
# Not from the paper; not trained here.
_base_ = './td-hm_ram-hrnet-w32-gpr_4xb32-240e_coco-256x192.py'

optim_wrapper = dict(type='AmpOptimWrapper', dtype='float16', loss_scale='dynamic')
