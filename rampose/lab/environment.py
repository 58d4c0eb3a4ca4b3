"""What is installed, what of it clashes, and which command mends it; nothing but the standard library is imported."""

import platform
import subprocess
import sys
import tempfile
from importlib import metadata
from typing import Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple

REQUIRED = {'torch': '1.13', 'mmengine': '0.7.4', 'mmcv': '2.0.1', 'mmdet': '3.0.0', 'mmpose': '1.1.0'}
# Forks of three of them, by OneDL, which are imported by the same names.
FORKS = {'mmengine': 'onedl-mmengine', 'mmcv': 'onedl-mmcv', 'mmdet': 'onedl-mmdetection'}
ENGINES = ('onnxruntime', 'openvino')
OPENCV = ('opencv-python', 'opencv-python-headless')
PACKAGES = ('torch', 'torchvision', *REQUIRED, *FORKS.values(), 'mmpretrain', 'rampose', 'numpy', *OPENCV, *ENGINES,
            'xtcocotools', 'yapf', 'setuptools', 'openmim', 'transformers', 'pyarrow')
PIP = f'{sys.executable} -m pip'
NO_BUILD_ISOLATION = f'{PIP} install "setuptools<81" ninja psutil wheel && MMCV_WITH_OPS=1'
# A checkpoint that makes a folder where it is loaded, given to MMEngine's own loader.
LOADS_HOSTILE_FILES = '''
import os, tempfile, torch
from mmengine.runner import CheckpointLoader
class Call:
    def __reduce__(self):
        return os.mkdir, (trace, )
with tempfile.TemporaryDirectory() as folder:
    trace, file = os.path.join(folder, 'trace'), os.path.join(folder, 'hostile.pth')
    torch.save(dict(state_dict={}, meta=Call()), file)
    try:
        CheckpointLoader.load_checkpoint(file, map_location='cpu')
    except Exception:
        pass
    if os.path.exists(trace):
        raise SystemExit('it ran what is in the file')
'''

Versions = Dict[str, Optional[str]]
TryStatement = Callable[[str], Optional[str]]


class Problem(NamedTuple):
    """Something that clashes.

    Attributes:
        blocking: rampose cannot run before it is mended.
        what: What is wrong.
        remedy: The command that mends it.
    """
    blocking: bool
    what: str
    remedy: str


def version_of(package: str) -> Optional[str]:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def as_tuple(version: str) -> Tuple[int, ...]:
    """Take the leading numbers of a version: '2.0.1rc1+cpu' gives (2, 0, 1)."""
    numbers = []
    for part in version.split('+')[0].split('.'):
        digits = ''
        for character in part:
            if not character.isdigit():
                break
            digits += character
        if not digits:
            break
        numbers.append(int(digits))
    return tuple(numbers)


def error_of(statement: str) -> Optional[str]:
    """Run a statement in a process of its own; the last line of its error, or None if it works."""
    # Elsewhere, for the working directory is on the path and may be a checkout of rampose.
    done = subprocess.run([sys.executable, '-W', 'ignore', '-c', statement], capture_output=True, text=True,
                          cwd=tempfile.gettempdir())
    if done.returncode == 0:
        return None
    lines = done.stderr.strip().splitlines()
    return lines[-1] if lines else f'it ended with code {done.returncode}'


def devices() -> str:
    """What torch can compute on, in a line."""
    code = "import torch; print('cpu', *(f'cuda:{i}' for i in range(torch.cuda.device_count())))"
    done = subprocess.run([sys.executable, '-W', 'ignore', '-c', code], capture_output=True, text=True,
                          cwd=tempfile.gettempdir())
    return ', '.join(done.stdout.split()) or '- (torch cannot be imported)'


def trains(versions: Versions) -> bool:
    """Whether anything of the stack that trains is installed; without it, exported models are all that can run."""
    return any(versions.get(package) for package in (*REQUIRED, *FORKS.values()))


