"""Which images are for validation: by what the labels say, else by lot, the frames of a film together."""

import hashlib
import re
from pathlib import Path
from typing import Dict, List, Optional, Sequence

from .labelled import LabelledImage

# gait_frame_0012.png, gait.mp4_000123.jpg, gait_mp4-12_jpg.rf.0a1b.jpg (Roboflow)
_FRAME = re.compile(r'^(.*?)(?:[_\-. ]?frame[_\-. ]?\d+|[._](?:mp4|avi|mov|mkv|m4v|mpe?g|webm|wmv)(?![^\W_]).*)',
                    re.IGNORECASE)
DEEPLABCUT = 'labeled-data'  # its folder of a folder for each film


def film_of(path: Path) -> Optional[str]:
    """The film that an image is a frame of, if its name tells: a folder and a name; None if not."""
    if path.parent.parent.name == DEEPLABCUT:
        return path.parent.as_posix()
    found = _FRAME.match(path.name)
    return f'{path.parent.as_posix()}/{found[1]}' if found else None


def split_images(images: Sequence[LabelledImage], val: float, seed: int) -> Dict[str, List[LabelledImage]]:
    """By what the labels say; else a share of the images, drawn by lot, is for validation. Frames of a film are alike,
    so all of them are for the one or for the other. The lot is drawn by names: where images are added later, nearly
    all that were for validation stay so.

    Args:
        images: All of them.
        val: The share, from 0 to 1; at least one image where there are two.
        seed: Of the lot.

    Returns:
        'train', 'val' and, where the labels have it, 'test'.
    """
    found: Dict[str, List[LabelledImage]] = {}
    for image in images:
        found.setdefault(image.split or 'train', []).append(image)
    train = found.get('train', [])
    if 'val' not in found:
        groups = _groups(train, seed)
        wanted = max(1., val * len(train))
        chosen: List[LabelledImage] = []
        for group in groups:
            # Half of a group may be too much; what is larger is trained on, and a smaller one may come.
            if len(chosen) + len(group) / 2 <= wanted and len(chosen) + len(group) < len(train):
                chosen += group
        if not chosen and len(groups) > 1:
            chosen = min(groups, key=len)
        numbers = set(map(id, chosen))
        found['val'] = [image for image in train if id(image) in numbers]
        found['train'] = [image for image in train if id(image) not in numbers]
    return {split: found[split] for split in ('train', 'val', 'test') if found.get(split)}


def _groups(images: Sequence[LabelledImage], seed: int) -> List[List[LabelledImage]]:
    """Films and single images, in the order of the lot; all single where there is one film alone."""
    groups: Dict[str, List[LabelledImage]] = {}
    for image in images:
        groups.setdefault(film_of(image.path) or image.path.as_posix(), []).append(image)
    if len(groups) == 1:
        groups = {image.path.as_posix(): [image] for image in images}

    def lot(key: str) -> bytes:
        # Folders may move; the names of files and of the folder that they are in stay.
        return hashlib.sha256(f'{seed} {"/".join(key.split("/")[-2:])}'.encode(errors='surrogateescape')).digest()

    return [groups[key] for key in sorted(groups, key=lot)]
