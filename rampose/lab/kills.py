"""Killing trainings and looking at what becomes of them."""

import contextlib
import os
import random
import signal
import subprocess
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Callable, Dict, List, Optional, Sequence

import torch

from ..checkpoints.loading import CheckpointError, load_checkpoint_file
from ..core.files import PART_PREFIX
from ..engine.hooks.durable_checkpoint import last_checkpoint, resumable_checkpoints
from .training_runs import read_records

SIGNALS = ('SIGKILL', 'SIGTERM', 'SIGINT')
MOMENTS = ('iteration', 'saving', 'validation', 'any')  # the last one is a random time, the others wait for an event
START = 25.0  # seconds, the latest `any`, about the time of a start and its training here
PATIENCE = 600.0  # seconds that a training may take until something is wrong


@dataclass
class Kill:
    """One kill.

    Attributes:
        signal: Its name.
        moment: One of :data:`MOMENTS`.
        reached: Iterations that were done.
        saved: Iterations in the checkpoint that a training would resume from; 0 without one.
        wrote: Whether a checkpoint was being written.
        intact: Whether it can be read; it is what `last_checkpoint` names, if there is one.
    """
    signal: str
    moment: str
    reached: int
    saved: int
    wrote: bool
    intact: bool

    @property
    def lost(self) -> int:
        """Iterations that have to be done again."""
        return max(0, self.reached - self.saved)


@dataclass
class KilledTraining:
    """One training, from its start to its end, with the kills in between.

    Attributes:
        kills: Them.
        failed: What a resumed training said before it stopped by itself, or None.
        differing: Names of the tensors that differ from those of the uninterrupted training, bit by bit.
    """
    kills: List[Kill] = field(default_factory=list)
    failed: Optional[str] = None
    differing: List[str] = field(default_factory=list)

    def as_dict(self) -> dict:
        return dict(kills=[dict(asdict(kill), lost=kill.lost) for kill in self.kills], failed=self.failed,
                    differing=self.differing)


