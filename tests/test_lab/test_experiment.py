"""A plan is read, trained once and for all, and its differences are given with what they are worth."""

import json
import os
import signal
import subprocess
import sys
import time

import mmengine
import numpy as np
import pytest
from mmengine import Config
from scipy import stats

from rampose.core.locking import FolderLock
from rampose.lab.environment import as_tuple
from rampose.lab.experiments.comparison import mean_and_std, paired_difference
from rampose.lab.experiments.page import differences, page, table
from rampose.lab.experiments.plan import read_plan
from rampose.lab.experiments.results import Result, Results
from rampose.lab.experiments.running import Experiment, check_digest, read_scalars
from rampose.lab.plots import plot_experiment

PLAN = """
title = 'Small'
folder = {folder!r}
metrics = dict(AP='coco/AP', AP50='coco/AP .5')
seeds = [0, 1]
_short = {{'train_cfg.max_epochs': 1, 'train_cfg.val_interval': 1}}
candidates = dict(
    hrnet=dict(title='HRNet', config='hrnet.py', options=_short),
    ours=dict(title='ours', config='ours.py', options=_short, seeds=[0]),
    warm=dict(title='warm', config='ours.py', options=_short, seeds=[0], start='hrnet', convert=True))
comparisons = [('ours', 'hrnet'), ('warm', 'ours')]
"""
HRNET = """
_base_ = {ours!r}
model = dict(
    backbone=dict(type='HRNet', extra=dict(stage4=dict(multiscale_output=False))),
    head=dict(_delete_=True, type='HeatmapHead', in_channels=16, out_channels=17, deconv_out_channels=None,
              loss=dict(type='KeypointMSELoss', use_target_weight=True), decoder=_base_.codec))
"""


@pytest.fixture
def plan_file(root, tmp_path, monkeypatch):
    sample = next((root / 'configs/body_2d_keypoint/topdown_heatmap/sample').glob('td-hm_*.py'))
    (tmp_path / 'configs').mkdir()
    (tmp_path / 'configs/ours.py').write_text(f'_base_ = {str(sample)!r}\n')
    (tmp_path / 'configs/hrnet.py').write_text(HRNET.format(ours=str(sample)))
    path = tmp_path / 'plan.py'
    path.write_text(PLAN.format(folder='configs'))
    return path


def result_of(plan, candidate, seed, values, **changes):
    curve = [dict(epoch=epoch + 1, AP=value, AP50=2 * value) for epoch, value in enumerate(values)]
    fields = dict(candidate=candidate, seed=seed, digest=plan.candidates[candidate].digest, curve=curve,
                  loss=[0.1] * len(values), minutes=3., commit='0123456789', machine='a machine')
    return Result(**{**fields, **changes})


def test_a_paired_difference_is_the_t_tests():
    a, b = {0: 0.30, 1: 0.34, 2: 0.29, 5: 0.9}, {0: 0.28, 1: 0.33, 2: 0.25, 4: 0.1}
    difference = paired_difference(a, b)
    expected = stats.ttest_rel([0.30, 0.34, 0.29], [0.28, 0.33, 0.25]).confidence_interval(0.95)
    assert difference.num_pairs == 3 and difference.mean == pytest.approx(0.07 / 3)
    np.testing.assert_allclose(difference.interval, (expected.low, expected.high))
    np.testing.assert_allclose(difference.interval, (-0.0146125, 0.0612792), atol=1e-6)
    assert difference.within_noise
    apart = paired_difference({0: 0.30, 1: 0.341}, {0: 0.20, 1: 0.24})
    assert not apart.within_noise and apart.interval[0] > 0
    alone = paired_difference({0: 0.9}, {0: 0.1})
    assert alone.interval is None and alone.within_noise, 'a single pair tells nothing apart'
    assert paired_difference({0: 1.}, {1: 1.}) is None
    assert mean_and_std([1., 3.]) == (2., pytest.approx(2**0.5)) and mean_and_std([1.]) == (1., None)


