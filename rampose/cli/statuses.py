"""Exit statuses of all commands, and how an error becomes one."""

import argparse
import contextlib
from typing import Iterator, Tuple, Type

DONE = 0
FOUND = 1  # done, but something was found or left out
UNUSABLE = 2  # the call cannot be used
NOT_WRITTEN = 3  # results could not be written
BROKEN = 4  # an error of the program's own
STOPPED = 130

PACKAGES = {'cv2': 'opencv-python', 'PIL': 'pillow', 'yaml': 'pyyaml'}  # that are not called as their modules
OPENMMLAB = ('torch', 'torchvision', 'mmengine', 'mmcv', 'mmdet', 'mmpose', 'mmpretrain')  # which must fit together

HELP = """exit status: 0 done; 1 done, but something was found or left out; 2 the call cannot be used; 3 results could
not be written; 4 an error of the program's own; 130 stopped"""


class CommandError(Exception):
    """Ends a command with a line on stderr.

    Args:
        status: The exit status.
        message: What was got, what is needed, what to do; the command's name is put before it.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def unusable(message: str) -> CommandError:
    """The error of a call that cannot be used."""
    return CommandError(UNUSABLE, message)


def check_least(args: argparse.Namespace, **lowest: float) -> None:
    """Refuse a number that is lower than its option may be."""
    for name, least in lowest.items():
        if not getattr(args, name) >= least:
            raise unusable(f'got --{name.replace("_", "-")} {getattr(args, name)}; needed is at least {least}')


@contextlib.contextmanager
def before_the_work(kinds: Tuple[Type[BaseException], ...] = (Exception, )) -> Iterator[None]:
    """Whatever goes wrong within is a call that cannot be used, since nothing is done yet.

    Of an error of Python's own, the kind is named, too: configs are Python, and may raise anything.
    """
    try:
        yield
    except CommandError:
        raise
    except kinds as error:
        raise unusable(first_line(error)) from error


@contextlib.contextmanager
def writing(what: str) -> Iterator[None]:
    """An OSError within means that results could not be written; `what` says what to do about it."""
    try:
        yield
    except OSError as error:
        raise CommandError(NOT_WRITTEN, f'results could not be written: {error}. {what}') from error


def first_line(error: BaseException) -> str:
    """An error in a line, with its kind where the text alone does not say enough."""
    if isinstance(error, ModuleNotFoundError) and error.name and str(error).startswith(('No module', 'import of')):
        package = error.name.partition('.')[0]
        return f'{package} is needed and not installed: ' + (
            'rampose check-env says how' if package in OPENMMLAB else f'pip install {PACKAGES.get(package, package)}')
    lines = str(error).strip().splitlines()
    says_enough = type(error) in (ValueError, ImportError, ModuleNotFoundError, RuntimeError) or (
        isinstance(error, (ValueError, RuntimeError, ImportError)) and type(error).__module__.startswith('rampose'))
    return ('' if says_enough else f'{type(error).__name__}: ') + (lines[0] if lines else '')
