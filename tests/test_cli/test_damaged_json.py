"""Annotations that are damaged in one place: a line that names the file, or a report, and never a traceback."""

import copy
import json
import shutil
from pathlib import Path

import pytest

from rampose.checkpoints.zoo import default_name
from rampose.cli.main import main


def change(part: str, **values):
    def apply(content):
        content[part][0].update(values)
    return apply


DAMAGES = dict(
    null_file_name=change('images', file_name=None), text_width=change('images', width='a'),
    no_images=lambda content: content.pop('images'), null_annotations=lambda content: content.update(annotations=None),
    null_categories=lambda content: content.update(categories=None),
    null_annotation=lambda content: content['annotations'].__setitem__(0, None),
    null_keypoints=change('annotations', keypoints=None), short_keypoints=change('annotations', keypoints=[1, 2]),
    text_keypoints=change('annotations', keypoints=['a'] * 51), null_box=change('annotations', bbox=None),
    text_box=change('annotations', bbox=['a', 'b', 'c', 'd']), null_area=change('annotations', area=None),
    null_image=change('annotations', image_id=None))


@pytest.mark.parametrize('damage', list(DAMAGES))
@pytest.mark.parametrize('command', ['compare', 'predict', 'convert-data', 'check-data'])
def test_damaged_annotations(tiny_sample, tmp_path, root, monkeypatch, capsys, command, damage):
    sample = tmp_path / 'sample'
    (sample / 'annotations').mkdir(parents=True)
    for split in ('train', 'val'):
        (sample / split).symlink_to(tiny_sample / split)
    name = 'annotations/person_keypoints_val.json'
    shutil.copyfile(tiny_sample / name.replace('val', 'train'), sample / name.replace('val', 'train'))
    content = json.loads((tiny_sample / name).read_text())
    DAMAGES[damage](content)
    file = sample / name
    file.write_text(json.dumps(copy.deepcopy(content)))
    monkeypatch.setenv('RAMPOSE_SAMPLE', str(sample))
    monkeypatch.setattr('rampose.lab.comparison.memory.memory_mb', lambda *_: 7)
    config = Path(root, 'configs/body_2d_keypoint/topdown_heatmap/sample/'
                        'td-hm_ram-hrnet-w16-gpr_1xb16-11e_sample-128x96.py')
    images, out = str(sample / 'val'), str(tmp_path / 'out')
    status = main({
        'compare': ['compare', default_name(), '--data', images, str(file), '--out', out, '--resamples', '10'],
        'predict': ['predict', images, '--boxes', str(file), '--out', out, '--no-draw'],
        'convert-data': ['convert-data', str(file), '--images', images, '--out', out],
        'check-data': ['check-data', str(config), '--split', 'val', '--out', out, '--workers', '1'],
    }[command])
    error = capsys.readouterr().err
    assert status in (0, 1, 2), error  # 4 is an error of our own
    assert 'Traceback' not in error
    if status == 2:
        assert str(file) in error and error.strip().count('\n') == 0
    if command == 'check-data' and status != 2:
        assert status == 1
