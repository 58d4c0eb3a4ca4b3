"""Training what a plan asks for and is not done yet, by MMPose's own training tool."""

import contextlib
import os
import re
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Dict, List, Optional, Sequence, Tuple

import numpy as np

from ... import __version__
from ...checkpoints.conversion import convert, normalized, save
from ...checkpoints.hrnet import read_hrnet
from ...core.files import written_whole
from ...core.locking import FolderLock, LockedError
from ...engine.hooks.durable_checkpoint import last_checkpoint
from ..machine import describe_machine
from ..sample import make_crops
from ..training_runs import find_mim, read_records
from .plan import Candidate, Plan, config_of
from .planned import write_planned
from .results import Result, Results

PlannedRun = Tuple[Candidate, int]
LOG = 'train.log'
PLANNED = 'planned'  # folder of the config that is trained
DIGEST = 'digest.txt'  # of the candidate that is trained in a folder
# EpochSummaryHook's line, or within an epoch the head of MMEngine's.
PROGRESS = re.compile(r'^epoch \d+/\d+ .*|Epoch\(train\) +\[\d+\]\[ *\d+/\d+\]', re.MULTILINE)
TAIL = 2**16  # bytes at the end of a log, which hold the line of the last epoch
PATIENCE = 30  # seconds that a training is given to end when it is told to


def name_of(run: PlannedRun) -> str:
    return f'{run[0].name}, seed {run[1]}'


@dataclass
class _Training:
    run: PlannedRun
    process: subprocess.Popen
    folder: Path
    commit: str
    lock: FolderLock


