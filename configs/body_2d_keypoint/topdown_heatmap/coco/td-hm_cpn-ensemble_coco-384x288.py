# Table 1, "Ensembled CPN", 384x288 (h x w). COCO test-dev2017: AP 73.0 reported by the paper, which does not say of
# which CPNs. For testing alone; train the members by their own configs.
#
#   mim test mmpose THIS --checkpoint work_dirs/td-hm_cpn-res50_4xb32-240e_coco-384x288/epoch_240.pth
#
# The checkpoint of the command is the first member's; $CPN_RES101 names the second's, where it is not in work_dirs.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/datasets/coco_topdown_384x288.py',
]

model = dict(
    type='TopdownEnsemble',
    members=[
        dict(config='{{fileDirname}}/td-hm_cpn-res50_4xb32-240e_coco-384x288.py'),
        dict(
            config='{{fileDirname}}/td-hm_cpn-res101_4xb32-240e_coco-384x288.py',
            checkpoint='{{$CPN_RES101:work_dirs/td-hm_cpn-res101_4xb32-240e_coco-384x288/epoch_240.pth}}'),
    ])

train_dataloader = None
val_cfg = dict()
test_cfg = dict()
