"""The wheel carries what it needs and changes nothing where it is installed."""

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope='module')
def wheel(tmp_path_factory, root) -> Path:
    folder = tmp_path_factory.mktemp('wheel')
    subprocess.run([sys.executable, '-m', 'pip', 'wheel', '--quiet', '--no-deps', '--no-build-isolation', '--wheel-dir',
                    str(folder), str(root)], check=True)
    return next(folder.glob('*.whl'))


def shipped(root: Path) -> set:
    files = [root / 'model-index.yml', *root.glob('tools/**/*.py'), *root.glob('configs/**/*.py'),
             *root.glob('configs/**/*.yml'), *root.glob('checkpoints/*')]
    return {path.relative_to(root).as_posix() for path in files if path.suffix != '.pth'}


def test_installed_wheel_has_every_config_and_metafile(wheel, root, tmp_path):
    pip = [sys.executable, '-m', 'pip', 'install', '--quiet', '--no-deps', '--target', str(tmp_path), str(wheel)]
    subprocess.run(pip, check=True)
    mim = tmp_path / 'rampose/.mim'
    installed = {path.relative_to(mim).as_posix() for path in mim.rglob('*') if path.is_file()}
    assert {name for name in installed if not name.endswith('.pyc')} == shipped(root)
    config = next(mim.glob('configs/**/td-hm_ram-hrnet-w48-gpr_*384x288.py'))
    code = f"""
import sys; sys.path.insert(0, {str(tmp_path)!r})
import rampose
assert rampose.__file__.startswith({str(tmp_path)!r}), rampose.__file__
from mmengine import Config
assert Config.fromfile({str(config)!r}).model.head.type == 'GPRHead'
"""
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_the_wheel_predicts_where_numpy_opencv_and_openvino_are_all_there_is(wheel, tmp_path, photo):
    """Photograph in, keypoints and a drawing out: no torch, no MMPose, no Pillow."""
    site, found = tmp_path / 'site', Path(np.__file__).parents[1]
    subprocess.run([sys.executable, '-m', 'pip', 'install', '--quiet', '--no-deps', '--target', str(site), str(wheel)],
                   check=True)
    for name in ('numpy', 'numpy.libs', 'openvino', 'openvino_telemetry'):
        (site / name).symlink_to(found / name)
    for name in ('cv2', 'opencv_python_headless.libs'):  # its loader does not take a link
        shutil.copytree(found / name, site / name)
    cv2.imwrite(str(tmp_path / 'photo.png'), photo)
    code = ('import sys; sys.path.insert(0, "site"); from rampose.cli.main import main; '
            'status = main(["predict", "photo.png"]); print(sorted(name for name in sys.modules if name in '
            '("PIL", "matplotlib", "mmengine", "mmpose", "rich", "scipy", "torch"))); sys.exit(status)')
    done = subprocess.run([sys.executable, '-I', '-S', '-c', code], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == '[]'
    (person, ) = json.loads((tmp_path / 'predictions/keypoints.json').read_text())
    assert len(person['keypoints']) == 3 * 17
    drawn = cv2.imread(str(tmp_path / 'predictions/visualizations/photo.png'))
    assert drawn.shape == photo.shape and (drawn != photo).any(axis=2).sum() > 100


def test_source_distribution_builds_the_same_wheel(wheel, root, tmp_path):
    subprocess.run([sys.executable, '-c', 'from setuptools.build_meta import build_sdist; '
                    f'build_sdist({str(tmp_path)!r})'], check=True, cwd=root, capture_output=True)
    subprocess.run([sys.executable, '-m', 'pip', 'wheel', '--quiet', '--no-deps', '--no-build-isolation', '--wheel-dir',
                    str(tmp_path), str(next(tmp_path.glob('*.tar.gz')))], check=True)
    names = [set(zipfile.ZipFile(path).namelist()) for path in (wheel, next(tmp_path.glob('*.whl')))]
    assert names[0] == names[1]


def test_editable_install_links_to_the_checkout(root):
    mim = root / 'rampose/.mim'
    assert (mim / 'configs').resolve() == root / 'configs'
    assert (mim / 'model-index.yml').resolve() == root / 'model-index.yml'


def test_mim_finds_our_models_by_the_names_of_the_zoo(tmp_path):
    name = 'td-hm_ram-hrnet-w32-gpr_4xb32-240e_coco-256x192'
    done = subprocess.run([sys.executable, '-c', 'from mim.cli import cli; cli()', 'search', 'rampose',
                           '--config', name, '--json', str(tmp_path / 'found.json')], capture_output=True, text=True,
                          cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / 'found.json').read_text())
    assert list(found['config']) == [name] and found['config'][name].endswith(f'/coco/{name}.py')


