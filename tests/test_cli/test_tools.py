"""The tools: what they find, what they print, how they fail."""

import csv
import json
import os
import subprocess
import sys

import cv2
import pytest

from rampose.lab.plots import plot_training


@pytest.fixture
def check_env():
    from rampose.lab import environment
    return environment


HEALTHY = dict(torch='2.13.0', torchvision='0.28.0', mmengine='0.10.7', mmcv='2.1.0', mmdet='3.3.0', mmpose='1.3.2',
               numpy='1.26.4', xtcocotools='1.14.3', setuptools='80.10.2')
ONEDL = {'mmengine': None, 'mmcv': None, 'mmdet': None, 'onedl-mmengine': '0.10.12', 'onedl-mmcv': '2.3.6',
         'onedl-mmdetection': '3.5.1', 'numpy': '2.5.5'}
LIGHT = dict(dict.fromkeys(HEALTHY), numpy='2.5.5', openvino='2026.4.1')


@pytest.fixture
def check(check_env):
    """Problems of versions that differ from a healthy set, where some imports fail."""
    def _check(change, broken_imports=()):
        return check_env.find_problems(
            {**HEALTHY, **change},
            lambda statement: 'ImportError: broken' if statement.split()[-1] in broken_imports else None)
    return _check


@pytest.mark.parametrize(('change', 'broken_imports', 'what', 'remedy'), [
    (dict(mmpose=None), (), 'mmpose is not installed', 'install "mmpose>=1.1.0"'),
    (dict(mmcv='1.7.2'), (), 'mmcv 1.7.2 is too old', '--upgrade "mmcv>=2.0.1"'),
    (dict(mmcv='2.2.0'), (), 'mmcv 2.2.0 is too new for mmdet 3.3.0', 'mmcv==2.1.0'),
    ({'mmcv': None, 'onedl-mmcv': '2.3.6'}, (), 'onedl-mmcv 2.3.6 is too new for mmdet 3.3.0', 'mmcv==2.1.0'),
    ({}, ('mmcv._ext', ), 'lacks its compiled operators', 'MMCV_WITH_OPS=1'),
    (ONEDL, ('mmcv._ext', ), 'onedl-mmcv 2.3.6 lacks its compiled operators', 'onedl-mmcv==2.3.6'),
    ({'onedl-mmengine': '0.10.12'}, (), 'mmengine 0.10.7 and onedl-mmengine 0.10.12 are imported by one name',
     'uninstall -y mmengine onedl-mmengine'),
    (dict(numpy='2.3.1'), ('xtcocotools._mask', ), 'xtcocotools 1.14.3 does not work with numpy 2.3.1',
     'numpy<2' if sys.version_info < (3, 12) else '--no-binary xtcocotools'),
    ({}, ('torchvision', ), 'torchvision 0.28.0 does not fit torch 2.13.0', 'torch torchvision'),
    (dict(setuptools='82.0.0'), ('pkg_resources', ), 'setuptools 82.0.0 has no pkg_resources', '"setuptools<81"'),
    (dict(setuptools=None), ('pkg_resources', ), 'setuptools is not installed and has no pkg_resources',
     '"setuptools<81"'),
    (dict(mmengine='0.7.4', yapf='0.43.0'), (), 'mmengine 0.7.4 cannot print a config with yapf 0.43.0', '"yapf<0.'),
    ({}, ('rampose.plugin', ), 'rampose cannot be imported', '--no-deps -e'),
    (dict(LIGHT, openvino=None), (), 'neither torch and MMPose', 'install openvino'),
    (dict(LIGHT, numpy=None), (), 'numpy is not installed', 'install numpy'),
])
def test_check_env_names_the_clash_and_the_remedy(check, change, broken_imports, what, remedy):
    (problem, ) = check(change, broken_imports)
    assert problem.blocking and what in problem.what and remedy in problem.remedy


