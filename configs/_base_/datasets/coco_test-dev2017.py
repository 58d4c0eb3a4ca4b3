# What differs on test-dev2017, which has no public annotations; rampose test-dev lays it over a config for COCO.
data_root = '{{$COCO_ROOT:data/coco}}'

test_dataloader = dict(
    dataset=dict(
        data_root=data_root,
        ann_file='annotations/image_info_test-dev2017.json',
        # Boxes of the Faster R-CNN that HRNet and SimpleBaseline are tested with, 60.9 AP on persons.
        bbox_file=f'{data_root}/person_detection_results/COCO_test-dev2017_detections_AP_H_609_person.json',
        data_prefix=dict(img='test2017/')))
test_evaluator = dict(type='CocoMetric', ann_file=f'{data_root}/annotations/image_info_test-dev2017.json')
