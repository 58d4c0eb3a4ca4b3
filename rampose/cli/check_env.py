"""Works on a broken installation, too: status 1 if something keeps rampose from running.
"""

import argparse
import platform

from ..lab.environment import PACKAGES, devices, find_problems, version_of
from .statuses import DONE, FOUND


def add_arguments(parser: argparse.ArgumentParser) -> None:
    pass


def run(args: argparse.Namespace) -> int:
    print(f'Python {platform.python_version()} on {platform.platform()}')
    versions = {package: version_of(package) for package in PACKAGES}
    for package, version in versions.items():
        print(f'  {package:24}{version or "-"}')
    print(f'  {"devices":24}{devices()}')
    print('Trying the imports ...', flush=True)
    problems = find_problems(versions)
    for blocking, what, remedy in problems:
        print(f'{"ERROR" if blocking else "note"}: {what}\n  mend it with: {remedy}')
    blocked = any(blocking for blocking, _, _ in problems)
    print('rampose cannot run here yet.' if blocked else 'rampose can run here.')
    return FOUND if blocked else DONE
