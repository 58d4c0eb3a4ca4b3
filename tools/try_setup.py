"""Make the environment of a set-up, install rampose's wheel there, and try in it what users do.

examples:
  python tools/try_setup.py oldest
  python tools/try_setup.py newest --steps check-env train resume
  python tools/try_setup.py common --renew

NAME is oldest, common, locked or newest: requirements/setups/NAME.txt, and requirements/lock.txt for locked. The
environment, logs and result.json go to work_dirs/setups/NAME; `python docs/make_support_table.py` puts the results into
docs/install.md. The first time mmcv is compiled, about 8 minutes on 2 cores. Needs uv, and the set-up's Python on the
path or under pyenv. Status 1 if a step failed.
"""

import argparse
import datetime
import glob
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable, Dict, List, Optional
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[1]
SETUPS = ROOT / 'requirements/setups'
PYTHONS = dict(oldest='3.8', common='3.10', locked='3.11', newest='3.12')
STACK = ('torch', 'torchvision', 'mmengine', 'onedl-mmengine', 'mmcv', 'onedl-mmcv', 'mmdet', 'onedl-mmdetection',
         'mmpose', 'numpy', 'opencv-python-headless', 'xtcocotools', 'yapf', 'onnxruntime', 'openvino', 'rampose')
MAKE_HRNET = """
import sys, torch, mmpose
from pathlib import Path
from mmengine import Config
from mmpose.models import build_pose_estimator
from mmpose.utils import register_all_modules
register_all_modules()
name = '.mim/configs/body_2d_keypoint/topdown_heatmap/coco/td-hm_hrnet-w32_8xb64-210e_coco-256x192.py'
config = Config.fromfile(Path(mmpose.__file__).parent / name)
config.model.backbone.init_cfg = None
torch.save(dict(state_dict=build_pose_estimator(config.model).state_dict()), sys.argv[1])
"""
MAKE_HOSTILE = """
import os, sys, torch
class Call:
    def __reduce__(self):
        return os.mkdir, (sys.argv[2], )
torch.save(dict(state_dict={}, meta=Call()), sys.argv[1])
"""


class StepError(Exception):
    """A step did not do what it must."""