def test_the_runs_of_a_plan(plan_file):
    plan = read_plan(plan_file)
    assert [(candidate.name, seed) for candidate, seed in plan.runs()] == [
        ('hrnet', 0), ('ours', 0), ('warm', 0), ('hrnet', 1)]
    digests = {candidate.name: candidate.digest for candidate in plan.candidates.values()}
    assert len(set(digests.values())) == 3, 'ours and warm differ in their start alone'
    os.environ['RAMPOSE_SAMPLE'] = '/elsewhere'
    try:
        assert read_plan(plan_file).candidates['ours'].digest == digests['ours'], 'wherever the data lies'
    finally:
        del os.environ['RAMPOSE_SAMPLE']
    hrnet = plan_file.parent / 'configs/hrnet.py'
    hrnet.write_text(hrnet.read_text() + 'optim_wrapper = dict(optimizer=dict(lr=1e-4))\n')
    changed = {candidate.name: candidate.digest for candidate in read_plan(plan_file).candidates.values()}
    assert [name for name in digests if changed[name] != digests[name]] == ['hrnet', 'warm'], 'and what starts from it'


@pytest.mark.parametrize(('old', 'new', 'message'), [
    ("title = 'Small'", '', 'title is missing'),
    ('seeds = ', 'seed = ', 'seed is not known and seeds is missing'),
    ("config='ours.py', options=_short, seeds=[0])", "config='mine.py')", 'mine.py is missing'),
    ("title='ours'", "name='ours'", 'candidate ours: name is not known'),
    ('seeds=[0], start', 'seeds=[0, 7], start', 'seeds [7], with which hrnet'),
    ("start='hrnet'", "start='resnet'", 'starts from resnet'),
    ("('warm', 'ours')", "('warm', 'mine')", "the comparison ('warm', 'mine')"),
    ('seeds = [0, 1]', 'seeds = [0, 0]', 'got the seeds [0, 0]'),
    ('seeds = [0, 1]', 'seeds = 3', 'got the seeds 3'),
    ("dict(AP='coco/AP', AP50='coco/AP .5')", "['coco/AP']", "got the metrics ['coco/AP']"),
    ("[('ours', 'hrnet'), ('warm', 'ours')]", "['warm', 'ours']", "got the comparison 'warm'"),
    (", start='hrnet'", '', 'convert needs a start'),
    ("title='warm', config='ours.py'", "title='warm', config='hrnet.py'", 'needed are RAMHRNet, GPRHead'),
    ("dict(AP='coco/AP', AP50='coco/AP .5')", 'dict()', 'got the metrics {}'),
])
def test_a_wrong_plan_is_one_clear_line(root, plan_file, old, new, message):
    text = plan_file.read_text()
    assert old in text
    plan_file.write_text(text.replace(old, new, 1))
    with pytest.raises((ValueError, FileNotFoundError)) as error:
        read_plan(plan_file)
    assert message in str(error.value) and '\n' not in str(error.value)


def test_the_plans_that_we_ship_can_be_read(root):
    plans = sorted((root / 'configs/experiments').glob('*.py'))
    assert len(plans) >= 2
    for path in plans:
        assert read_plan(path).runs()


def test_the_evidence_in_the_docs_is_what_the_results_say(root):
    folder = root / 'docs/evidence/lspet-128x96'
    plan = read_plan(root / 'configs/experiments/lspet-128x96.py')
    results = Results(folder / 'results.json', plan)  # and the configs are still those that were trained
    for text in ((root / 'docs/evidence.md').read_text(), (folder / 'page.md').read_text()):
        assert table(plan, results) in text and differences(plan, results) in text


def test_results_are_kept_and_guarded(plan_file, tmp_path):
    plan = read_plan(plan_file)
    path = tmp_path / 'out/results.json'
    results = Results(path, plan)
    results.add(result_of(plan, 'ours', 0, [0.1, 0.3, 0.2]))
    again = Results(path, plan)
    assert (plan.candidates['ours'], 0) in again and (plan.candidates['hrnet'], 0) not in again
    assert again.values('ours', 'AP') == {0: 0.2} and again.values('ours', 'AP50', 'best') == {0: 0.6}
    results.add(result_of(plan, 'hrnet', 1, [0.4]))
    again.add(result_of(plan, 'warm', 0, [0.5]))
    assert len(Results(path, plan)) == 3, 'two commands on one folder lose nothing'
    again.add(result_of(plan, 'ours', 7, [0.9]))
    assert again.values('ours', 'AP') == {0: 0.2}, "a seed that is the plan's no more"
    assert again.beyond_the_plan() == ['ours, seed 7']
    again.add(result_of(plan, 'hrnet', 0, [0.1], digest='another'))
    with pytest.raises(ValueError, match='hrnet, seed 0, was trained with another config'):
        Results(path, plan)
    path.write_text(path.read_text().replace('coco/AP .5', 'coco/AP .75'))
    with pytest.raises(ValueError, match=r"the plan's are .*coco/AP \.5"):
        Results(path, plan)
    path.write_text('{"runs": [{"seed": 0}]}')
    with pytest.raises(ValueError, match=r'results\.json holds no results'):
        Results(path, plan)


