"""examples:
  rampose completion bash > ~/.local/share/bash-completion/completions/rampose
  rampose completion zsh > ~/.zfunc/_rampose
"""

import argparse
from pathlib import Path

from .statuses import DONE

FOLDER = Path(__file__).parent / 'completions'
SHELLS = ('bash', 'zsh')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('shell', choices=SHELLS)


def run(args: argparse.Namespace) -> int:
    print((FOLDER / f'rampose.{args.shell}').read_text(), end='')
    return DONE


def generate(shell: str) -> str:
    """The script of a shell, by shtab, from all commands' arguments; `make completion` writes it."""
    import shtab

    from .main import make_parser
    return shtab.complete(make_parser(), shell)


if __name__ == '__main__':
    FOLDER.mkdir(exist_ok=True)
    for name in SHELLS:
        (FOLDER / f'rampose.{name}').write_text(generate(name))
