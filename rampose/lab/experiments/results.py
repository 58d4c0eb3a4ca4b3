"""The results of an experiment's runs, and the file that keeps them."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Dict, List, Sequence, Tuple

from ...core.files import written_whole
from ...core.locking import FolderLock
from .plan import Candidate, Plan


@dataclass(frozen=True)
class Result:
    """What came of one run.

    Attributes:
        candidate: The candidate's name.
        seed: The run's.
        digest: The candidate's, when it ran.
        curve: After each validation the epoch and the plan's metrics.
        loss: Mean training loss of each epoch.
        minutes: Time of the training steps, data included, validations not.
        commit: Of the code; with a + behind it if code or configs differed from it.
        machine: What it ran on, and when.
    """
    candidate: str
    seed: int
    digest: str
    curve: List[Dict[str, float]]
    loss: List[float]
    minutes: float
    commit: str
    machine: str

    def last(self, metric: str) -> float:
        return self.curve[-1][metric]

    def best(self, metric: str) -> float:
        return max(point[metric] for point in self.curve)


class Results:
    """The results of a plan, in a file.

    Args:
        path: The file, ``results.json``.
        plan: The plan.

    Raises:
        ValueError: The file cannot be read, or holds results of other configs or metrics than the plan's.
    """

    def __init__(self, path: Path, plan: Plan) -> None:
        self.path = path
        self.plan = plan
        self._by_run: Dict[Tuple[str, int], Result] = {}
        self._read()

    def _read(self) -> None:
        if not self.path.exists():
            return
        try:
            content = json.loads(self.path.read_text())
            metrics, results = content['metrics'], [Result(**entry) for entry in content['runs']]
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f'{self.path} holds no results of an experiment ({error}); give another folder') from None
        if metrics != self.plan.metrics:
            raise ValueError(f"{self.path} holds the metrics {metrics}; the plan's are {self.plan.metrics}: restore "
                             'them, or give another folder')
        for result in results:
            candidate = self.plan.candidates.get(result.candidate)
            if candidate and candidate.digest != result.digest:
                raise ValueError(f'{self.path}: {result.candidate}, seed {result.seed}, was trained with another '
                                 f'config than {candidate.config} is now, or from another start: restore the config, '
                                 "give another folder, or remove its entry from the file and its training's folder "
                                 'to train it again')
            self._by_run[result.candidate, result.seed] = result

    def __contains__(self, run: Tuple[Candidate, int]) -> bool:
        return (run[0].name, run[1]) in self._by_run

    def __len__(self) -> int:
        return len(self._by_run)

    def beyond_the_plan(self) -> List[str]:
        """Runs in the file that the plan does not ask for; the page leaves them out."""
        planned = {(candidate.name, seed) for candidate, seed in self.plan.runs()}
        return [f'{name}, seed {seed}' for name, seed in sorted(self._by_run.keys() - planned)]

    def of(self, candidate: str) -> Dict[int, Result]:
        """A candidate's results by seed, of the plan's seeds."""
        return {seed: self._by_run[candidate, seed] for seed in sorted(self.plan.candidates[candidate].seeds)
                if (candidate, seed) in self._by_run}

    def scale(self, metric: str) -> int:
        """What to show a metric times: 100 for a fraction, 1 for what has values above 1, such as PCKh in percent."""
        return 100 if all(result.best(metric) <= 1 for result in self._by_run.values()) else 1

    def values(self, candidate: str, metric: str, which: str = 'last') -> Dict[int, float]:
        """A candidate's `last` or `best` value of a metric by seed."""
        return {seed: getattr(result, which)(metric) for seed, result in self.of(candidate).items()}

    def losses(self, candidate: str) -> Dict[int, float]:
        """A candidate's mean training loss of the last epoch by seed."""
        return {seed: result.loss[-1] for seed, result in self.of(candidate).items()}

    def add(self, result: Result) -> None:
        """Add a result to those in the file, which another command may have added to, and write it whole."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with FolderLock(self.path.parent):
            self._read()
            self._by_run[result.candidate, result.seed] = result
            order: Sequence[str] = list(self.plan.candidates)
            entries = sorted(self._by_run.values(), key=lambda entry: (
                order.index(entry.candidate) if entry.candidate in order else len(order), entry.seed))
            content = dict(title=self.plan.title, metrics=self.plan.metrics, runs=[asdict(entry) for entry in entries])
            with written_whole(self.path) as file:
                file.write((json.dumps(content, indent=1) + '\n').encode())
