# Table 1, "SimpleBaseline", 256x192 (h x w): 68.6 M parameters, 15.7 G multiply-adds / 2^30.
# COCO val2017: AP 72.0 reported by the paper. Under our recipe, so that a difference in AP is the architecture's.
# Not trained here.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/schedules/sgdr_240e.py',
    '../../../_base_/datasets/coco_topdown_256x192.py',
    '../../../_base_/models/res152.py',
]

model = dict(head=dict(decoder=_base_.codec))
