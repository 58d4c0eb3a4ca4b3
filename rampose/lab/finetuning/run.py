"""The steps of `rampose finetune`, each of which is done once: a call after a stop goes on where it was."""

import dataclasses
import hashlib
import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Optional

import numpy as np

from ...apis import TopdownPredictor
from ...checkpoints.publishing import publish
from ...core.files import check_writable, sha256_of, written_whole
from ...core.locking import FolderLock
from ...core.metainfo import keypoint_names
from ...core.own_folder import check_own, remove_own
from ...datasets import checking
from ...datasets.labels.labelled import Labels
from ...datasets.labels.reading import KNOWN, read_labels
from ...datasets.labels.splitting import film_of, split_images
from ...datasets.labels.writing import write_data_set
from ...datasets.metainfo import config_metainfo, parse_metainfo
from ...export.evaluation import LabelledPeople
from ...export.exporting import check_installed, export
from ...export.metadata import write_described
from ..plots import plot_training
from ..predictions import predict_labelled, write_report
from ..training_runs import read_records
from . import result
from .plan import Plan, choose_input, make_plan, measure, train_boxes, write_config
from .start import find_start, keep_split, write_start
from .training import train

MARKER = 'finetune.json'  # in a folder that a run made: its options
MADE = ('data', 'train', 'validation', 'config.py', 'start.pth', 'plan.json', 'problems.json', 'repeats.json',
        'trained.json', 'model.pth', 'model.onnx', 'metrics.json', 'README.md', 'pck.png', 'training.png', 'worst.png',
        'train.log', '.rampose-lock')
LABEL_SUFFIXES = ('.json', '.txt', '.yaml', '.yml', '.py')  # .py: metainfo.py
FEWEST = 4  # objects to train on
NUM_SHOWN = 10  # of best and worst


class SpoiledDataError(ValueError):
    """What would spoil the training was found in the data; `reports` has it by split."""

    def __init__(self, reports: Dict[str, checking.Report]) -> None:
        super().__init__('the data has problems')
        self.reports = reports


@dataclass(frozen=True)
class Options:
    """What a run depends on.

    Attributes:
        labels: What annotators wrote, as :func:`rampose.datasets.labels.reading.read_labels` takes it.
        images: Likewise.
        category: Likewise.
        keypoints: Likewise.
        val: Share of the images for validation, where the labels have no split.
        seed: Of the lot that draws them.
        start: The model to start from, as of :func:`rampose.lab.finetuning.start.find_start`.
        minutes: The most that everything may take.
        metainfo: MMPose's description of the keypoints. Default: None, what lies with the labels, or is guessed.
    """
    labels: Path
    images: Optional[List[Path]]
    category: Optional[str]
    keypoints: Optional[List[str]]
    val: float
    seed: int
    start: str
    minutes: float
    metainfo: Optional[Path] = None

    def as_dict(self) -> Dict[str, Any]:
        """For JSON, with the SHA-256 of the labels as they are now."""
        earlier = Path(self.start) / 'model.pth'
        start: Dict[str, str] = {}
        if earlier.is_file():
            start = dict(start=str(Path(self.start).resolve()), start_sha256=sha256_of(earlier))
        if self.metainfo is not None:
            start['metainfo'] = sha256_of(self.metainfo)
        return dict(vars(self), labels=str(self.labels.resolve()), labels_sha256=self._digest(),
                    images=self.images and [str(folder.resolve()) for folder in self.images], **start)

    def _digest(self) -> str:
        digest = hashlib.sha256()
        folder = self.labels if self.labels.is_dir() else self.labels.parent
        files = sorted(path for path in folder.rglob('*') if path.suffix in LABEL_SUFFIXES)
        for path in files if self.labels.is_dir() or self.labels.suffix in ('.yaml', '.yml') else [self.labels]:
            digest.update(path.read_bytes())
        return digest.hexdigest()[:16]


@dataclass
class Teller:
    """How a run says how far it is.

    Attributes:
        say: A line.
        progress: Wraps an iterable, with a `description`.
        show_labels: Shows what was read.
    """
    say: Callable[[str], None]
    progress: Callable[..., Iterable]
    show_labels: Callable[[Labels], None]


def open_folder(out: Path, options: Options, fresh: bool) -> FolderLock:
    """Make the folder of a run, or find that it is that of the same one.

    Returns:
        The lock on it, to be released at the end.

    Raises:
        LockedError: Another call is at it.
        ValueError: It is that of another run, or not ours; or there are no labels.
    """
    for path, needed in ((options.labels, KNOWN), (options.metainfo, "MMPose's description of the keypoints")):
        if path is not None and not path.exists():
            raise ValueError(f'{path} does not exist; needed is {needed}')
    start, target = Path(options.start).resolve(), out.resolve()
    if Path(options.start).is_dir() and (start in (target, *target.parents) or target in start.parents):
        raise ValueError(f'got --from {options.start} and --out {out}; needed are two folders, since the first is kept')
    marker = out / MARKER
    if marker.is_file():
        FolderLock(out).acquire().release()  # nobody is at it
        if fresh:
            remove_own(out, MARKER, MADE)
    if not marker.is_file():
        check_own(out, MARKER, MADE)
        check_writable(marker)
    lock = FolderLock(out).acquire()
    try:
        now = options.as_dict()
        if marker.is_file() and (out / 'plan.json').is_file():
            before = json.loads(marker.read_text())
            other = [name for name, value in now.items() if before.get(name) != value]
            if other:
                changes = ', '.join(f'{name} {before.get(name)!r}, now {now[name]!r}' for name in other)
                raise ValueError(f'{out} holds a run with other options ({changes}); --fresh starts it anew, --out '
                                 'FOLDER goes elsewhere')
        else:
            result.write_json(marker, now)
            (out / 'problems.json').unlink(missing_ok=True)  # nothing was planned yet: the data is read again
        return lock
    except BaseException:
        lock.release()
        raise


