"""The config of one run, merged and written: what is trained is what was planned, and no command parses it anew."""

from pathlib import Path
from typing import Optional

from mmengine import Config

from ...core.files import written_whole
from .plan import Candidate, config_of


def write_planned(candidate: Candidate, seed: int, load_from: Optional[Path], folder: Path) -> Path:
    """Write a candidate's config with the plan's options, the seed and the start in it.

    Args:
        candidate: The candidate.
        seed: The run's.
        load_from: The weights that it starts from; None leaves the config's.
        folder: The folder to write to.

    Returns:
        The file. It reads as what was planned, down to types and the order of keys, which MMEngine's own writing
        changes: keypoint 10 would stand before keypoint 2.

    Raises:
        ValueError: The plan's options hold what a config file cannot say.
    """
    config = config_of(candidate.config, candidate.options)
    config.merge_from_dict({'randomness.seed': seed})
    if load_from is not None:
        config.load_from = str(load_from)
    planned = config.to_dict()
    path = folder / candidate.config.name
    text = ''.join(f'{key} = {value!r}\n' for key, value in planned.items())
    with written_whole(path) as file:
        file.write(text.encode())
    try:
        written = Config.fromfile(path, import_custom_modules=False).to_dict()
    except Exception as error:  # what MMEngine makes of text that is no config
        raise ValueError(f'candidate {candidate.name}: its config cannot be written to {path}: {error}') from None
    for key, value in planned.items():
        if repr(written.get(key)) != repr(value):
            raise ValueError(f'candidate {candidate.name}: got {key} = {value!r:.200}, which a config file cannot say; '
                             'needed are numbers, text, lists, tuples and dicts of such')
    return path
