import subprocess
import sys

BLOCKED = """
import importlib.abc, sys
class Block(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in ('mmengine', 'mmcv', 'mmdet', 'mmpose', 'cv2'):
            raise ImportError(f'{name} is blocked')
sys.meta_path.insert(0, Block())
"""


def run(code):
    return subprocess.run([sys.executable, '-c', BLOCKED + code], capture_output=True, text=True)


def test_layers_work_without_openmmlab():
    done = run("""
import torch
from rampose.layers import GradualPyramidRefinement, RescaleSum, ResolutionWiseAttention
maps = [torch.rand(1, 4, 8, 8), torch.rand(1, 8, 4, 4)]
assert GradualPyramidRefinement([4, 8])(maps).shape == RescaleSum([4, 8])(maps).shape == (1, 4, 8, 8)
assert ResolutionWiseAttention(4, 2)(maps[:1] * 2).shape == (1, 2)
""")
    assert done.returncode == 0, done.stderr


def test_importing_rampose_needs_nothing_and_its_version_is_the_installed_one():
    done = run("import rampose; print(rampose.__version__)")
    assert done.returncode == 0, done.stderr
    from importlib.metadata import version
    assert done.stdout.strip() == version('rampose')


def test_the_block_works():
    assert 'mmpose is blocked' in run('import mmpose').stderr
