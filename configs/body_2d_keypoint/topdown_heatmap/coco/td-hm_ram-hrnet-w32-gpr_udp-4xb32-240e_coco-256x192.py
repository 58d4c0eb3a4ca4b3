# As the config below it, with the unbiased data processing of UDP. Not from the paper; not trained here.
_base_ = './td-hm_ram-hrnet-w32-gpr_4xb32-240e_coco-256x192.py'

codec = dict(type='UDPHeatmap', input_size=(192, 256), heatmap_size=(48, 64), sigma=2)

# UDP's flip test needs no shift.
model = dict(head=dict(decoder=codec), test_cfg=dict(shift_heatmap=False))

train_pipeline = _base_.train_pipeline
train_pipeline[-4] = dict(type='TopdownAffine', input_size=codec['input_size'], use_udp=True)
train_pipeline[-2] = dict(type='GenerateTarget', encoder=codec)
val_pipeline = _base_.val_pipeline
val_pipeline[-2] = dict(type='TopdownAffine', input_size=codec['input_size'], use_udp=True)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = val_dataloader