def check_needed() -> None:
    """Raise ImportError, before anything is trained, if the model could not be exported at the end."""
    check_installed()


def prepare_data(options: Options, out: Path, fix: bool, teller: Teller) -> Path:
    """Read, write and check the data.

    Returns:
        The folder of annotations/, images/ and metainfo.py.

    Raises:
        SpoiledDataError: Problems were found, and are not to be mended.
        ValueError: The labels cannot be read, or are too few.
    """
    data = out / 'data'
    if (out / 'problems.json').is_file() and (data / 'metainfo.py').is_file():
        return data
    labels = read_labels(options.labels, options.images, options.category, options.keypoints)
    if Path(options.start).is_dir():
        kept = keep_split(labels.images, options.start)
        teller.say(f'{kept} of {len(labels.images)} images are those of {options.start}' + (
            ', for training or validation as there; the others are for training' if kept else
            ' by their content: if they were written anew since then, it has seen some that it is validated on'))
    splits = split_images(labels.images, options.val, options.seed)
    write_data_set(labels, splits, data)
    folder = options.labels if options.labels.is_dir() else options.labels.parent
    # Of a folder that convert-data wrote, which may have been edited.
    own = [path for path in (options.metainfo, folder / 'metainfo.py', folder.parent / 'metainfo.py')
           if path is not None and path.is_file()]
    if own:
        names = keypoint_names(parse_metainfo(dict(from_file=str(own[0]))))
        if names != labels.keypoints:
            raise ValueError(f'{own[0]} has the keypoints {", ".join(names)}; the labels have '
                             f'{", ".join(labels.keypoints)}, in this order')
        shutil.copyfile(own[0], data / 'metainfo.py')
    teller.show_labels(labels)
    if labels.repeats:
        result.write_json(out / 'repeats.json', vars(labels.repeats))
    films = {film for image in labels.images for film in [film_of(image.path)] if film}
    if len(films) > 1:
        teller.say(f'{len(films)} films, by the names of the images: the frames of each are all trained on, or all '
                   'validated on')
    counts = {split: sum(len(image.objects) for image in images) for split, images in splits.items()}
    if counts.get('train', 0) < FEWEST or not counts.get('val'):
        raise ValueError(f'{options.labels} has {counts.get("train", 0)} objects to train on and '
                         f'{counts.get("val", 0)} to validate; needed are {FEWEST} and 1')
    reports = _check(data, teller, fix)
    if any(report.counts for report in reports.values()) and fix:
        for split, report in reports.items():
            path = data / f'annotations/{split}.json'
            with written_whole(path) as file:
                file.write(json.dumps(checking.cleaned(checking.read_coco(path), report)).encode())
        teller.say('problems were mended where that needs no guessing; what is left as it is stays')
    elif any(report.counts for report in reports.values()):
        raise SpoiledDataError(reports)
    result.write_json(out / 'problems.json', {split: report.as_dict() for split, report in reports.items()})
    return data


def _check(data: Path, teller: Teller, fix: bool) -> Dict[str, checking.Report]:
    metainfo = parse_metainfo(dict(from_file=str(data / 'metainfo.py')))
    names, pairs = keypoint_names(metainfo), [tuple(pair) for pair in metainfo['flip_pairs']]
    reports = {}
    for split in ('train', 'val'):
        content = checking.read_coco(data / f'annotations/{split}.json')
        others = [] if split == 'train' else [
            data / 'images' / image['file_name']
            for image in checking.read_coco(data / 'annotations/train.json')['images']]
        reports[split] = checking.check(
            content, data / 'images', len(names), names, pairs, others,
            progress=lambda items, total, description: teller.progress(items, total=total, description=description),
            thorough=fix)
    return reports