@pytest.mark.parametrize(('change', 'broken_imports', 'what', 'remedy'), [
    (dict(mmpretrain='1.2.0', transformers='5.24.0'), ('mmpretrain.models', ),
     'mmpretrain 1.2.0 cannot be imported beside transformers 5.24.0', '"transformers<4.50"'),
    (dict(pyarrow='26.0.0'), (), 'pyarrow 26.0.0 needs numpy 2', '"pyarrow<26"'),
    ({'opencv-python': '4.11.0', 'opencv-python-headless': '4.11.0'}, (), "overwrite each other's files", 'uninstall'),
])
def test_check_env_notes_what_clashes_elsewhere(check, change, broken_imports, what, remedy):
    (problem, ) = check(change, broken_imports)
    assert not problem.blocking and what in problem.what and remedy in problem.remedy


@pytest.mark.parametrize('change', [
    {}, ONEDL, LIGHT, dict(ONEDL, setuptools=None), dict(mmengine='0.7.4', yapf='0.40.1'),
    dict(pyarrow='26.0.0', numpy='2.5.5'), dict(transformers='5.24.0')
])
def test_check_env_finds_nothing_where_nothing_clashes(check, change):
    assert check(change) == []


def test_check_env_says_where_the_loader_of_the_stack_runs_hostile_files(check_env, tmp_path):
    """Seen here by a loader that does."""
    for loads, expected in (('torch.load(file, weights_only=False)', 'SystemExit'), ('pass', None)):
        package = tmp_path / str(expected) / 'mmengine'
        package.mkdir(parents=True)
        (package / '__init__.py').touch()
        (package / 'runner.py').write_text('import torch\nclass CheckpointLoader:\n'
                                           '    @staticmethod\n    def load_checkpoint(file, map_location):\n'
                                           f'        {loads}\n')
        done = subprocess.run([sys.executable, '-c', check_env.LOADS_HOSTILE_FILES], capture_output=True, text=True,
                              cwd=tmp_path, env={**os.environ, 'PYTHONPATH': str(package.parent)})
        assert ('it ran what is in the file' in done.stderr) == (expected is not None), done.stderr
    problems = check_env.find_problems(
        HEALTHY, lambda statement: 'it ran' if statement == check_env.LOADS_HOSTILE_FILES else None)
    assert [(problem.blocking, 'runs code' in problem.what) for problem in problems] == [(False, True)]


@pytest.mark.slow
def test_check_env_passes_here_and_fails_without_packages(root, tmp_path):
    here = subprocess.run([sys.executable, 'tools/check_env.py'], capture_output=True, text=True, cwd=root)
    assert here.returncode == 0 and 'rampose can run here.' in here.stdout, here.stdout
    # -S -I: no site-packages at all.
    assert 'devices                 cpu' in here.stdout
    command = [sys.executable, '-I', '-S', str(root / 'tools/check_env.py')]
    bare = subprocess.run(command, capture_output=True, text=True)
    assert bare.returncode == 1 and 'neither torch and MMPose' in bare.stdout, bare.stderr


@pytest.mark.long
def test_benchmark_of_training_prints_ratios(root):
    done = subprocess.run([sys.executable, 'tools/benchmark.py', '--train', '--rounds', '1',
                           '--train-batch-size', '1'], capture_output=True, text=True, cwd=root)
    assert done.returncode == 0, done.stderr
    assert '31.47 M parameters, 7.658 multiply-adds / 2^30' in done.stdout
    assert done.stdout.count('ratio to HRNet') == 1 and 'waits for data' in done.stdout


@pytest.mark.long
def test_benchmark_of_a_small_network_writes_table_and_plot(root, tmp_path, tiny_sample, monkeypatch):
    monkeypatch.setenv('RAMPOSE_SAMPLE', str(tiny_sample))
    config = next((root / 'configs').glob('**/sample/*.py'))
    done = subprocess.run([sys.executable, 'tools/benchmark.py', str(config), '--what', 'network', '--rounds', '2',
                           '--out', str(tmp_path)], capture_output=True, text=True, cwd=root)
    assert done.returncode == 0, done.stderr[-3000:]
    with open(tmp_path / 'benchmark.csv', newline='') as file:
        rows = {row['candidate']: row for row in csv.DictReader(file)}
    assert rows.keys() >= {'HRNet, PyTorch eager', 'ours, PyTorch eager', 'ours, predictor compiled',
                           'ours, ONNX Runtime fp32', 'ours, OpenVINO bf16', 'ours, OpenVINO int8'}
    assert float(rows['HRNet, PyTorch eager']['ratio']) == 1
    assert int(rows['ours, OpenVINO bf16']['memory_mb']) < int(rows['HRNet, PyTorch eager']['memory_mb'])
    assert (tmp_path / 'benchmark.png').stat().st_size > 10000


