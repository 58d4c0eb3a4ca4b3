"""What check-data finds in the annotations is found before a run, too, in one line."""

import copy
import json
from pathlib import Path

import pytest
from mmengine.runner import Runner

from rampose.cli.main import main
from rampose.engine.data_checks import check_data
from rampose.engine.stopping import RunStopped


@pytest.fixture
def damaged(tiny_config, tiny_sample, tmp_path):
    """The config with a changed copy of a split's annotations."""
    def _damaged(split, change):
        content = json.loads((tiny_sample / f'annotations/person_keypoints_{split}.json').read_text())
        change(content)
        path = tmp_path / f'{split}.json'
        path.write_text(json.dumps(content))
        config = copy.deepcopy(tiny_config)
        config[f'{split}_dataloader'].dataset.ann_file = str(path)
        return config
    return _damaged


def everybody(**changes):
    return lambda content: [one.update(changes) for one in content['annotations']]


def corners(content):
    for one in content['annotations']:
        x, y, w, h = one['bbox']
        one['bbox'] = [x, y, x + w, y + h]


def shares(content):
    sizes = {image['id']: (image['width'], image['height'], 1) for image in content['images']}
    for one in content['annotations']:
        one['keypoints'] = [value / sizes[one['image_id']][i % 3] for i, value in enumerate(one['keypoints'])]


def hidden(content):
    for one in content['annotations']:
        one['keypoints'][2::3] = [-1 if value == 0 else value for value in one['keypoints'][2::3]]


SPOILT = {
    'area 0': ('val', everybody(area=0), r'area missing or 0 \(\d+ times: annotation'),
    'visibility -1': ('train', hidden, r'visibility other than 0, 1, 2'),
    'corners for boxes': ('train', corners, r'boxes of another form'),
    'shares of the image': ('train', shares, r'keypoints in shares of the image'),
    'no sizes': ('train', lambda content: content['images'][0].pop('width'), r'image without size \(1 times'),
    'ids of text': ('train', lambda content: content['annotations'][0].update(id='a'), r'id that is no number'),
    'crowds of text': ('train', everybody(iscrowd='1'), r'nobody to train on .*crowd flag that is no number'),
    'too few keypoints': ('train', lambda content: content['annotations'][0].update(keypoints=[1, 2, 2]),
                          r'wrong number of keypoints \(1 times: .*3 numbers instead of 51'),
    'another order': ('train', lambda content: content['categories'][0]['keypoints'].reverse(),
                      r'keypoints in another order'),
    'no JSON': ('train', lambda content: content.pop('images'), r"not in COCO's format"),
}


@pytest.mark.parametrize('name', SPOILT)
def test_what_spoils_a_run_stops_it_and_is_what_check_data_finds(damaged, name, tmp_path, capsys):
    split, change, message = SPOILT[name]
    config = damaged(split, change)
    with pytest.raises(ValueError, match=message) as caught:
        check_data(config)
    assert '\n' not in str(caught.value)
    config.dump(tmp_path / 'config.py')
    status = main(['check-data', str(tmp_path / 'config.py'), '--split', split, '--out', str(tmp_path / 'out')])
    assert status in (1, 2)
    if status == 1:
        kinds = json.loads((tmp_path / 'out/report.json').read_text())['problems']
        assert all(kind in str(caught.value) for kind in kinds if kind != 'box without its keypoints')


def test_the_loop_stops_before_the_data_is_loaded(damaged, monkeypatch):
    runner = Runner.from_cfg(damaged('train', hidden))
    monkeypatch.setattr(Runner, 'build_dataloader', None)
    with pytest.raises(RunStopped, match='visibility other than'):
        runner.train()


def test_what_is_only_odd_is_a_warning(damaged, monkeypatch):
    said = []
    monkeypatch.setattr('rampose.engine.data_checks.print_log', lambda text, *_: said.append(text))
    check_data(damaged('train', lambda content: content['annotations'][0].update(num_keypoints=1)))
    (text, ) = said
    assert 'num_keypoints disagrees (1)' in text and 'rampose check-data' in text and '--split train' in text


def test_areas_matter_to_who_divides_by_them(damaged):
    check_data(damaged('train', everybody(area=0)))
    config = damaged('val', everybody(area=0))
    config.val_evaluator = dict(type='CocoMetric', use_area=False)
    check_data(config)


def test_detections_of_no_person(tiny_config, tmp_path):
    path = Path(tmp_path / 'detections.json')
    path.write_text(json.dumps([dict(image_id=100001, category_id=0, bbox=[1, 2, 30, 40], score=0.5)]))
    tiny_config.val_dataloader.dataset.bbox_file = str(path)
    with pytest.raises(ValueError, match='detections of no person'):
        check_data(tiny_config)


def test_other_formats_are_left_to_those_who_read_them(damaged):
    config = damaged('train', lambda content: content['annotations'][0].update(keypoints=[]))
    config.train_dataloader.dataset.type = 'CocoWholeBodyDataset'
    check_data(config)