def prepare_training(options: Options, out: Path, data: Path, teller: Teller) -> Plan:
    """Decide what is trained for how long, and write its config and starting weights; once."""
    if (out / 'plan.json').is_file() and (out / 'config.py').is_file():
        said = json.loads((out / 'plan.json').read_text())
        return Plan(**dict(said, input_size=tuple(said['input_size'])))
    checkpoint, base = find_start(options.start)
    old_names = keypoint_names(config_metainfo(base) or {})
    metainfo = parse_metainfo(dict(from_file=str(data / 'metainfo.py')))
    names = keypoint_names(metainfo)
    boxes = np.array(list(train_boxes(json.loads((data / 'annotations/train.json').read_text()))))
    input_size = choose_input(boxes)
    plan = make_plan(len(boxes), input_size, measure(base, input_size), options.minutes)
    taken = write_start(checkpoint, old_names, names, out / 'start.pth')
    num_val = len(list(train_boxes(json.loads((data / 'annotations/val.json').read_text()))))
    write_config(base, plan, data, len(names), out / 'start.pth', out / 'config.py', num_val)
    result.write_json(out / 'plan.json', plan.as_dict())
    w, h = plan.input_size
    teller.say(f'{len(boxes)} objects, input {w}x{h}, {plan.epochs} epochs of batches of {plan.batch_size}: about '
               f'{plan.minutes:.1f} min of training here')
    if taken:
        teller.say(f'{len(taken)} of {len(names)} keypoints are known to {options.start}: {", ".join(taken)}')
    return plan


def train_it(out: Path, plan: Plan, on_step: Callable[[int, float], None],
             on_evaluation: Callable[[int, float], None]) -> Path:
    """Train, unless that is done.

    Returns:
        The last checkpoint, with the averaged weights.
    """
    done = out / 'trained.json'
    if not done.is_file():
        train(out / 'config.py', out / 'train', out / 'train.log', on_step, on_evaluation)
        # MMEngine wrote the place where it was then; the folder may be moved.
        last = Path((out / 'train/last_checkpoint').read_text().strip()).name
        result.write_json(done, dict(checkpoint=last, epochs=int(last.partition('_')[2].partition('.')[0])))
    return out / 'train' / json.loads(done.read_text())['checkpoint']


def trained_epochs(out: Path) -> int:
    """How many epochs the run took."""
    return int(json.loads((out / 'trained.json').read_text())['epochs'])


def finish(options: Options, out: Path, data: Path, plan: Plan, checkpoint: Path, started: float,
           teller: Teller) -> Dict[str, Any]:
    """Export the model, measure it, and write its card.

    Returns:
        What was measured.
    """
    published = publish(checkpoint, out / 'model')
    published.replace(out / 'model.pth')
    exported = export(out / 'config.py', out / 'model.pth', out, inputs='uint8', half_weights=True)
    metainfo = parse_metainfo(dict(from_file=str(data / 'metainfo.py')))
    names = keypoint_names(metainfo)
    val, model, average = result.evaluate(
        exported.path, data, np.asarray(metainfo['sigmas'], float), out / 'validation/found.jsonl',
        lambda numbers: teller.progress(numbers, description='Validation'))
    least = model.min_keypoint_score()
    write_described(exported.path, dataclasses.replace(
        TopdownPredictor(exported.path).pose_model.info, min_keypoint_score=least), exported.path)
    numbers = dict(result.as_numbers(names, model, average), min_keypoint_score=least)
    result.write_json(out / 'metrics.json', numbers)
    _draw(out, data, names, model, average)
    w, h = plan.input_size
    num_train = len(list(train_boxes(json.loads((data / 'annotations/train.json').read_text()))))
    epochs = trained_epochs(out)
    facts = {
        'finds': f'{len(names)} keypoints: {", ".join(names)}',
        'files': f'`model.onnx` ({exported.num_bytes / 1e6:.1f} MB; differs from PyTorch by {exported.difference:.1g} '
                 f'of heatmaps, {exported.tolerance:.1g} allowed), `model.pth` for `config.py`',
        'input': f'{w}x{h} px, width by height',
        'trained': f'from `{options.start}` on {num_train} objects, {epochs} epochs'
                   + (f' of {plan.epochs}, since AP did not grow any more' if epochs < plan.epochs else '')
                   + f'; {(time.time() - started) / 60:.1f} min in the last call',
        'validated': f'on {len(model.sizes)} objects of {len(val.names)} images'}
    if (out / 'repeats.json').is_file():
        repeats = json.loads((out / 'repeats.json').read_text())
        facts['labels'] = (f'{repeats["pairs"]} pairs are of the same objects, with a median of {repeats["median"]} px '
                           'between their keypoints: no model can be said to be closer than that')
    with written_whole(out / 'README.md') as file:
        file.write(result.card(out.resolve().name, names, numbers, facts).encode())
    return numbers


def _draw(out: Path, data: Path, names: List[str], model: result.Quality, average: result.Quality) -> None:
    for name, figure in (('pck.png', result.plot_pck(model, average, names)),
                         ('training.png', plot_training(read_records(out / 'train')))):
        with written_whole(out / name) as file:
            figure.savefig(file, format='png', dpi=130)
    predictor = TopdownPredictor(out / 'model.onnx')
    people = predict_labelled(predictor, LabelledPeople(data / 'images', data / 'annotations/val.json'), False)
    write_report(people, predictor.dataset_meta, out / 'validation', NUM_SHOWN)
    shutil.copyfile(out / 'validation/worst.png', out / 'worst.png')
