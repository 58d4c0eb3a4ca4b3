"""The tools: what they find, what they print, how they fail."""

import csv
import json
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


@pytest.mark.parametrize(('change', 'broken_imports', 'what', 'remedy'), [
    ({}, (), None, None),
    (dict(mmpose=None), (), 'mmpose is not installed', 'install "mmpose>=1.1.0"'),
    (dict(mmcv='1.7.2'), (), 'mmcv 1.7.2 is too old', '--upgrade "mmcv>=2.0.1"'),
    (dict(mmcv='2.2.0'), (), 'mmcv 2.2.0 is too new for mmdet 3.3.0', 'mmcv==2.1.0'),
    ({}, ('mmcv._ext', ), 'lacks its compiled operators', 'MMCV_WITH_OPS=1'),
    (dict(numpy='2.3.1'), ('xtcocotools._mask', ), 'xtcocotools 1.14.3 does not work with numpy 2.3.1', '"numpy<2"'),
    ({}, ('torchvision', ), 'torchvision 0.28.0 does not fit torch 2.13.0', 'torch torchvision'),
    (dict(setuptools='82.0.0'), ('pkg_resources', ), 'setuptools 82.0.0 has no pkg_resources', '"setuptools<81"'),
    ({}, ('rampose.plugin', ), 'rampose cannot be imported', '--no-deps -e'),
])
def test_check_env_names_the_clash_and_the_remedy(check_env, change, broken_imports, what, remedy):
    problems = check_env.find_problems(
        {**HEALTHY, **change},
        lambda statement: 'ImportError: broken' if statement.split()[-1] in broken_imports else None)
    if what is None:
        assert problems == []
    else:
        assert len(problems) == 1
        blocking, text, command = problems[0]
        assert blocking and what in text and remedy in command


@pytest.mark.slow
def test_check_env_passes_here_and_fails_without_packages(root, tmp_path):
    here = subprocess.run([sys.executable, 'tools/check_env.py'], capture_output=True, text=True, cwd=root)
    assert here.returncode == 0 and 'rampose can run here.' in here.stdout, here.stdout
    # -S -I: no site-packages at all.
    assert 'devices                 cpu' in here.stdout
    command = [sys.executable, '-I', '-S', str(root / 'tools/check_env.py')]
    bare = subprocess.run(command, capture_output=True, text=True)
    assert bare.returncode == 1 and 'torch is not installed' in bare.stdout, bare.stderr


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
