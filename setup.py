"""What packaging needs as code: configs, tools, weights and metafiles travel as `rampose/.mim`, where openmim looks.

Everything else stands in pyproject.toml.
"""

import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent.resolve()
SHIPPED = ('checkpoints', 'configs', 'tools', 'model-index.yml')


class BuildWithMim(build_py):
    """Put copies beside the built package, or links beside the source where the install is editable."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            mim = ROOT / 'rampose' / '.mim'
            place = link
        else:
            mim = Path(self.build_lib).resolve() / 'rampose' / '.mim'
            place = copy
        shutil.rmtree(mim, ignore_errors=True)
        mim.mkdir(parents=True)
        for name in SHIPPED:
            place(ROOT / name, mim / name)


def copy(source: Path, target: Path) -> None:
    if source.is_dir():
        # Checkpoints for PyTorch stay in the repository; the wheel has the models in ONNX.
        shutil.copytree(source, target, ignore=shutil.ignore_patterns('__pycache__', '*.pth'))
    else:
        shutil.copyfile(source, target)


def link(source: Path, target: Path) -> None:
    try:
        target.symlink_to(source)
    except OSError:  # Windows, without the right to make links
        copy(source, target)


# With this package_dir an editable install is a path and no import hook, so that a folder called rampose beside a
# script does not hide the package.
setup(packages=find_packages(include=['rampose', 'rampose.*']), package_dir={'': '.'},
      package_data={'rampose': ['py.typed', 'cli/completions/*']}, cmdclass={'build_py': BuildWithMim})