def test_demo_says_what_a_coco_folder_lacks(root, tmp_path):
    done = subprocess.run([sys.executable, 'tools/demo.py', '--data', str(tmp_path), '--out', str(tmp_path / 'out')],
                          capture_output=True, text=True, cwd=root)
    assert done.returncode == 2
    assert f'{tmp_path} is no complete COCO 2017: it lacks annotations/person_keypoints_train2017.json' in done.stderr


def test_demo_refuses_to_go_on_with_another_config(tmp_path):
    from rampose.lab import demo
    config = tmp_path / 'b.py'
    assert not demo.check_same_config(config, tmp_path)
    (tmp_path / 'last_checkpoint').touch()
    (tmp_path / 'a.py').touch()
    with pytest.raises(SystemExit, match=r'training of another config than b\.py.*--fresh'):
        demo.check_same_config(config, tmp_path)
    config.touch()
    assert demo.check_same_config(config, tmp_path)


@pytest.mark.parametrize(('names', 'fresh', 'message'), [
    (['photographs/aunt.jpg'], False, 'did not make, photographs/aunt.jpg'),
    (['photographs/aunt.jpg'], True, 'was not made by us'),
    (['.rampose-demo', 'train/last_checkpoint', 'thesis.tex'], True, 'did not make, thesis.tex'),
])
def test_a_demo_removes_nothing_that_it_did_not_make(tmp_path, names, fresh, message):
    from rampose.lab.demo import run_demo
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    with pytest.raises(SystemExit, match=message):
        run_demo(tmp_path, None, None, fresh, [])
    assert all((tmp_path / name).exists() for name in names)


@pytest.mark.long
def test_demo_makes_everything_it_promises(root, tiny_sample, tmp_path, photo):
    """Two epochs on the tiny sample; a second call finds the training done and goes on from there."""
    out = tmp_path / 'demo'
    (out / 'sample').parent.mkdir()
    (out / 'sample').symlink_to(tiny_sample)
    (out / '.rampose-demo').touch()
    # The tiny sample, not the one that the demo would make.
    recipe = json.loads((tiny_sample / 'sample.json').read_text())
    recipe.pop('version')
    code = ('import sys, runpy, functools; import rampose.lab.sample as sample; '
            f'sample.make_sample = functools.partial(sample.make_sample, **{recipe!r}); '
            'sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name="__main__")')
    (tmp_path / 'photos').mkdir()
    cv2.imwrite(str(tmp_path / 'photos/photo.png'), photo)
    (tmp_path / 'photos/broken.jpg').touch()
    command = [sys.executable, '-c', code, 'tools/demo.py', '--out', str(out), '--photos', str(tmp_path / 'photos'),
               '--cfg-options',
               'train_cfg.max_epochs=2', 'train_cfg.val_interval=1']
    for _ in range(2):
        done = subprocess.run(command, capture_output=True, text=True, cwd=root)
        assert done.returncode == 0, done.stdout + done.stderr
        assert 'coco/AP' in done.stdout and 'make test' in done.stdout
    assert 'going on where it was stopped' in done.stdout and 'resumed epoch: 2' in done.stdout
    measured = json.loads((out / 'metrics.json').read_text())['coco/AP']
    assert f'coco/AP {measured:.3f} on the val split' in done.stdout
    scalars = [json.loads(line) for path in sorted(out.glob('*/*/vis_data/scalars.json'))
               for line in path.read_text().splitlines()]
    assert measured == max(entry['coco/AP'] for entry in scalars if 'coco/AP' in entry)  # the best checkpoint's
    assert len(list((out / 'pictures').glob('*.jpg'))) == 8
    assert {path.name for path in (out / 'photographs/visualizations').iterdir()} == {'photo.png'}
    assert 'Left out: 1' in done.stderr and 'broken.jpg' in done.stderr
    for name in ('attention.png', 'training.png'):
        assert (out / name).stat().st_size > 10000


def test_plot_training_without_evaluation():
    figure = plot_training([dict(step=10 * i, epoch=1 + i // 2, loss=1 / (i + 1)) for i in range(1, 5)])
    assert len(figure.axes) == 1