class Setup:
    """A set-up's environment and the steps that are tried in it.

    Args:
        name: oldest, common, locked or newest.
        out: Folder for the environment, the logs and what the steps make.
        interpreter: The Python to make the environment with.
    """

    def __init__(self, name: str, out: Path, interpreter: str) -> None:
        self.name, self.out, self.interpreter = name, out, interpreter
        self.pins = ROOT / 'requirements/lock.txt' if name == 'locked' else SETUPS / f'{name}.txt'
        self.bin = out / '.venv/bin'
        self.story = out / 'story'
        self.log = out / 'log.txt'
        self.steps: Dict[str, Callable[[], str]] = {
            'environment': self.make_environment,
            'wheel': self.install_wheel,
            'check-env': self.check_env,
            'tests': self.run_tests,
            'train': self.train,
            'resume': self.resume,
            'test': self.test,
            'predict': self.predict,
            'convert': self.convert,
            'hostile': self.refuse_hostile,
        }

    def run(self, *command: object, status: Optional[int] = 0, cwd: Optional[Path] = None, **environment: str) -> str:
        """Run a command in the story's folder, away from the checkout; its output, which goes to the log too.

        Raises:
            StepError: It ended with another status.
        """
        words = [str(word) for word in command]
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              cwd=str(cwd or self.story), env={**os.environ, 'OMP_NUM_THREADS': '2', 'CI': '1',
                                                               'RAMPOSE_SAMPLE': str(self.story / 'sample'),
                                                               **environment})
        with self.log.open('a') as log:
            log.write(f'$ {" ".join(words)}\n{done.stdout}\n')
        if status is not None and done.returncode != status:
            raise StepError(f'ended with status {done.returncode}:\n' + '\n'.join(done.stdout.splitlines()[-15:]))
        return done.stdout

    def uv(self, *arguments: object) -> str:
        # The lock file is made with the settings of pyproject.toml, where uv looks by itself.
        settings = () if self.name == 'locked' else ('--config-file', SETUPS / 'uv.toml')
        return self.run(find_uv(), *settings, *arguments, cwd=ROOT, CUDA_VISIBLE_DEVICES='',
                        UV_PYTHON_DOWNLOADS='never')

    def python(self, code: str, *arguments: object) -> str:
        return self.run(self.bin / 'python', '-W', 'ignore', '-c', code, *arguments)

    def tool(self, name: str, *arguments: object, status: Optional[int] = 0) -> str:
        """Run one of MMPose's tools."""
        folder = self.python('import mmpose, os; print(os.path.dirname(mmpose.__file__))').splitlines()[-1]
        return self.run(self.bin / 'python', Path(folder, '.mim/tools', f'{name}.py'), *arguments, status=status)

    @property
    def shipped(self) -> Path:
        """What the installed wheel carries beside its code."""
        mim, = (self.out / '.venv/lib').glob('python*/site-packages/rampose/.mim')
        return mim

    @property
    def config(self) -> Path:
        config, = self.shipped.glob('configs/**/sample/td-hm_*.py')
        return config

    def make_environment(self) -> str:
        if not (self.bin / 'python').exists():
            self.uv('venv', '--python', self.interpreter, self.out / '.venv')
        self.uv('pip', 'sync', '--python', self.out / '.venv', self.pins)
        return f'{len(self.uv("pip", "freeze", "--python", self.out / ".venv").splitlines())} packages'

    def install_wheel(self) -> str:
        wheels = self.out / 'wheel'
        shutil.rmtree(wheels, ignore_errors=True)
        self.uv('build', '--wheel', '--python', self.interpreter, '--out-dir', wheels, ROOT)
        wheel, = wheels.glob('*.whl')
        freeze = ('pip', 'freeze', '--python', self.out / '.venv')
        before = {line for line in self.uv(*freeze).splitlines() if not line.startswith('rampose')}
        self.uv('pip', 'install', '--python', self.out / '.venv', '--reinstall-package', 'rampose', wheel)
        after = {line for line in self.uv(*freeze).splitlines() if not line.startswith('rampose')}
        if before != after:
            raise StepError(f'more than one package changed: {sorted(before ^ after)}')
        return f'{wheel.stat().st_size / 1e6:.1f} MB, one package'

    def check_env(self) -> str:
        output = self.run(self.bin / 'rampose', 'check-env')
        notes = [line for line in output.splitlines() if line.startswith(('note', 'ERROR'))]
        return '; '.join(notes) or 'nothing clashes'

    def run_tests(self) -> str:
        report = self.out / 'tests.xml'
        report.unlink(missing_ok=True)
        # Weights for training on are too large for the wheel; what is tested of them needs them where it looks.
        weights = [shutil.copy(path, self.shipped / 'checkpoints') for path in (ROOT / 'checkpoints').glob('*.pth')]
        try:
            self.run(self.bin / 'pytest', '-q', '-n', '2', '--dist', 'loadfile', '-p', 'no:cacheprovider', '--rootdir',
                     ROOT, '-c', ROOT / 'pyproject.toml', '-m', 'not slow and not long and not real_data and not gpu',
                     f'--junitxml={report}', ROOT / 'tests', OMP_NUM_THREADS='1')
        except StepError:
            if not report.exists():
                raise
        finally:
            for path in weights:
                os.unlink(path)
        suite = ElementTree.parse(str(report)).getroot().find('testsuite')
        assert suite is not None
        number = {kind: int(suite.get(kind, 0)) for kind in ('tests', 'skipped', 'failures', 'errors')}
        passed = number['tests'] - number['skipped'] - number['failures'] - number['errors']
        text = f'{passed} passed, {number["skipped"]} skipped'
        if number['failures'] or number['errors']:
            bad = [f'{case.get("classname")}.{case.get("name")}' for case in suite
                   if case.find('failure') is not None or case.find('error') is not None]
            raise StepError(f'{text}, {len(bad)} failed:\n' + '\n'.join(bad))
        return text

    def train(self) -> str:
        shutil.rmtree(self.story, ignore_errors=True)
        self.story.mkdir(parents=True)
        self.python('from rampose.lab.sample import make_sample; make_sample("sample", num_train=64, num_val=16)')
        self.tool('train', self.config, '--work-dir', 'work', '--cfg-options', 'train_cfg.max_epochs=1')
        return self.made('work/epoch_1.pth')

    def resume(self) -> str:
        output = self.tool('train', self.config, '--work-dir', 'work', '--resume', '--cfg-options',
                           'train_cfg.max_epochs=2', 'train_cfg.val_interval=1')
        if 'resumed epoch: 1' not in output:
            raise StepError('it started over instead of resuming')
        return self.made('work/epoch_2.pth')

    def test(self) -> str:
        output = self.tool('test', self.config, self.story / 'work/epoch_2.pth')
        found = re.findall(r'coco/AP: ([\d.]+)', output)
        if not found:
            raise StepError('no coco/AP in the output')
        return f'coco/AP {found[-1]} after two epochs of 64 images'

    def predict(self) -> str:
        photo = sorted((self.story / 'sample/val').iterdir())[0]
        self.run(self.bin / 'rampose', 'predict', 'sample/val', '--config', self.config, '--checkpoint',
                 'work/epoch_2.pth', '--boxes', 'sample/annotations/person_keypoints_val.json', '--out', 'predictions')
        self.run(self.bin / 'rampose', 'predict', photo, '--whole-image', '--out', 'packaged')
        people = [len(json.loads((self.story / name / 'keypoints.json').read_text()))
                  for name in ('predictions', 'packaged')]
        if not all(people):
            raise StepError(f'people: {people} of the trained and of the packaged model')
        return f'{people[0]} people by the trained model, {people[1]} by the packaged one'

    def convert(self) -> str:
        self.python(MAKE_HRNET, 'hrnet.pth')
        self.run(self.bin / 'rampose', 'convert', 'hrnet.pth', 'start.pth')
        return self.made('start.pth')

    def refuse_hostile(self) -> str:
        """By our command, and by MMPose's own tool with one of our configs."""
        trace = self.story / 'trace'
        self.python(MAKE_HOSTILE, 'hostile.pth', trace)
        outputs = [self.run(self.bin / 'rampose', 'predict', 'sample/val', '--config', self.config, '--checkpoint',
                            'hostile.pth', '--whole-image', '--out', 'hostile', status=2),
                   self.tool('test', self.config, 'hostile.pth', status=1)]
        if trace.exists():
            raise StepError('the file ran its code')
        if not all('hostile.pth is refused' in output for output in outputs):
            raise StepError('it ended for another reason than the file')
        return 'refused by rampose and by MMPose\'s test.py'

    def made(self, name: str) -> str:
        if not (self.story / name).is_file():
            raise StepError(f'{name} was not written')
        return name

    def versions(self) -> Dict[str, str]:
        lines = self.uv('pip', 'freeze', '--python', self.out / '.venv').splitlines()
        found = dict(line.split('==') for line in lines if '==' in line)
        wheel, = (self.out / 'wheel').glob('*.whl')
        found['rampose'] = wheel.name.split('-')[1]
        return {package: found[package] for package in STACK if package in found}


