"""What a training run starts from: a trained model's weights, its last layer as far as keypoints are the same, and, of
an earlier run, which images it was trained on."""

import json
from pathlib import Path
from typing import Dict, List, NamedTuple, Sequence

import torch
from mmengine import Config

from ...checkpoints.loading import CheckpointError, load_checkpoint
from ...checkpoints.zoo import config_of, fetch, find_weights
from ...core.files import sha256_of, written_whole
from ...datasets.labels.labelled import LabelledImage
from ...datasets.labels.splitting import film_of

LAST_LAYER = 'head.final_layer.'
STD = 0.001  # of new rows of the last layer, as the head draws them


class Start(NamedTuple):
    """A trained model: its checkpoint and its config."""
    checkpoint: Path
    config: Config


def find_start(place: str) -> Start:
    """The model to start from.

    Args:
        place: The folder of an earlier run, or a name that `rampose weights` lists.

    Raises:
        ValueError: It is neither.
        OSError: The weights of that name cannot be fetched.
    """
    folder = Path(place)
    if not folder.is_dir():
        weights = find_weights(place)
        return Start(fetch(weights, 'torch'), Config.fromfile(config_of(weights)))
    missing = [name for name in ('config.py', 'model.pth') if not (folder / name).is_file()]
    if missing:
        raise ValueError(f'{place} has no {missing[0]}; needed is the folder of a finished `rampose finetune`, or a '
                         'name that `rampose weights` lists')
    return Start(folder / 'model.pth', Config.fromfile(folder / 'config.py'))


def keep_split(images: Sequence[LabelledImage], place: str) -> int:
    """Let images be for what an earlier run had them for: a model that has seen an image is not validated on it, and
    runs that follow each other are validated on the same. So do frames of films that it had. Other images are for what
    their labels say, else for training.

    Args:
        images: Whose `split` is set, if the earlier run had any of them.
        place: Its folder.

    Returns:
        How many it had: files of the same content.

    Raises:
        ValueError: It was trained on some, and validated on none of them; or its data is not there.
    """
    known: Dict[str, str] = {}  # splits by content and by film; the first that is set stays: training before validation
    films: Dict[str, str] = {}
    for split in ('train', 'val', 'test'):
        for path in _images_of(Path(place) / 'data', split):
            known.setdefault(sha256_of(path), split)
            film = film_of(path)
            if film:
                films.setdefault(_film_name(film), split)
    splits = [known.get(sha256_of(image.path)) for image in images]
    kept = sum(split is not None for split in splits)
    if kept and 'val' not in splits:
        raise ValueError(f'{place} was trained on {kept} of the images and validated on none of them, so nothing is '
                         'there to validate on that it has not seen: add the images that it was validated on')
    for image, split in zip(images, splits):
        if kept:
            film = film_of(image.path)
            image.split = split or (films.get(_film_name(film)) if film else None) or image.split or 'train'
    return kept


def _images_of(data: Path, split: str) -> List[Path]:
    file = data / f'annotations/{split}.json'
    if not file.is_file() and split == 'test':
        return []
    try:
        paths = [data / 'images' / image['file_name'] for image in json.loads(file.read_text())['images']]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f'{file} cannot be read ({error}); needed is the folder of a finished `rampose finetune`, '
                         'with its data') from None
    missing = [path for path in paths if not path.is_file()]
    if missing:
        raise ValueError(f'{missing[0]} is missing, so nobody can tell what the model has seen: put the images back '
                         f'where {data / "images"} points')
    return paths


def _film_name(film: str) -> str:
    """Without its folder, which may be another one by now."""
    return film.rstrip('/').rpartition('/')[2]


def write_start(checkpoint: Path, old_names: Sequence[str], names: Sequence[str], path: Path) -> List[str]:
    """Write the starting weights.

    Args:
        checkpoint: The trained model's.
        old_names: Of its keypoints.
        names: Of the new model's.
        path: Where they are written.

    Returns:
        The keypoints whose part of the last layer was taken over.

    Raises:
        CheckpointError: It cannot be read, or has no such last layer.
    """
    state = dict(load_checkpoint(checkpoint)['state_dict'])
    weights = [name for name in state if name.startswith(LAST_LAYER)]
    if not weights or any(state[name].shape[0] != len(old_names) for name in weights):
        raise CheckpointError(f'{checkpoint} has no last layer of {len(old_names)} keypoints, {LAST_LAYER}*')
    taken = [name for name in names if name in old_names]
    generator = torch.Generator().manual_seed(0)
    for key in weights:
        old = state[key].float()
        new = torch.randn((len(names), *old.shape[1:]), generator=generator) * (STD if old.ndim > 1 else 0)
        for number, name in enumerate(names):
            if name in taken:
                new[number] = old[old_names.index(name)]
        state[key] = new
    with written_whole(path) as file:
        torch.save(dict(state_dict=state), file)
    return taken
