"""Files that come with the package: configs, tools, metafiles and weights."""

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
