# Table 1, "Stacked Hourglass", 256x192 (h x w): 25.1 M parameters, 14.3 G multiply-adds / 2^30.
# COCO val2017: AP 66.9 reported by the paper. Under our recipe, so that a difference in AP is the architecture's.
# Not trained here.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/schedules/sgdr_240e.py',
    '../../../_base_/datasets/coco_topdown_256x192.py',
    '../../../_base_/models/topdown.py',
]

model = dict(
    backbone=dict(type='StackedHourglass', out_channels=17),
    head=dict(
        type='CPMHead',
        in_channels=17,
        out_channels=17,
        num_stages=8,
        final_layer=None,
        loss=dict(type='KeypointMSELoss', use_target_weight=True),
        decoder=_base_.codec))
