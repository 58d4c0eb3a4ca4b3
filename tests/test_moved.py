"""Old import paths work, and say where their contents are now."""

import importlib
import subprocess
import sys

import pytest

from rampose._moved import MOVED


@pytest.mark.parametrize(('old', 'name'), [
    ('rampose.datasets.sample', 'make_sample'), ('rampose.analysis.attention', 'record_attention'),
    ('rampose.analysis.attention', 'predict_with_attention'), ('rampose.deploy.export', 'export'),
    ('rampose.engine.checkpoint', 'CheckpointError'), ('rampose.apis.images', 'read_image'),
    ('rampose.apis.bboxes', 'BoxFile'), ('rampose.analysis.complexity', 'complexity'),
    ('rampose.experiments.plan', 'read_plan'), ('rampose.files', 'written_whole')])
def test_an_old_path_gives_the_same_and_warns(old, name):
    sys.modules.pop(old, None)
    with pytest.warns(DeprecationWarning, match=f'{old} has moved to rampose'):
        module = importlib.import_module(old)
    new = [importlib.import_module(place) for place in MOVED[old]]
    assert any(getattr(module, name) is getattr(place, name, None) for place in new)
    with pytest.raises(AttributeError, match='has no attribute'):
        getattr(module, 'nothing_of_that_name')  # noqa: B009


def test_every_new_place_exists():
    for places in MOVED.values():
        for place in places:
            if 'pretraining' not in place:  # an error on purpose where MMPretrain is missing
                importlib.import_module(place)


def test_the_line_that_users_have_written(root, tmp_path):
    code = 'from rampose.datasets.sample import make_sample; print(make_sample.__module__)'
    done = subprocess.run([sys.executable, '-W', 'error::DeprecationWarning:rampose.none', '-c', code],
                          capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0 and done.stdout.strip() == 'rampose.lab.sample', done.stderr