def find_problems(versions: Versions, try_statement: TryStatement = error_of) -> List[Problem]:
    """Compare what is installed with what is known to clash.

    Args:
        versions: Version by package name, None where it is not installed.
        try_statement: Runs a statement and returns its error or None.

    Returns:
        The problems, in the order in which to mend them.
    """
    checks = (_required, _doubles, _mmcv_for_mmdet, _setuptools, _torchvision, _operators, _xtcocotools, _yapf,
              _mmpretrain) if trains(versions) else (_engine, )
    problems = [problem for check in (*checks, _opencv, _pyarrow) for problem in check(versions, try_statement)]
    if trains(versions) and not any(problem.blocking for problem in problems):
        problems.extend([*_plugin(try_statement), *_loader(try_statement)])
    return problems


def _of_stack(versions: Versions, package: str) -> Tuple[str, Optional[str]]:
    """A package of the stack, or the fork in its place: the name on the index, and the version."""
    fork = FORKS.get(package)
    if fork and versions.get(fork) and not versions.get(package):
        return fork, versions[fork]
    return package, versions.get(package)


def _required(versions: Versions, _: TryStatement) -> Iterator[Problem]:
    for package, least in REQUIRED.items():
        name, version = _of_stack(versions, package)
        if not version:
            yield Problem(True, f'{package} is not installed', f'{PIP} install "{package}>={least}"')
        elif name == package and as_tuple(version) < as_tuple(least):
            yield Problem(True, f'{package} {version} is too old, {least} or newer is needed',
                          f'{PIP} install --upgrade "{package}>={least}"')


def _doubles(versions: Versions, _: TryStatement) -> Iterator[Problem]:
    for package, fork in FORKS.items():
        if versions.get(package) and versions.get(fork):
            yield Problem(True, f'{package} {versions[package]} and {fork} {versions[fork]} are imported by one name '
                          'and overwrite each other\'s files; one of them must go',
                          f'{PIP} uninstall -y {package} {fork} && {PIP} install --no-deps {fork}=={versions[fork]}')


def _mmcv_for_mmdet(versions: Versions, _: TryStatement) -> Iterator[Problem]:
    (name, mmcv), mmdet = _of_stack(versions, 'mmcv'), versions.get('mmdet')
    if mmcv and mmdet and as_tuple(mmcv) >= (2, 2) and as_tuple(mmdet) <= (3, 3, 0):
        yield Problem(True, f'{name} {mmcv} is too new for mmdet {mmdet}, which refuses 2.2.0 and newer',
                      f'{NO_BUILD_ISOLATION} {PIP} install --no-build-isolation --no-binary mmcv mmcv==2.1.0')


def _setuptools(versions: Versions, try_statement: TryStatement) -> Iterator[Problem]:
    # OneDL's do without; Python 3.12 brings no setuptools.
    if (versions.get('mmengine') or versions.get('openmim')) and try_statement('import pkg_resources'):
        yield Problem(True, f'setuptools {versions.get("setuptools") or "is not installed and"} has no pkg_resources, '
                      'which mmengine and openmim import', f'{PIP} install "setuptools<81"')


def _torchvision(versions: Versions, try_statement: TryStatement) -> Iterator[Problem]:
    torch, torchvision = versions.get('torch'), versions.get('torchvision')
    error = try_statement('import torchvision') if torch and torchvision else None
    if error:
        yield Problem(True, f'torchvision {torchvision} does not fit torch {torch} (a CUDA build beside a CPU build?): '
                      f'{error}', f'{PIP} install --force-reinstall torch torchvision')


def _operators(versions: Versions, try_statement: TryStatement) -> Iterator[Problem]:
    name, mmcv = _of_stack(versions, 'mmcv')
    error = try_statement('import mmcv._ext') if mmcv and versions.get('torch') else None
    if error:
        version = mmcv if name != 'mmcv' or as_tuple(mmcv) < (2, 2) else '2.1.0'
        yield Problem(True, f'{name} {mmcv} lacks its compiled operators, or they were built for another torch: '
                      f'{error}',
                      f'{NO_BUILD_ISOLATION} {PIP} install --no-build-isolation --no-cache-dir --force-reinstall '
                      f'--no-deps --no-binary {name} {name}=={version}')


