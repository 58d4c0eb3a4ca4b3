# For small data and few epochs: AdamW. The config that takes
# it sets the epochs and the course of the learning rate.
train_cfg = dict(type='CheckedTrainLoop')
val_cfg = dict()
test_cfg = dict()
optim_wrapper = dict(
    optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.05),
    paramwise_cfg=dict(norm_decay_mult=0, bias_decay_mult=0))
auto_scale_lr = dict(base_batch_size=32)
randomness = dict(seed=0)
