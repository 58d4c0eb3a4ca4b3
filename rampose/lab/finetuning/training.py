"""Running the training by MMPose's own tool, and following its log."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Callable

STEP = re.compile(r'Epoch\(train\)\s+\[(\d+)\]\[\s*(\d+)/(\d+)\].*?loss: ([\d.]+)')
EVALUATION = re.compile(r'Epoch\(val\)\s+\[(\d+)\].*?coco/AP: (-?[\d.]+)')


def train(config: Path, folder: Path, log: Path, on_step: Callable[[int, float], None],
          on_evaluation: Callable[[int, float], None]) -> None:
    """Train, or go on with a run that was stopped.

    Args:
        config: The config.
        folder: The work folder.
        log: Where its whole output goes, after that of earlier calls.
        on_step: Told how many steps are done, and the loss.
        on_evaluation: Told the epoch and its AP, from 0 to 1.

    Raises:
        RuntimeError: It failed; the end of its output is in the message.
        KeyboardInterrupt: Ctrl-C; the run was told to stop, and can be gone on with.
    """
    # By way of the interpreter, since the mim on the path may be another environment's.
    command = [sys.executable, '-c', 'from mim.cli import cli; cli()', 'train', 'mmpose', str(config), '--work-dir',
               str(folder)]
    if (folder / 'last_checkpoint').is_file():  # --resume forgets load_from, also where there is nothing to resume
        command.append('--resume')
    environment = dict(os.environ, PYTHONUNBUFFERED='1', PYTHONWARNINGS='ignore')
    log.parent.mkdir(parents=True, exist_ok=True)
    last = ''
    with log.open('a') as file, subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment,
            start_new_session=True) as process:
        try:
            for line in process.stdout or ():
                file.write(line)
                step, evaluation = STEP.search(line), EVALUATION.search(line)
                if step:
                    epoch, number, of_epoch = (int(step[group]) for group in (1, 2, 3))
                    on_step((epoch - 1) * of_epoch + number, float(step[4]))
                elif evaluation:
                    on_evaluation(int(evaluation[1]), float(evaluation[2]))
                last = line.strip() or last
        except KeyboardInterrupt:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()
            raise
    if process.returncode:
        raise RuntimeError(f'training stopped with status {process.returncode} ({last[:300]}); its whole output is in '
                           f'{log}')