def _xtcocotools(versions: Versions, try_statement: TryStatement) -> Iterator[Problem]:
    numpy, xtcocotools = versions.get('numpy'), versions.get('xtcocotools')
    if versions.get('mmpose') and not xtcocotools and sys.version_info >= (3, 13):
        yield Problem(True, 'xtcocotools, which mmpose needs, is not installed; it can be built up to Python 3.12, and '
                      f'this is {platform.python_version()}', 'python3.12 -m venv .venv')
    error = try_statement('import xtcocotools._mask') if numpy and xtcocotools else None
    if error:
        # Its wheels are built against numpy 1; with numpy 2 it is built from source.
        remedy = ('"numpy<2"' if as_tuple(numpy) >= (2, ) and sys.version_info < (3, 12) else
                  f'--force-reinstall --no-cache-dir --no-deps --no-binary xtcocotools xtcocotools=={xtcocotools}')
        yield Problem(True, f'xtcocotools {xtcocotools} does not work with numpy {numpy}: {error}',
                      f'{PIP} install {remedy}')


def _yapf(versions: Versions, _: TryStatement) -> Iterator[Problem]:
    mmengine, yapf = versions.get('mmengine'), versions.get('yapf')
    if mmengine and yapf and as_tuple(mmengine) < (0, 10) and as_tuple(yapf) >= (0, 40, 2):
        yield Problem(True, f'mmengine {mmengine} cannot print a config with yapf {yapf}: every training run stops at '
                      'its start', f'{PIP} install "yapf<0.40.2"')


def _mmpretrain(versions: Versions, try_statement: TryStatement) -> Iterator[Problem]:
    mmpretrain, transformers = versions.get('mmpretrain'), versions.get('transformers')
    error = try_statement('import mmpretrain.models') if mmpretrain else None
    if error:
        beside = f' beside transformers {transformers}' if transformers else ''
        yield Problem(False, f'mmpretrain {mmpretrain} cannot be imported{beside}, so the configs in configs/imagenet '
                      f'cannot be used: {error}', f'{PIP} install "transformers<4.50"' if transformers else
                      f'{PIP} install "mmpretrain>=1.2.0" "mmengine>=0.8.3"')


def _engine(versions: Versions, _: TryStatement) -> Iterator[Problem]:
    if not versions.get('numpy'):
        yield Problem(True, 'numpy is not installed', f'{PIP} install numpy')
    if not any(versions.get(package) for package in ENGINES):
        yield Problem(True, 'neither torch and MMPose, which train, nor an engine for exported models '
                      f'({" or ".join(ENGINES)}) are installed', f'{PIP} install openvino  (to train: docs/install.md)')


def _opencv(versions: Versions, _: TryStatement) -> Iterator[Problem]:
    if all(versions.get(package) for package in OPENCV):
        yield Problem(False, f'{" and ".join(OPENCV)} overwrite each other\'s files',
                      f'{PIP} uninstall -y {" ".join(OPENCV)} && {PIP} install {OPENCV[-1]}')


def _pyarrow(versions: Versions, _: TryStatement) -> Iterator[Problem]:
    pyarrow, numpy = versions.get('pyarrow'), versions.get('numpy')
    if pyarrow and numpy and as_tuple(pyarrow) >= (26, ) and as_tuple(numpy) < (2, ):
        yield Problem(False, f'pyarrow {pyarrow} needs numpy 2 and does not say so; numpy is {numpy}',
                      f'{PIP} install "pyarrow<26"')


def _plugin(try_statement: TryStatement) -> Iterator[Problem]:
    error = try_statement('import rampose.plugin')
    if error:
        yield Problem(True, f'rampose cannot be imported: {error}',
                      f'{PIP} install --no-deps -e /path/to/the/checkout/of/rampose')


def _loader(try_statement: TryStatement) -> Iterator[Problem]:
    if try_statement(LOADS_HOSTILE_FILES):
        yield Problem(False, 'MMEngine alone runs code that is hidden in a checkpoint here; with rampose.plugin in the '
                      'config it refuses such files',
                      "custom_imports = dict(imports=['rampose.plugin']) in every config that loads others' files")
