"""`rampose COMMAND`: finds the command's file, reads its arguments, runs it, and turns errors into exit statuses."""

import argparse
import importlib
import sys
import traceback
import warnings
from typing import Dict, List, Optional, Tuple

from .. import __version__
from .console import warn
from .statuses import BROKEN, DONE, HELP, STOPPED, UNUSABLE, CommandError

# The file of each command and what it does, in a line. Nothing of it is imported before it is asked for.
COMMANDS: Dict[str, Tuple[str, str]] = {
    'predict': ('predict', 'find the keypoints of people in images, folders, videos, or of a webcam'),
    'results': ('results', 'write the results of predict in the formats of other tools'),
    'serve': ('serve', 'answer with the keypoints of people over HTTP'),
    'app': ('app', 'open a page to try models on images and films'),
    'weights': ('weights', 'list the models that have weights, and fetch them'),
    'export': ('export', 'export a trained model to ONNX or OpenVINO'),
    'calibrate': ('calibrate', 'fit how sure an exported model is, on labelled people'),
    'check-data': ('check_data', 'say what is wrong with a data set, and mend a copy of it'),
    'convert-data': ('convert_data', "make a data set of what an annotation tool writes"),
    'finetune': ('finetune', 'train a model of your own keypoints, from labels to an exported model'),
    'suggest': ('suggest', 'say which images to label next, and write them as a task for annotators'),
    'check-env': ('check_env', 'say what is installed, what clashes, and what mends it'),
    'pack': ('pack', 'pack the people of a data set as crops, for fast loading'),
    'convert': ('convert', 'start RAM-HRNet + GPR from an HRNet checkpoint'),
    'publish': ('publish', 'strip a training checkpoint to what others need'),
    'analyze': ('analyze', 'draw the best and the worst predictions, and what attention weighs for whom'),
    'compare': ('compare', 'say which of several models is better on labelled images, by how much, and where'),
    'benchmark': ('benchmark', 'time RAM-HRNet + GPR against HRNet, every way it runs'),
    'table1': ('table1', "print the paper's Table 1 beside what is measured here"),
    'experiment': ('experiment', 'train the configs of a plan with several seeds, and compare them'),
    'gpu': ('gpu', 'run what needs a GPU, within minutes: tests, benchmark, training'),
    'demo': ('demo', 'train, test and look at a small model, from nothing'),
    'kill-training': ('kill_training', 'kill and resume training runs, and compare them with one that ran through'),
    'test-dev': ('test_dev', "write results for COCO's test-dev server"),
    'convert-lsp': ('convert_lsp', "convert Leeds Sports Pose to COCO's format"),
    'completion': ('completion', 'print the completion script for bash or zsh'),
}

EXAMPLES = """examples:
  rampose predict photo.jpg --whole-image            keypoints of one person, by the model that comes with rampose
  rampose predict photos/ --boxes boxes.json         of the people in these boxes
  rampose weights                                    what else there is
  rampose COMMAND --help                             all about a command"""


def make_parser(commands: Tuple[str, ...] = tuple(COMMANDS)) -> argparse.ArgumentParser:
    """The parser; the arguments of the commands given are in it, of the others the name and a line."""
    parser = argparse.ArgumentParser(
        'rampose', description='RAM-HRNet and GPR for MMPose: people\'s keypoints, and what a model needs on its way.',
        epilog=f'{EXAMPLES}\n\n{HELP}', formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--version', action='version', version=f'rampose {__version__}')
    places = parser.add_subparsers(dest='command', metavar='COMMAND', title='commands')
    for name, (file, summary) in COMMANDS.items():
        if name not in commands:
            places.add_parser(name, help=summary, add_help=False)
            continue
        module = importlib.import_module(f'.{file}', __package__)
        description = f'{summary[0].upper()}{summary[1:]}.\n\n{module.__doc__}'
        own = places.add_parser(name, help=summary, description=description, epilog=HELP,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
        module.add_arguments(own)
        own.set_defaults(run=module.run, parser=own)
    return parser


def main(argv: Optional[List[str]] = None) -> int:
    """Run the command of a command line.

    Args:
        argv: The arguments. Default: those of the process.

    Returns:
        The exit status (:mod:`rampose.cli.statuses`).
    """
    argv = sys.argv[1:] if argv is None else list(argv)
    name = next((argument for argument in argv if not argument.startswith('-')), None)
    parser = make_parser((name, ) if name in COMMANDS else ())
    args = parser.parse_args(argv)
    if args.command is None:
        parser.print_help()
        return UNUSABLE
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, 'reconfigure'):
            stream.reconfigure(errors='backslashreplace')  # file names may hold what a terminal cannot show
    if not sys.warnoptions:
        warnings.simplefilter('ignore')  # of the libraries; what concerns the user is printed
    try:
        return args.run(args) or DONE
    except CommandError as error:
        warn(args.command, str(error))
        return error.status
    except KeyboardInterrupt:
        warn(args.command, 'stopped')
        return STOPPED
    except BrokenPipeError:  # whoever read the output has gone
        sys.stderr.close()
        return STOPPED
    except Exception:
        traceback.print_exc()
        warn(args.command, "an error of the program's own, see above; please report it")
        return BROKEN


def run_as_tool(command: str) -> None:
    """What a file of tools/ does: run a command with the process's arguments, and exit with its status."""
    sys.exit(main([command, *sys.argv[1:]]))