class Experiment:
    """The trainings of a plan, each a process in a folder of its own, ``{work_dir}/{candidate}/seed{seed}``.

    A run with a result is not done again; one that was stopped goes on from its last checkpoint, and one that another
    command trains at the moment is left to it.

    Args:
        plan: The plan.
        results: What is done; each result is added when its run ends.
        work_dir: The folder of the trainings.
        jobs: Trainings at a time. With more than one, each is given its share of the cores; GPUs they share.
        only: Names of the candidates to train; all if it is empty.
        gpus: GPUs of each training, by MMPose's launcher; None for one, or the CPU.
    """

    def __init__(self, plan: Plan, results: Results, work_dir: Path, jobs: int = 1, only: Sequence[str] = (),
                 gpus: Optional[int] = None) -> None:
        self.plan = plan
        self.results = results
        self.work_dir = work_dir
        self.jobs = jobs
        self.only = only or list(plan.candidates)
        self.gpus = gpus
        self._running: List[_Training] = []

    def folder(self, candidate: str, seed: int) -> Path:
        return self.work_dir / candidate / f'seed{seed}'

    def run(self, on_change: Callable[[str], None],
            on_wait: Callable[[str], None] = lambda text: None) -> Dict[str, str]:
        """Train all that is not done.

        Args:
            on_change: Told when a run starts or ends, with a line.
            on_wait: Told every second how far the running ones are, with a line.

        Returns:
            By name, why runs failed; empty if all is done. What starts from a failed run is not tried.

        Raises:
            ValueError: A folder holds a training of another config.
        """
        todo = [run for run in self.plan.runs() if run[0].name in self.only and run not in self.results]
        for candidate, seed in todo:  # before any is trained
            check_digest(self.folder(candidate.name, seed), candidate)
        failures: Dict[str, str] = {}
        num_runs = len(todo)
        try:
            while todo or self._running:
                for run in self._startable(todo, failures):
                    todo.remove(run)
                    try:
                        self._running.append(self._start(run))
                    except Exception as error:  # configs and checkpoints may raise anything; the others go on
                        failures[name_of(run)] = str(error)
                        on_change(f'{name_of(run)}: FAILED, {error}')
                    else:
                        on_change(f'{name_of(run)}: started, log in {self._running[-1].folder / LOG}')
                time.sleep(1)
                done = num_runs - len(todo) - len(self._running) - len(failures)
                on_wait(f'{done} of {num_runs} runs done; ' + '; '.join(map(_progress, self._running)))
                for training in [training for training in self._running if training.process.poll() is not None]:
                    self._running.remove(training)
                    try:
                        result = self._collect(training)
                        self.results.add(result)
                    except (ValueError, OSError) as error:
                        failures[name_of(training.run)] = str(error)
                        on_change(f'{name_of(training.run)}: FAILED, {error}')
                        continue
                    finally:
                        training.lock.release()
                    values = ', '.join(f'{metric} {result.last(metric):.4f}' for metric in self.plan.metrics)
                    on_change(f'{name_of(training.run)}: done, {values}, {result.minutes:.1f} min')
        finally:
            self._stop()
        return failures

    def _startable(self, todo: List[PlannedRun], failures: Dict[str, str]) -> List[PlannedRun]:
        """The next runs for free places, whose start is done; those without hope go to the failures."""
        free, found = self.jobs - len(self._running), []
        for candidate, seed in list(todo):
            start = self.plan.candidates.get(candidate.start)
            awaited = [*todo, *(training.run for training in self._running)]
            if start and (start, seed) not in self.results and (start, seed) not in awaited:
                todo.remove((candidate, seed))
                why = 'failed' if name_of((start, seed)) in failures else 'is neither done nor to be trained'
                failures[name_of((candidate, seed))] = f'it starts from {name_of((start, seed))}, which {why}'
            elif len(found) < free and (start is None or (start, seed) in self.results):
                found.append((candidate, seed))
        return found

    def _start(self, run: PlannedRun) -> _Training:
        candidate, seed = run
        folder = self.folder(candidate.name, seed)
        folder.mkdir(parents=True, exist_ok=True)
        lock = FolderLock(folder)
        try:
            lock.acquire()
        except LockedError:
            raise ValueError(f'another command trains it in {folder}; wait for its end') from None
        try:
            with written_whole(folder / DIGEST) as file:
                file.write(candidate.digest.encode())
            commit = current_commit()  # before it is started, lest an error here leave it running alone
            return _Training(run, self._launch(candidate, seed, folder), folder, commit, lock)
        except BaseException:
            lock.release()
            raise

    def _launch(self, candidate: Candidate, seed: int, folder: Path) -> subprocess.Popen:
        resume = last_checkpoint(folder) is not None
        start = self._starting_point(candidate, seed, folder) if candidate.start and not resume else None
        # In a folder of its own: MMEngine writes the config that it trains with beside the checkpoints.
        config = write_planned(candidate, seed, start, folder / PLANNED)
        command = [find_mim(), 'train', 'mmpose', str(config), '--work-dir', str(folder)]
        command += ['--launcher', 'pytorch', '--gpus', str(self.gpus)] if self.gpus else []
        command += ['--resume'] if resume else []
        with (folder / LOG).open('ab') as log:
            return subprocess.Popen(command, env=self._environment(), stdout=log, stderr=subprocess.STDOUT,
                                    start_new_session=True)

    def _starting_point(self, candidate: Candidate, seed: int, folder: Path) -> Path:
        start = self.folder(candidate.start, seed)
        named = last_checkpoint(start)
        checkpoint = start / Path(named).name if named else None
        if checkpoint is None or not checkpoint.is_file():
            raise ValueError(f'the last checkpoint of {candidate.start}, seed {seed}, is not in {start}; copy that '
                             f'folder there, or remove the run from {self.results.path} to train it again')
        check_digest(start, self.plan.candidates[candidate.start])
        if candidate.convert:
            import torch

            from ... import models  # noqa: F401  registers what the config builds
            torch.manual_seed(seed)  # of what HRNet does not have
            weights = read_hrnet(checkpoint)
            checkpoint = folder / 'converted.pth'
            config = config_of(candidate.config, candidate.options)
            images = normalized(make_crops(config.codec.input_size))
            save(convert(weights, config, images), weights, checkpoint)
        return checkpoint

    def _collect(self, training: _Training) -> Result:
        candidate, seed = training.run
        log = training.folder / LOG
        if training.process.returncode != 0:
            raise ValueError(f'the training ended with status {training.process.returncode}, see {log}:\n'
                             + last_words(log.read_text(errors='replace')))
        curve, loss, minutes = read_scalars(training.folder, self.plan.metrics)
        return Result(candidate.name, seed, candidate.digest, curve, loss, minutes, training.commit, self._machine())

    def _machine(self) -> str:
        import torch
        if torch.cuda.is_available():
            return describe_machine('cuda', self.gpus or 1)
        return describe_machine('cpu', int(self._environment().get('OMP_NUM_THREADS', 0)) or None)

    def _environment(self) -> Dict[str, str]:
        environment = dict(os.environ)
        if self.jobs > 1:  # each by itself would take all cores, and all wait for each other
            environment.setdefault('OMP_NUM_THREADS', str(max(1, (os.cpu_count() or 1) // self.jobs)))
        return environment

    def _stop(self) -> None:
        """Nothing goes on behind a command that ended; DurableCheckpointHook leaves what is resumed from."""
        for training in self._running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(training.process.pid, signal.SIGTERM)
        for training in self._running:
            try:
                training.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(training.process.pid, signal.SIGKILL)
        self._running.clear()


def check_digest(folder: Path, candidate: Candidate) -> None:
    """Raise ValueError if a folder holds a checkpoint, from which a run would go on, of another than the candidate."""
    path = folder / DIGEST
    if last_checkpoint(folder) and not (path.exists() and path.read_text().strip() == candidate.digest):
        raise ValueError(f'{folder} holds a training of another config than {candidate.name} is now, or from another '
                         'start; remove it, or give another --work-dir')


def last_words(log: str) -> str:
    """The last lines that a training wrote, without the traceback of mim, which follows any failure."""
    before, _, traceback = log.rpartition('Traceback (most recent call last):')
    return '\n'.join((before if 'CalledProcessError' in traceback else log).strip().splitlines()[-5:])


def read_scalars(folder: Path, metrics: Dict[str, str]) -> Tuple[List[Dict[str, float]], List[float], float]:
    """Read what MMEngine wrote of a training.

    Args:
        folder: Its work folder.
        metrics: What the evaluators call each metric, by its name in tables.

    Returns:
        After each validation, ``epoch`` and the metrics; the mean loss of each epoch; minutes of all training steps.

    Raises:
        ValueError: It was never validated, or by other metrics.
    """
    records = read_records(folder)  # what a later start says of a step is what counts
    steps = {record['step']: record for record in records if 'loss' in record}
    validations = {record['step']: record for record in records if 'loss' not in record
                   and not set(metrics.values()).isdisjoint(record)}
    if not validations or not steps:
        raise ValueError(f'the log in {folder} has no validation with {", ".join(metrics.values())}; metrics are what '
                         'the evaluators of the config call them')
    lacking = {'epoch', 'time'} - set(next(iter(steps.values())))
    if lacking:
        raise ValueError(f'the log in {folder} has no {", ".join(sorted(lacking))} of a step; needed are a training '
                         'by epochs and IterTimerHook')
    curve = []
    for epoch, record in sorted(validations.items()):
        lacking = [name for name in metrics.values() if name not in record]
        if lacking:
            raise ValueError(f'the log in {folder} has no {lacking[0]}, but {", ".join(sorted(record))}')
        curve.append(dict(epoch=epoch, **{name: float(record[key]) for name, key in metrics.items()}))
    epochs: Dict[int, List[float]] = {}
    for record in steps.values():
        epochs.setdefault(record['epoch'], []).append(record['loss'])
    loss = [float(f'{np.mean(values):.4g}') for _, values in sorted(epochs.items())]
    minutes = float(np.mean([record['time'] for record in steps.values()])) * max(steps) / 60
    return curve, loss, round(minutes, 2)


def current_commit() -> str:
    """Of the code that runs, with a + if code or configs differ from it; outside of a checkout, the version."""
    folder = Path(__file__).parent

    def git(*arguments: str) -> Optional[str]:
        try:
            done = subprocess.run(['git', '-C', str(folder), *arguments], capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            return None
        return done.stdout.strip()

    commit = git('rev-parse', '--short=10', 'HEAD')
    if not commit or git('ls-files', Path(__file__).name) != Path(__file__).name:
        return f'rampose {__version__}'
    return commit + '+' * bool(git('status', '--porcelain', '--untracked-files=no', '--', ':/rampose', ':/configs'))


def _progress(training: _Training) -> str:
    with (training.folder / LOG).open('rb') as log:  # every second, so not the whole of it
        log.seek(max(0, log.seek(0, os.SEEK_END) - TAIL))
        lines = PROGRESS.findall(log.read().decode(errors='replace'))
    return f'{name_of(training.run)}: {lines[-1] if lines else "starting"}'