def test_the_page_says_what_is_noise(plan_file, tmp_path):
    plan = read_plan(plan_file)
    results = Results(tmp_path / 'results.json', plan)
    results.add(result_of(plan, 'hrnet', 0, [0.20, 0.10]))
    assert '| ours | 0 of 1 | - | - | - | - | - | - |' in table(plan, results)
    assert '| ours - HRNet | 0 | - | - | - | - |' in differences(plan, results)
    results.add(result_of(plan, 'hrnet', 1, [0.12]))
    results.add(result_of(plan, 'ours', 0, [0.155], loss=[0.098]))
    assert '| HRNet | 2 | 11.00 ± 1.41 | 22.00 ± 2.83 | 16.00 ± 5.66 | 0.1 | 2 | 3.0 |' in table(plan, results)
    assert ('| ours - HRNet | 1 | +5.50 (no interval) | +11.00 (no interval) | one pair | -2.00 (no interval) |'
            in differences(plan, results))
    text = page(plan, results, 'the command')
    assert '3 of 4 runs' in text and '0123456789' in text and 'a machine' in text
    figure = plot_experiment(plan, results)
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ['HRNet', 'ours']
    assert len(figure.axes[1].lines) == 2
    figure.savefig(tmp_path / 'plot.png')


def test_a_metric_in_percent_is_shown_as_it_is(plan_file, tmp_path):
    plan = read_plan(plan_file)
    results = Results(tmp_path / 'results.json', plan)
    results.add(result_of(plan, 'hrnet', 0, [0.4, 88.7]))
    results.add(result_of(plan, 'ours', 0, [90.]))
    assert '| HRNet | 1 of 2 | 88.70 |' in table(plan, results)
    assert '| ours - HRNet | 1 | +1.30 (no interval) |' in differences(plan, results)
    assert plot_experiment(plan, results).axes[1].get_ylabel() == 'AP'


def write_scalars(folder, records):
    folder.mkdir(parents=True)
    (folder / 'scalars.json').write_text('\n'.join(map(json.dumps, records)))


