"""`mim test mmpose --badcase` with a config of ours."""

import json
import os
import subprocess
import sys

import cv2
import pytest


@pytest.mark.slow
def test_mim_test_badcase(pose_config, pose_checkpoint, tiny_sample, tmp_path):
    """In a relative work folder, in several batches: all that is found lies in one folder."""
    done = subprocess.run(
        [sys.executable, '-c', 'from mim.cli import cli; cli()', 'test', 'mmpose', str(pose_config), '--checkpoint',
         str(pose_checkpoint), '--work-dir', 'work', '--badcase', '--cfg-options', 'test_dataloader.num_workers=0',
         'test_dataloader.persistent_workers=False', 'test_dataloader.batch_size=2'],
        capture_output=True, text=True, cwd=tmp_path, env=dict(os.environ, RAMPOSE_SAMPLE=str(tiny_sample)))
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    folder, = tmp_path.glob('work/**/badcase')
    assert len(folder.relative_to(tmp_path).parts) == 3
    found = json.loads((folder / 'results.json').read_text())
    pictures = list(folder.glob('*.jpg')) + list(folder.glob('*.png'))
    assert len(found) >= 8 and len(pictures) == len(found)  # random weights
    assert all(person['KeypointMSELoss'] >= 5 for person in found)
    for picture in pictures:
        source = tiny_sample / 'val' / (picture.name.split('_bbox')[0] + picture.suffix)
        drawn, original = cv2.imread(str(picture)), cv2.imread(str(source))
        assert drawn.shape == original.shape and (drawn != original).any()
