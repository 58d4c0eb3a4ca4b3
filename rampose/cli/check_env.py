"""Works on a broken installation, too: status 1 if something keeps rampose from running.
"""

import argparse
import platform

from ..lab.environment import PACKAGES, devices, find_problems, trains, version_of
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
    for problem in problems:
        print(f'{"ERROR" if problem.blocking else "note"}: {problem.what}\n  mend it with: {problem.remedy}')
    if any(problem.blocking for problem in problems):
        print('rampose cannot run here yet.')
        return FOUND
    print('rampose can run here.' if trains(versions) else
          'rampose can predict here with exported models; training needs torch and MMPose, too.')
    return DONE
