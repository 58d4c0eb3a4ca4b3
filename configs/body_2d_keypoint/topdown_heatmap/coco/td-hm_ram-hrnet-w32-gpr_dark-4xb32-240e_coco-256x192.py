# As the config below it, with the unbiased encoding and decoding of DARK. Not from the paper; not trained here.
_base_ = './td-hm_ram-hrnet-w32-gpr_4xb32-240e_coco-256x192.py'

codec = dict(type='MSRAHeatmap', input_size=(192, 256), heatmap_size=(48, 64), sigma=2, unbiased=True)

model = dict(head=dict(decoder=codec))

train_pipeline = _base_.train_pipeline
train_pipeline[-2] = dict(type='GenerateTarget', encoder=codec)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
