# A member of Table 1's "Ensembled CPN", 384x288 (h x w). Under our recipe. Not trained here.
_base_ = './td-hm_cpn-res50_4xb32-240e_coco-384x288.py'

model = dict(backbone=dict(depth=101, init_cfg=dict(checkpoint='torchvision://resnet101')))
