"""What is installed, what of it clashes, and which command mends it; nothing but the standard library is imported."""

import subprocess
import sys
import tempfile
from importlib import metadata

PACKAGES = ('torch', 'torchvision', 'mmengine', 'mmcv', 'mmdet', 'mmpose', 'rampose', 'numpy', 'opencv-python',
            'opencv-python-headless', 'xtcocotools', 'setuptools', 'openmim')
REQUIRED = {'torch': '1.13', 'mmengine': '0.7.4', 'mmcv': '2.0.1', 'mmdet': '3.0.0', 'mmpose': '1.1.0'}
PIP = f'{sys.executable} -m pip'
NO_BUILD_ISOLATION = f'{PIP} install "setuptools<81" ninja psutil wheel && MMCV_WITH_OPS=1'


def version_of(package):
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def as_tuple(version):
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


def error_of(statement):
    """Run a statement in a process of its own; the last line of its error, or None if it works."""
    # Elsewhere, for the working directory is on the path and may be a checkout of rampose.
    done = subprocess.run([sys.executable, '-W', 'ignore', '-c', statement], capture_output=True, text=True,
                          cwd=tempfile.gettempdir())
    if done.returncode == 0:
        return None
    lines = done.stderr.strip().splitlines()
    return lines[-1] if lines else f'it ended with code {done.returncode}'


def devices():
    """What torch can compute on, in a line."""
    code = "import torch; print('cpu', *(f'cuda:{i}' for i in range(torch.cuda.device_count())))"
    done = subprocess.run([sys.executable, '-W', 'ignore', '-c', code], capture_output=True, text=True,
                          cwd=tempfile.gettempdir())
    return ', '.join(done.stdout.split()) or '- (torch cannot be imported)'


def find_problems(versions, try_statement=error_of):
    """Compare what is installed with what is known to clash.

    Args:
        versions: Version by package name, None where it is not installed.
        try_statement: Runs a statement and returns its error or None.

    Returns:
        A list of (blocking, what is wrong, the command that mends it).
    """
    problems = []
    missing = [package for package in REQUIRED if not versions.get(package)]
    for package in missing:
        problems.append((True, f'{package} is not installed', f'{PIP} install "{package}>={REQUIRED[package]}"'))
    for package, least in REQUIRED.items():
        version = versions.get(package)
        if version and as_tuple(version) < as_tuple(least):
            problems.append((True, f'{package} {version} is too old, {least} or newer is needed',
                             f'{PIP} install --upgrade "{package}>={least}"'))

    mmcv, mmdet, numpy = versions.get('mmcv'), versions.get('mmdet'), versions.get('numpy')
    if mmcv and mmdet and as_tuple(mmcv) >= (2, 2) and as_tuple(mmdet) <= (3, 3, 0):
        problems.append((True, f'mmcv {mmcv} is too new for mmdet {mmdet}, which refuses 2.2.0 and newer',
                         f'{NO_BUILD_ISOLATION} {PIP} install --no-build-isolation --no-binary mmcv mmcv==2.1.0'))
    if versions.get('setuptools') is None or try_statement('import pkg_resources'):
        problems.append((True, f'setuptools {versions.get("setuptools")} has no pkg_resources, which mmengine and '
                         'openmim import', f'{PIP} install "setuptools<81"'))
    if versions.get('torch') and versions.get('torchvision') and try_statement('import torchvision'):
        problems.append((True, f'torchvision {versions["torchvision"]} does not fit torch {versions["torch"]} (a CUDA '
                         f'build beside a CPU build?): {try_statement("import torchvision")}',
                         f'{PIP} install --force-reinstall torch torchvision'))
    if mmcv and versions.get('torch') and try_statement('import mmcv._ext'):
        problems.append((True, f'mmcv {mmcv} lacks its compiled operators, or they were built for another torch: '
                         f'{try_statement("import mmcv._ext")}',
                         f'{NO_BUILD_ISOLATION} {PIP} install --no-build-isolation --no-cache-dir --force-reinstall '
                         f'--no-deps --no-binary mmcv mmcv=={mmcv if as_tuple(mmcv) < (2, 2) else "2.1.0"}'))
    if numpy and versions.get('xtcocotools') and try_statement('import xtcocotools._mask'):
        remedy = '"numpy<2"' if as_tuple(numpy) >= (2, ) else '--force-reinstall xtcocotools'
        problems.append((True, f'xtcocotools {versions["xtcocotools"]} does not work with numpy {numpy}: '
                         f'{try_statement("import xtcocotools._mask")}', f'{PIP} install {remedy}'))
    if versions.get('opencv-python') and versions.get('opencv-python-headless'):
        problems.append((False, 'opencv-python and opencv-python-headless overwrite each other\'s files',
                         f'{PIP} uninstall -y opencv-python opencv-python-headless && '
                         f'{PIP} install opencv-python-headless'))
    if not problems and try_statement('import rampose.plugin'):
        problems.append((True, f'rampose cannot be imported: {try_statement("import rampose.plugin")}',
                         f'{PIP} install --no-deps -e /path/to/the/checkout/of/rampose'))
    return problems
