# Table 1, "Ours of W32", 256x192 (h x w): 31.4 M parameters, 7.7 G multiply-adds / 2^30.
# COCO val2017, boxes of a Faster R-CNN with 56.4 AP on persons, flip test: AP 76.0 reported by the paper.
# Hardware of the paper: 4 Titan X, 32 persons on each. Not trained here.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/schedules/sgdr_240e.py',
    '../../../_base_/datasets/coco_topdown_256x192.py',
    '../../../_base_/models/ram-hrnet-w32_gpr.py',
]

model = dict(head=dict(decoder=_base_.codec))
