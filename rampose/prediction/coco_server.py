"""What COCO's evaluation server takes: a zip with one JSON of results, under the names that it asks for."""

import json
import zipfile
from pathlib import Path
from typing import Iterable, List

import numpy as np

from ..core.files import written_whole

NUM_KEYPOINTS = 17


def submission_name(testset: str, algorithm: str) -> str:
    """The name of the zip, and of the JSON in it, without suffix.

    Raises:
        ValueError: An algorithm's name with characters that would break the pattern.
    """
    if not algorithm or not algorithm.replace('-', '').replace('_', '').replace('.', '').isalnum():
        raise ValueError(f'got the name {algorithm!r} of an algorithm; needed are letters, digits, ".", "-" and "_"')
    return f'person_keypoints_{testset}_{algorithm}_results'


def as_submission(results: Iterable[dict], image_ids: Iterable[int]) -> List[dict]:
    """Results with the fields that the server documents, and no others.

    Args:
        results: As MMPose's ``CocoMetric`` writes them: ``image_id``, ``keypoints`` (x, y, score for each of 17, image
            px), ``score``.
        image_ids: The images of the test set.

    Returns:
        For each person ``image_id``, ``category_id`` 1, ``keypoints`` (x, y, 1 for each: the server ignores the third
        and asks for 1; in hundredths of a px) and ``score``.

    Raises:
        ValueError: Results of other images, with another number of keypoints, or that are no finite numbers.
    """
    image_ids = set(image_ids)
    submission = []
    for result in results:
        if result['image_id'] not in image_ids:
            raise ValueError(f'a result is of image {result["image_id"]}, which is none of the {len(image_ids)} of the '
                             'test set: give the results and the list of images that belong together')
        keypoints = np.asarray(result['keypoints'], dtype=float)
        if keypoints.size != 3 * NUM_KEYPOINTS:
            raise ValueError(f'a result of image {result["image_id"]} has {keypoints.size} values for keypoints; COCO '
                             f'takes {3 * NUM_KEYPOINTS}, for {NUM_KEYPOINTS} keypoints')
        if not np.isfinite(keypoints).all() or not np.isfinite(result['score']):
            raise ValueError(f'a result of image {result["image_id"]} holds NaN or infinity; is the checkpoint sound?')
        keypoints = keypoints.reshape(-1, 3).round(2)
        keypoints[:, 2] = 1
        submission.append(dict(image_id=int(result['image_id']), category_id=1, keypoints=keypoints.flatten().tolist(),
                               score=round(float(result['score']), 6)))
    return submission


def write_submission(submission: List[dict], folder: Path, testset: str, algorithm: str) -> Path:
    """Write ``person_keypoints_{testset}_{algorithm}_results.zip``, with the JSON of the same name in it.

    Args:
        submission: As :func:`as_submission` returns it.
        folder: Where to; it is made.
        testset: Such as 'test-dev2017'.
        algorithm: What the server is to call it.

    Raises:
        ValueError: As :func:`submission_name`.
        OSError: It cannot be written.
    """
    name = submission_name(testset, algorithm)
    path = Path(folder) / f'{name}.zip'
    with written_whole(path) as file, zipfile.ZipFile(file, 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f'{name}.json', json.dumps(submission, separators=(',', ':')))
    return path
