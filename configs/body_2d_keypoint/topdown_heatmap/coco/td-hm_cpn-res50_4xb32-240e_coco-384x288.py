# A member of Table 1's "Ensembled CPN", 384x288 (h x w), of which the paper reports no more than the ensemble's AP.
# Under our recipe. Not trained here.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/schedules/sgdr_240e.py',
    '../../../_base_/datasets/coco_topdown_384x288.py',
    '../../../_base_/models/cpn-res50.py',
]

model = dict(head=dict(decoder=_base_.codec))
