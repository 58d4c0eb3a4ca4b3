# Paper, Sec. 4.3: SGDR with initial learning rate 0.001, T_0 = 16, T_mult = 2. Cycles end at epochs 16, 48, 112, 240.
# The paper's sentence lacks the number of epochs; 240 is the end of the fourth cycle (HRNet trains for 210).
train_cfg = dict(type='CheckedTrainLoop', max_epochs=240, val_interval=16)
val_cfg = dict()
test_cfg = dict()

optim_wrapper = dict(optimizer=dict(type='Adam', lr=1e-3))

param_scheduler = [
    dict(
        type='CosineRestartLR',
        periods=[16, 32, 64, 128],
        restart_weights=[1, 1, 1, 1],
        eta_min=0,
        by_epoch=True,
        convert_to_iter_based=True)
]

# 32 on each of the paper's 4 GPUs; with another batch, MMPose's --auto-scale-lr scales the learning rate.
auto_scale_lr = dict(base_batch_size=128)