@pytest.mark.parametrize('installer', [['pip', 'install'], ['mim', 'install']], ids=['pip', 'mim'])
def test_installing_the_wheel_installs_one_package(wheel, tmp_path, installer):
    """In this environment, which has the stack and no chumpy; --ignore-installed would bring every requirement too."""
    report = tmp_path / 'report.json'
    run = {'pip': [sys.executable, '-m', 'pip'], 'mim': [sys.executable, '-c', 'from mim.cli import cli; cli()']}
    done = subprocess.run([*run[installer[0]], 'install', '--ignore-installed', '--dry-run', '--report', str(report),
                           str(wheel)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    installed = [entry['metadata']['name'] for entry in json.loads(report.read_text())['install']]
    assert installed == ['rampose']


def test_the_extras_have_lower_bounds_only(wheel):
    name = next(name for name in zipfile.ZipFile(wheel).namelist() if name.endswith('METADATA'))
    metadata = zipfile.ZipFile(wheel).read(name).decode()
    requirements = [line.split(':', 1)[1].strip() for line in metadata.splitlines() if line.startswith('Requires-Dist')]
    extras = {extra: sorted(line.split(';')[0].split('>=')[0] for line in requirements if f'extra == "{extra}"' in line)
              for extra in ('app', 'export', 'lab', 'mim', 'onnx', 'openvino', 'pack', 'parquet', 'pretrain',
                            'safetensors', 'serve', 'track', 'video')}
    assert extras == dict(
        app=['gradio'],
        export=['nncf', 'onnx', 'onnxruntime', 'onnxscript', 'openvino'],
        lab=['matplotlib', 'rich', 'scipy'],
        mim=['mmcv', 'mmdet', 'mmengine', 'mmpose', 'torch'],
        onnx=['numpy', 'onnxruntime', 'opencv-python-headless', 'pillow'],
        openvino=['numpy', 'opencv-python-headless', 'openvino', 'pillow'],
        pack=['lmdb', 'numpy', 'opencv-python-headless', 'pillow'],
        pretrain=['mmpretrain'],
        parquet=['pyarrow'],
        safetensors=['safetensors'],
        serve=['fastapi', 'pillow', 'prometheus-client', 'uvicorn'],
        track=['OneEuroFilter', 'lap'],
        video=['av'])
    assert len(requirements) == sum(map(len, extras.values()))  # nothing outside of the extras
    for line in requirements:
        assert not set('<=!~') & set(line.split(';')[0].replace('>=', ''))
    assert 'Requires-Python: >=3.8' in metadata


def test_the_syntax_is_python_3_8(root):
    import ast
    folders = [root.glob(f'{name}/**/*.py') for name in ('rampose', 'tools', 'configs')]
    for path in [root / 'setup.py', *(path for folder in folders for path in folder)]:
        ast.parse(path.read_text(), str(path), feature_version=(3, 8))


def test_the_lock_file_has_hashes_and_no_addresses(root):
    text = (root / 'requirements/lock.txt').read_text()
    assert '://' not in text and 'chumpy' not in text
    entries = text.replace('\\\n', ' ').splitlines()
    assert len(entries) > 50 and all('==' in entry and '--hash=sha256:' in entry for entry in entries if entry.strip())


def test_check_env_asks_for_the_same_versions(root):
    from rampose.lab.environment import REQUIRED
    lines = (root / 'requirements/mminstall.txt').read_text().split()
    assert dict(line.split('>=') for line in lines) == REQUIRED


def test_no_hint_names_a_package_on_an_index_that_is_not_ours(root):
    """Whoever uploads a package of our name would get those who follow it."""
    hint = re.compile(r'pip install[^\n]*[\'" ]rampose\b(?!/)|rampose\[(?!\{)')
    files = [path for folder in ('rampose', 'docs') for path in (root / folder).rglob('*')
             if path.suffix in ('.py', '.md') and '.mim' not in path.parts]
    found = [f'{path}: {line}' for path in [*files, root / 'README.md'] for line in path.read_text().splitlines()
             if hint.search(line) and '/rampose[' not in line]
    assert not found


def test_how_to_install_names_packages(monkeypatch, tmp_path):
    from rampose.core import package
    expected = 'pip install "lmdb>=1.0" numpy opencv-python-headless "pillow>=8"'
    assert package.how_to_install('pack') == expected
    assert package.how_to_install('app') == 'pip install "gradio>=6"'  # without the marker
    monkeypatch.setattr(package.metadata, 'requires', lambda name: [
        'lmdb>=1.0; extra == "pack"', 'numpy; extra == "pack"', 'lap; extra == "track"'])
    monkeypatch.setattr(package, '_PACKAGE', tmp_path / 'rampose')  # a wheel's, without the files
    assert package.how_to_install('pack') == 'pip install "lmdb>=1.0" numpy'