def find_uv() -> str:
    uv = shutil.which('uv') or ROOT / '.uv/bin/uv'
    if not Path(uv).exists():
        sys.exit('uv is needed to make environments: pip install uv')
    return str(uv)


def find_python(version: str) -> str:
    """The interpreter of a version, on the path or under pyenv; a shim of pyenv may stand for none."""
    pyenv = Path.home() / f'.pyenv/versions/{version}.*/bin/python'
    places = [shutil.which(f'python{version}'), *sorted(glob.glob(str(pyenv)))]
    for place in filter(None, places):
        done = subprocess.run([place, '-c', 'import platform; print(platform.python_version())'], capture_output=True,
                              text=True)
        if done.returncode == 0 and done.stdout.startswith(version + '.'):
            return str(place)
    sys.exit(f'Python {version} is needed and not found: pyenv install {version}, or name it by --python')


def renew(name: str, interpreter: str) -> None:
    """Pin anew what NAME.in asks for."""
    if name == 'locked':
        sys.exit('locked is requirements/lock.txt: make lock')
    subprocess.run([find_uv(), '--config-file', str(SETUPS / 'uv.toml'), 'pip', 'compile', '--quiet', '--upgrade',
                    '--python-platform', 'x86_64-unknown-linux-gnu', '--python', interpreter, '--no-annotate',
                    '--no-emit-index-url', '--custom-compile-command', f'python tools/try_setup.py {name} --renew',
                    str(SETUPS / f'{name}.in'), '--output-file', str(SETUPS / f'{name}.txt')], check=True)


def try_steps(setup: Setup, names: List[str]) -> Dict[str, dict]:
    """Run the steps in their order and tell of each; a failure keeps none of the others from being tried."""
    results = {}
    for name in names:
        print(f'== {setup.name}: {name} ... ', end='', flush=True)
        started = time.time()
        try:
            said, passed = setup.steps[name](), True
        except StepError as error:
            said, passed = str(error), False
        seconds = round(time.time() - started)
        print(f'{"" if passed else "FAILED: "}{said} ({seconds} s)', flush=True)
        results[name] = dict(passed=passed, said=said, seconds=seconds)
        if name in ('environment', 'wheel') and not passed:  # the rest needs them
            break
    return results


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('name', choices=PYTHONS)
    parser.add_argument('--python', help="the set-up's interpreter; default: found by its version")
    parser.add_argument('--out', type=Path, default=ROOT / 'work_dirs/setups', help='default: work_dirs/setups')
    parser.add_argument('--steps', nargs='+', help='only these; no result.json is written then')
    parser.add_argument('--renew', action='store_true', help='pin the newest that NAME.in allows, and do nothing else')
    args = parser.parse_args()
    interpreter = args.python or find_python(PYTHONS[args.name])
    if args.renew:
        renew(args.name, interpreter)
        return 0
    out = (args.out / args.name).resolve()
    (out / 'story').mkdir(parents=True, exist_ok=True)
    setup = Setup(args.name, out, interpreter)
    setup.log.write_text('')
    unknown = set(args.steps or ()) - set(setup.steps)
    if unknown:
        parser.error(f'got steps {", ".join(sorted(unknown))}; there are {", ".join(setup.steps)}')
    results = try_steps(setup, args.steps or list(setup.steps))
    passed = all(result['passed'] for result in results.values())
    if not args.steps and 'check-env' in results:
        report = dict(name=args.name, date=datetime.date.today().isoformat(), passed=passed,
                      python=setup.python('import platform; print(platform.python_version())').strip(),
                      machine=f'{platform.machine()}, {os.cpu_count()} cores', versions=setup.versions(),
                      steps=results)
        (out / 'result.json').write_text(json.dumps(report, indent=2) + '\n')
    print(f'{"All of it works" if passed else "Not all of it works"}; the log is {setup.log}')
    return 0 if passed else 1


if __name__ == '__main__':
    sys.exit(main())
