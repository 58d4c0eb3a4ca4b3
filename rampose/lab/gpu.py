"""What needs a GPU, within a budget of minutes: the tests that are marked so, the benchmark, and training.

Each step is a process of its own that writes into one folder as it goes; one that runs out of time keeps what it has.
"""

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Dict, List, Optional

from mmengine import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

from ..core.files import written_whole
from .machine import describe_machine

TIMED_STEPS = 20  # of each of three short epochs that say how long a whole one will be
RESERVE = 25.  # seconds of a training run's share that starting, the last checkpoint and validation take


@dataclass
class Step:
    """One thing to do.

    Attributes:
        name: Of its folder and log.
        command: What to run; ``{seconds}`` in it becomes what is left for it.
        share: Of the time that is left when it starts, at most.
    """
    name: str
    command: List[str]
    share: float = 1.


@dataclass
class Outcome:
    """What came of a step: its exit status, None where time was up, and its seconds."""
    status: Optional[int]
    seconds: float
    tail: str


def run_steps(steps: List[Step], seconds: float, out: Path, say: Callable[[str], None]) -> Dict[str, Outcome]:
    """Run steps one after another until time is up.

    Args:
        steps: What to do.
        seconds: For all of them.
        out: Folder of their logs, and of ``gpu.json`` with device and outcomes, which is written after each.
        say: Told of each step.

    Returns:
        The outcomes by name; steps for which no time was left are not among them.
    """
    end = time.monotonic() + seconds
    outcomes: Dict[str, Outcome] = {}
    out.mkdir(parents=True, exist_ok=True)
    for step in steps:
        left = end - time.monotonic()
        allowed = left * step.share
        if allowed < 5:
            say(f'{step.name}: no time left')
            continue
        say(f'{step.name}: at most {allowed:.0f} s')
        started = time.monotonic()
        command = [part.replace('{seconds}', f'{allowed:.0f}') for part in step.command]
        log = out / f'{step.name}.log'
        with log.open('wb') as file:
            try:
                status: Optional[int] = subprocess.run(
                    command, stdout=file, stderr=subprocess.STDOUT, timeout=allowed).returncode
            except subprocess.TimeoutExpired:
                status = None
        tail = '\n'.join(log.read_text(errors='replace').splitlines()[-3:])
        outcomes[step.name] = Outcome(status, round(time.monotonic() - started, 1), tail)
        say(f'{step.name}: {"time is up" if status is None else f"status {status}"} after '
            f'{outcomes[step.name].seconds:.0f} s\n{tail}')
        with written_whole(out / 'gpu.json') as file:
            file.write(json.dumps(dict(device=_device(), steps={
                name: vars(outcome) for name, outcome in outcomes.items()}), indent=1).encode())
    return outcomes


def _device() -> str:
    import torch
    return describe_machine('cuda' if torch.cuda.is_available() else 'cpu')


class _Clock(Hook):
    """When each epoch started."""

    def __init__(self) -> None:
        self.starts: List[float] = []

    def before_train_epoch(self, runner: object) -> None:
        self.starts.append(time.monotonic())


def train_within(config_file: Path, seconds: float, work_dir: Path, options: Dict[str, object],
                 validate: bool = True) -> int:
    """Train a config for as many epochs as fit, with its schedule scaled to them.

    Args:
        config_file: The config; its schedule may end in a `CosineAnnealingLR` by epochs.
        seconds: For all of it.
        work_dir: Where MMEngine writes.
        options: Changes to the config, by dotted key.
        validate: After the last epoch. Default: True.

    Returns:
        The number of epochs.
    """
    end = time.monotonic() + seconds

    def runner_of(epochs: int, name: str, validates: bool, steps: Optional[int] = None) -> Runner:
        config = Config.fromfile(config_file)
        config.merge_from_dict(options)
        config.train_cfg.update(max_epochs=epochs, val_interval=epochs)
        for scheduler in config.param_scheduler:
            if scheduler['type'] == 'CosineAnnealingLR':
                scheduler['T_max'] = epochs
        if not validates:
            config.val_cfg = config.val_dataloader = config.val_evaluator = None
        config.default_hooks.checkpoint.interval = 1  # a run that is cut off keeps what it learnt
        if steps:
            config.train_dataloader.dataset.indices = steps * config.train_dataloader.batch_size
        config.work_dir = str(work_dir / name)
        config.experiment_name = f'{work_dir.name}-{name}'
        return Runner.from_cfg(config)

    timed = runner_of(3, 'timing', validates=False, steps=TIMED_STEPS)
    clock = _Clock()
    timed.register_hook(clock)
    timed.train()
    steps = len(timed.train_dataloader)
    step = timed.message_hub.log_scalars['train/time'].mean(steps)  # of the last epoch; the first warms up
    beside = max(0., clock.starts[2] - clock.starts[1] - steps * step)  # saving, for one
    epoch = step * len(runner_of(1, 'timing', validates=False).train_dataloader) + beside
    del timed
    epochs = max(1, int((end - time.monotonic() - RESERVE) / epoch))
    print(f'{epoch:.1f} s an epoch: {epochs} epochs', flush=True)
    runner_of(epochs, 'train', validate).train()
    return epochs


if __name__ == '__main__':  # a step of its own: CONFIG SECONDS FOLDER [--no-validation] KEY=VALUE...
    from mmengine import DictAction
    validates = '--no-validation' not in sys.argv
    changes = dict(entry.split('=', 1) for entry in sys.argv[4:] if '=' in entry)
    train_within(Path(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3]),
                 {key: DictAction._parse_iterable(value) for key, value in changes.items()}, validates)
