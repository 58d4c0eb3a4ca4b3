"""Files that come with the package: configs, tools, metafiles and weights."""

from importlib import metadata
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]


def shipped(name: str) -> Path:
    """A file or folder that travels with the package: in ``rampose/.mim`` of an installation, else in the checkout.

    Raises:
        FileNotFoundError: It is in neither.
    """
    for place in (_PACKAGE / '.mim', _PACKAGE.parent):
        if (place / name).exists():
            return place / name
    raise FileNotFoundError(f'{name} is missing beside {_PACKAGE}: the installation is incomplete; install rampose '
                            'again, from its wheel or its checkout')


def how_to_install(extra: str) -> str:
    """What to type to get the packages of an extra of ours.

    They are named themselves: rampose is on no index, and what somebody else puts there under its name is not ours.
    """
    try:
        lines = shipped(f'requirements/{extra}.txt').read_text().splitlines()
    except FileNotFoundError:  # installed
        lines = [line for line in metadata.requires('rampose') or () if f'extra == "{extra}"' in line]
    packages = [line.split(';')[0].replace(' ', '') for line in lines if line and not line.startswith('#')]
    return 'pip install ' + ' '.join(f'"{package}"' if '>' in package else package for package in packages)