def train(command: Sequence[str], work_dir: Path, env: Dict[str, str], log: Path, kill: Optional[Callable] = None,
          ) -> subprocess.Popen:
    """Start a training in a process group of its own; `kill(process)` watches it. Returns the ended process."""
    with log.open('ab') as file:
        process = subprocess.Popen(command, env=env, stdout=file, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            if kill:
                kill(process)
            process.wait(PATIENCE)
        finally:
            _end_group(process)
    return process


def killed_training(command: Sequence[str], work_dir: Path, env: Dict[str, str], reference: dict, num_kills: int,
                    rng: random.Random, moments: Sequence[str], signals: Sequence[str]) -> KilledTraining:
    """Train to the end with kills in between, each start with `--resume`.

    Args:
        command: Of a training that resumes by itself, logs every iteration and writes to `work_dir`.
        work_dir: A folder that is not there yet.
        env: Environment of the training.
        reference: Checkpoint of the training that nobody killed.
        num_kills: How many; fewer if it ends before.
        rng: Draws moments.
        moments: Out of :data:`MOMENTS`, taken in turn.
        signals: Taken in turn.

    Returns:
        What came of it.
    """
    run = KilledTraining()
    log = work_dir.with_suffix('.log')
    while len(run.kills) < num_kills:
        moment = moments[len(run.kills) % len(moments)]
        name = signals[len(run.kills) % len(signals)]
        watcher = _Watcher(work_dir, moment, getattr(signal, name), rng)
        process = train(command, work_dir, env, log, watcher)
        if not watcher.killed:
            if process.returncode != 0:
                run.failed = _last_lines(log)
            break
        saved, intact = _saved(work_dir)
        run.kills.append(Kill(name, moment, _iterations(work_dir), saved, watcher.wrote, intact))
    else:
        if train(command, work_dir, env, log).returncode != 0:
            run.failed = _last_lines(log)
    if run.failed is None:
        run.differing = differing(reference, load_checkpoint_file(last_checkpoint(work_dir), map_location='cpu'))
    return run


def summary(runs: List[KilledTraining], interval: int, workers: int) -> dict:
    """The counts of all kills, by what they say."""
    kills = [kill for run in runs for kill in run.kills]
    return {
        'kills': len(kills),
        **{f'by {name}': sum(kill.signal == name for kill in kills) for name in SIGNALS},
        'while a checkpoint was written': sum(kill.wrote for kill in kills),
        'trainings': len(runs),
        'data loader workers': workers,
        'resumes that failed': sum(run.failed is not None for run in runs),
        'most iterations lost': max((kill.lost for kill in kills), default=0),
        'iterations an epoch, the interval': interval,
        'last_checkpoint broken': sum(not kill.intact for kill in kills),
        'trainings that ended equal, bit by bit': sum(run.failed is None and not run.differing for run in runs),
    }


def differing(expected: dict, found: dict) -> List[str]:
    """Names of the tensors of two checkpoints, weights and optimiser, that are not equal to the last bit."""
    expected, found = (_tensors(checkpoint) for checkpoint in (expected, found))
    return sorted(name for name in expected.keys() | found.keys() if name not in expected or name not in found
                  or not torch.equal(expected[name], found[name]))


def _tensors(checkpoint: dict) -> Dict[str, torch.Tensor]:
    tensors = dict(checkpoint['state_dict'])
    for index, state in checkpoint['optimizer']['state'].items():
        tensors.update({f'optimizer.{index}.{name}': torch.as_tensor(value) for name, value in state.items()})
    return tensors


class _Watcher:
    """Waits for a moment and kills."""

    def __init__(self, work_dir: Path, moment: str, number: int, rng: random.Random) -> None:
        self.work_dir = work_dir
        self.number = number
        self.killed = self.wrote = False
        self.before = _iterations(work_dir), _stamp(work_dir)
        self.further = rng.randint(1, 5)  # iterations, or checkpoints
        self.delay = rng.uniform(0, START)
        self.has_come = getattr(self, f'_{moment}')
        self.writes = 0
        self.writing = False

    def __call__(self, process: subprocess.Popen) -> None:
        self.started = time.monotonic()
        while process.poll() is None and time.monotonic() - self.started < PATIENCE:
            if self.has_come():
                self.wrote = _is_writing(self.work_dir)
                os.killpg(process.pid, self.number)
                self.killed = True
                process.wait(60)
                return
            time.sleep(0.001)

    def _any(self) -> bool:
        return time.monotonic() - self.started > self.delay

    def _iteration(self) -> bool:
        return _iterations(self.work_dir) >= self.before[0] + self.further

    def _saving(self) -> bool:
        writing = _is_writing(self.work_dir)
        self.writes += writing and not self.writing
        self.writing = writing
        return writing and self.writes >= 1 + self.further % 2

    def _validation(self) -> bool:
        return _stamp(self.work_dir) != self.before[1]  # a checkpoint is there, its validation goes on


def _is_writing(work_dir: Path) -> bool:
    try:
        return any(entry.name.startswith(PART_PREFIX) for entry in os.scandir(work_dir))
    except OSError:
        return False


def _stamp(work_dir: Path) -> Optional[int]:
    try:
        return (work_dir / 'last_checkpoint').stat().st_mtime_ns
    except OSError:
        return None


def _iterations(work_dir: Path) -> int:
    """The last iteration of the newest start that is in its log, or of those before it."""
    return next((record['step'] for record in reversed(read_records(work_dir)) if 'loss' in record), 0)


def _saved(work_dir: Path) -> tuple:
    """Iterations in the checkpoint that a training would resume from, and whether it can be read."""
    for path in resumable_checkpoints(work_dir, work_dir):
        try:
            return load_checkpoint_file(path, map_location='cpu')['meta']['iter'], True
        except (CheckpointError, OSError):
            return 0, False
    return 0, True


def _end_group(process: subprocess.Popen) -> None:
    """Nothing of a training may go on behind the next."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(60)


def _last_lines(log: Path) -> str:
    return '\n'.join(log.read_text(errors='replace').strip().splitlines()[-12:])