def test_the_log_of_a_resumed_training_is_read_once(tmp_path):
    steps = [dict(epoch=1 + step // 3, step=step, loss=step / 10, time=0.5) for step in (1, 2, 3, 4)]
    write_scalars(tmp_path / '20260101_000000/vis_data', [*steps, {'coco/AP': 0.1, 'coco/AP .5': 0.2, 'step': 1}])
    again = [dict(epoch=2, step=step, loss=1., time=1.) for step in (4, 6)]
    write_scalars(tmp_path / '20260101_000100/vis_data', [*again, {'coco/AP': 0.3, 'coco/AP .5': 0.4, 'step': 2}])
    metrics = dict(AP='coco/AP', AP50='coco/AP .5')
    curve, loss, minutes = read_scalars(tmp_path, metrics)
    assert curve == [dict(epoch=1, AP=0.1, AP50=0.2), dict(epoch=2, AP=0.3, AP50=0.4)]
    assert loss == [0.15, pytest.approx((0.3 + 1 + 1) / 3, abs=1e-3)]
    assert minutes == round((3 * 0.5 + 2 * 1.) / 5 * 6 / 60, 2)
    with pytest.raises(ValueError, match='has no coco/AR, but'):
        read_scalars(tmp_path, dict(AP='coco/AP', AR='coco/AR'))
    with pytest.raises(ValueError, match='no validation with lspet/AP'):
        read_scalars(tmp_path, dict(AP='lspet/AP'))
    with (tmp_path / '20260101_000100/vis_data/scalars.json').open('a') as file:
        file.write('\n{"epoch": 2, "lo')
    assert read_scalars(tmp_path, metrics) == (curve, loss, minutes), 'a line that was cut off'
    write_scalars(tmp_path / 'by_iteration/1/vis_data', [dict(step=1, loss=1., time=1.), {**metrics, 'step': 1}])
    with pytest.raises(ValueError, match='has no epoch of a step'):
        read_scalars(tmp_path / 'by_iteration', {'AP': 'AP'})


@pytest.fixture
def experiment(plan_file, tmp_path):
    plan = read_plan(plan_file)
    return Experiment(plan, Results(tmp_path / 'results.json', plan), tmp_path / 'work', only=['warm'])


def test_a_run_whose_start_nobody_trains_is_no_endless_wait(experiment):
    assert experiment.run(lambda line: None) == {
        'warm, seed 0': 'it starts from hrnet, seed 0, which is neither done nor to be trained'}


def test_what_lies_in_a_folder_is_not_taken_for_another_config(experiment):
    hrnet = experiment.plan.candidates['hrnet']
    folder = experiment.folder('hrnet', 0)
    folder.mkdir(parents=True)
    (folder / 'digest.txt').write_text('of a start that came to no checkpoint')
    check_digest(folder, hrnet)
    (folder / 'epoch_1.pth').touch()
    (folder / 'last_checkpoint').write_text('epoch_1.pth')
    experiment.only = ['hrnet']
    with pytest.raises(ValueError, match='holds a training of another config than hrnet'):
        experiment.run(lambda line: None)
    (folder / 'digest.txt').write_text(hrnet.digest)
    check_digest(folder, hrnet)
    (folder / 'digest.txt').unlink()
    with pytest.raises(ValueError, match='holds a training of another config than hrnet'):
        check_digest(folder, hrnet)


def test_a_folder_that_another_command_trains_in_is_left_to_it(plan_file, experiment):
    experiment.only = ['ours']
    experiment.folder('ours', 0).mkdir(parents=True)
    with FolderLock(experiment.folder('ours', 0)):
        failures = experiment.run(lambda line: None)
    assert 'another command trains it' in failures['ours, seed 0']


def test_a_damaged_start_is_a_failure_of_one_run(experiment):
    hrnet = experiment.plan.candidates['hrnet']
    experiment.results.add(result_of(experiment.plan, 'hrnet', 0, [0.1]))
    folder = experiment.folder('hrnet', 0)
    folder.mkdir(parents=True)
    (folder / 'digest.txt').write_text(hrnet.digest)
    (folder / 'epoch_1.pth').write_bytes(b'nothing')
    (folder / 'last_checkpoint').write_text('epoch_1.pth')
    failures = experiment.run(lambda line: None)
    assert 'epoch_1.pth' in failures['warm, seed 0']


@pytest.mark.parametrize('value', [
    dict(type='SGD', lr=0.1), 'one, two', 'x y', '1', "it's", '[1', (1, 2), [(1, ), ()], [], None, 1e-7, True, 'None',
    float('inf'), object()], ids=lambda value: 'object' if type(value) is object else repr(value))
def test_what_is_trained_is_what_was_planned(plan_file, tmp_path, monkeypatch, value):
    """Options of any kind, an order of keypoints that MMEngine would change, and a path that no option could name."""
    ours = plan_file.parent / 'configs/ours.py'
    ours.write_text(ours.read_text() + 'metainfo = {number: dict(id=number) for number in range(12)}\n')
    plan = read_plan(plan_file)
    candidate = plan.candidates['ours']
    candidate.options['note.of_mine'] = value
    candidate.options['param_scheduler.0.end'] = 7
    experiment = Experiment(plan, Results(tmp_path / 'results.json', plan), tmp_path / 'my work, [1]', only=['ours'])
    commands = []
    monkeypatch.setattr('subprocess.Popen', lambda command, **options: commands.append(command))
    folder = experiment.folder('ours', 0)
    folder.mkdir(parents=True)
    if value == float('inf') or type(value) is object:  # what a config file cannot say
        with pytest.raises(ValueError, match='candidate ours: '):
            experiment._launch(candidate, 0, folder)
        return
    experiment._launch(candidate, 0, folder)
    command, = commands
    assert '--cfg-options' not in command
    trained = Config.fromfile(command[command.index('mmpose') + 1])
    assert repr(trained.note.of_mine) == repr(value)
    assert trained.param_scheduler[0].end == 7 and trained.randomness.seed == 0
    assert list(trained.metainfo) == list(range(12))
    (folder / 'last_checkpoint').write_text('epoch_1.pth')
    experiment._launch(candidate, 1, folder)
    assert '--resume' in commands[1] and Config.fromfile(commands[1][3]).randomness.seed == 1


@pytest.mark.slow
def test_what_starts_from_a_failed_run_is_not_tried(plan_file, tmp_path, monkeypatch):
    plan_file.write_text(plan_file.read_text().replace('seeds = [0, 1]', 'seeds = [0]'))
    plan = read_plan(plan_file)
    monkeypatch.setenv('RAMPOSE_SAMPLE', str(tmp_path / 'nothing'))
    experiment = Experiment(plan, Results(tmp_path / 'results.json', plan), tmp_path / 'work', only=['hrnet', 'warm'])
    failures = experiment.run(lambda line: None)
    assert set(failures) == {'hrnet, seed 0', 'warm, seed 0'}
    assert 'the data set of train_dataloader.dataset is missing' in failures['hrnet, seed 0']
    assert failures['warm, seed 0'] == 'it starts from hrnet, seed 0, which failed'


@pytest.mark.long
def test_a_plan_runs_to_its_end_and_nothing_twice(root, plan_file, tmp_path, tiny_sample, monkeypatch):
    monkeypatch.setenv('RAMPOSE_SAMPLE', str(tiny_sample))
    monkeypatch.setenv('OMP_NUM_THREADS', '1')
    text = plan_file.read_text()
    plan_file.write_text(text.replace('seeds = [0, 1]', 'seeds = [0]').replace("'train_cfg.max_epochs': 1",
                                                                               "'train_cfg.max_epochs': 2"))
    out, work = tmp_path / 'out', tmp_path / 'work'
    command = [sys.executable, str(root / 'tools/experiment.py'), str(plan_file), '--out', str(out), '--work-dir',
               str(work)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    started = time.monotonic()
    while not (work / 'hrnet/seed0/last_checkpoint').exists() and time.monotonic() - started < 120:
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 130 and not (out / 'results.json').exists()

    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert 'resumed epoch: 1' in (work / 'hrnet/seed0/train.log').read_text()
    entries = json.loads((out / 'results.json').read_text())['runs']
    assert [entry['candidate'] for entry in entries] == ['hrnet', 'ours', 'warm']
    assert all(len(entry['curve']) == 2 and len(entry['loss']) == 2 for entry in entries)
    log = (work / 'warm/seed0/train.log').read_text()
    assert 'Load checkpoint from' in log and 'converted.pth' in log
    assert '| warm - ours | 1 |' in (out / 'page.md').read_text() and (out / 'comparison.png').stat().st_size > 1000

    again = subprocess.run(command, capture_output=True, text=True)
    assert again.returncode == 0 and 'started' not in again.stdout


def test_a_wrong_call_is_one_clear_line(root, plan_file, tmp_path):
    def stderr_of(*arguments):
        done = subprocess.run([sys.executable, str(root / 'tools/experiment.py'), *map(str, arguments)], text=True,
                              capture_output=True, cwd=tmp_path)
        assert done.returncode == 2
        # MMEngine 0.7 leaves a line of its own behind ours.
        return next(line for line in done.stderr.splitlines() if 'rampose experiment:' in line)

    assert 'nothing.py is missing' in stderr_of('nothing.py')
    assert 'got --only theirs' in stderr_of(plan_file, '--only', 'theirs')
    assert '--jobs 0' in stderr_of(plan_file, '--jobs', '0')
    plan_file.write_text(plan_file.read_text() + 'title = nowhere')
    assert f'rampose experiment: {plan_file}: NameError(' in stderr_of(plan_file)
    plan_file.write_text('\ntitle = ')
    # Before 0.8, MMEngine does not tell the line.
    place = f'{plan_file}:' + ('2: ' if as_tuple(mmengine.__version__) >= (0, 8) else 'None: There are syntax errors')
    said = stderr_of(plan_file)
    assert f'rampose experiment: {place}' in said and 'invalid syntax' in said
