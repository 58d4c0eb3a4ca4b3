"""The command itself: help, statuses, errors."""

import argparse
import importlib
import subprocess
import sys
import time

import pytest

from rampose.cli import statuses
from rampose.cli.completion import FOLDER, SHELLS, generate
from rampose.cli.main import COMMANDS, main, make_parser


def rampose(*arguments, **options):
    return subprocess.run([sys.executable, '-m', 'rampose', *map(str, arguments)], capture_output=True, text=True,
                          **options)


def test_help_lists_every_command_and_imports_nothing_heavy():
    times = []
    for _ in range(3):
        start = time.perf_counter()
        done = rampose('--help')
        times.append(time.perf_counter() - start)
    assert done.returncode == 0 and all(f'    {name}' in done.stdout for name in COMMANDS)
    assert min(times) < 0.3
    code = 'import sys; import rampose.cli.main as m; m.make_parser(("predict",)); print(*sys.modules)'
    loaded = {name.split('.')[0] for name in
              subprocess.run([sys.executable, '-c', code], capture_output=True, text=True).stdout.split()}
    assert not loaded & {'torch', 'numpy', 'cv2', 'mmengine', 'mmpose', 'rich', 'matplotlib'}


@pytest.mark.parametrize('command', COMMANDS)
def test_each_command_explains_itself(command, capsys):
    with pytest.raises(SystemExit) as left:
        main([command, '--help'])
    text = capsys.readouterr().out
    assert left.value.code == 0 and text.startswith(f'usage: rampose {command}') and 'exit status: 0 done' in text
    assert 'example' in text or command == 'check-env'
    for line in text.splitlines():
        if line.strip().startswith(f'rampose {command}'):
            break
    else:
        assert command == 'check-env'


def test_no_command_and_unknown_ones(capsys):
    assert main([]) == statuses.UNUSABLE
    with pytest.raises(SystemExit) as left:
        main(['train'])
    assert left.value.code == statuses.UNUSABLE and "invalid choice: 'train'" in capsys.readouterr().err


@pytest.mark.parametrize(('error', 'status', 'message'), [
    (statuses.unusable('got x; needed is y'), 2, 'rampose demo: got x; needed is y'),
    (statuses.CommandError(statuses.NOT_WRITTEN, 'no room'), 3, 'rampose demo: no room'),
    (KeyboardInterrupt(), 130, 'rampose demo: stopped'),
    (ValueError('of the program'), 4, "an error of the program's own"),
    (AssertionError(), 4, "an error of the program's own"),
])
def test_every_error_has_its_status(error, status, message, monkeypatch, capsys):

    def raise_it(args: argparse.Namespace) -> int:
        raise error

    monkeypatch.setattr('rampose.cli.demo.run', raise_it)
    assert main(['demo']) == status
    assert message in capsys.readouterr().err


def test_before_the_work_every_error_is_of_the_call():
    for error, line in ((ZeroDivisionError('division'), 'ZeroDivisionError: division'), (ValueError('a\nb'), 'a')):
        with pytest.raises(statuses.CommandError, match=f'^{line}$') as caught, statuses.before_the_work():
            raise error
        assert caught.value.status == statuses.UNUSABLE
    with pytest.raises(statuses.CommandError, match='could not be written: full. Make room') as caught, \
            statuses.writing('Make room'):
        raise OSError('full')
    assert caught.value.status == statuses.NOT_WRITTEN


def test_names_from_outside_are_no_markup(capsys):
    from rampose.cli.console import progress, table
    table(('file', 'n'), [('/data/run[old]/[/red]x.jpg', '1')])
    assert list(progress([1], description='[/mnt/coco]')) == [1]
    assert '/data/run[old]/[/red]x.jpg' in capsys.readouterr().out.replace('\n', '')


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason='they are made by the lock file\'s shtab, for Python 3.11')
@pytest.mark.parametrize('shell', SHELLS)
def test_the_completion_scripts_are_current(shell):
    assert (FOLDER / f'rampose.{shell}').read_text() == generate(shell), 'run make completion'


@pytest.mark.parametrize('shell', SHELLS)
def test_the_completion_scripts_are_printed(shell, capsys):
    assert main(['completion', shell]) == 0
    script = capsys.readouterr().out
    assert '--min-keypoint-score' in script and 'check-data' in script


def test_bash_completes(tmp_path):
    script = f'source {FOLDER / "rampose.bash"}; COMP_WORDS=(rampose pre); COMP_CWORD=1; _shtab_rampose rampose pre ' \
             'rampose; echo "${COMPREPLY[@]}"'
    done = subprocess.run(['bash', '-c', script], capture_output=True, text=True)
    assert done.stdout.split() == ['predict'], done.stderr


def test_the_parsers_agree():
    """A parser of one command knows the names of the others."""
    assert make_parser(('predict', )).parse_args(['predict', 'a.jpg']).inputs == ['a.jpg']


@pytest.mark.parametrize('module, message', [
    ('nothing_such.inner', 'nothing_such is needed and not installed: pip install nothing_such'),
    ('mmcv.nothing_such', 'mmcv is needed and not installed: rampose check-env says how')])
def test_a_package_that_is_missing(module, message):
    with pytest.raises(statuses.CommandError) as error, statuses.before_the_work():
        importlib.import_module(module)
    assert str(error.value) == message and error.value.status == statuses.UNUSABLE
