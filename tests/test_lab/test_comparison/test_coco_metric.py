"""The metric is pycocotools', for whole sets and for images drawn with repetition."""

import contextlib
import copy
import io
import json

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from xtcocotools.coco import COCO as XtCOCO
from xtcocotools.cocoeval import COCOeval as XtCOCOeval

from rampose.lab.comparison import coco_metric
from rampose.lab.comparison.data import LabelledImages, read_results

SIGMAS = np.array([.26, .25, .25, .35, .35, .79, .79, .72, .72, .62, .62, 1.07, 1.07, .87, .87, .89, .89]) / 10
NAMES = ('AP', 'AP50', 'AP75', 'AP (M)', 'AP (L)', 'AR', 'AR50', 'AR75', 'AR (M)', 'AR (L)')


def cocos(annotations: dict, results: list, image_ids=None) -> dict:
    """What pycocotools says; where nothing is labelled, its -1 is our NaN."""
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = copy.deepcopy(annotations)
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(copy.deepcopy(results)), 'keypoints')
        if image_ids is not None:
            evaluation.params.imgIds = image_ids
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return {name: np.nan if value == -1 else value for name, value in zip(NAMES, evaluation.stats)}


def xtcocos(annotations: dict, results: list) -> dict:
    """What MMPose's own evaluation says."""
    with contextlib.redirect_stdout(io.StringIO()):
        coco = XtCOCO()
        coco.dataset = copy.deepcopy(annotations)
        coco.createIndex()
        evaluation = XtCOCOeval(coco, coco.loadRes(copy.deepcopy(results)), 'keypoints', SIGMAS)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return {name: np.nan if value == -1 else value for name, value in zip(NAMES, evaluation.stats)}


def case(seed: int, num_images: int = 6, ties: bool = True) -> tuple:
    """A random set with everything that the format allows: crowds, nobody labelled, ties, more than 20 people."""
    rng = np.random.default_rng(seed)
    images, annotations, results = [], [], []
    for image_id in rng.permutation(100)[:num_images].tolist():
        images.append(dict(id=image_id, file_name=f'{image_id}.jpg', width=640, height=480))
        for _ in range(rng.integers(0, 5)):
            size = float(rng.choice([20, 60, 150, 300]))
            box = [*rng.uniform(0, 300, 2), size * float(rng.uniform(0.3, 1)), size]
            points = np.column_stack([rng.uniform(0, 1, (17, 2)) * box[2:] + box[:2], rng.choice([0, 1, 2], 17)])
            if rng.random() < 0.2:
                points[:] = 0
            crowd = int(rng.random() < 0.15)
            annotations.append(dict(
                id=len(annotations) + 1, image_id=image_id, category_id=1, bbox=box, area=box[2] * box[3] * 0.6,
                iscrowd=crowd, keypoints=points.ravel().tolist(), num_keypoints=int((points[:, 2] > 0).sum())))
            for _ in range(rng.integers(0, 3)):
                moved = points[:, :2] + rng.normal(0, rng.choice([0.5, 3, 10, 40]), (17, 2))
                results.append((image_id, moved))
        for _ in range(rng.choice([0, 1, 25], p=[0.5, 0.4, 0.1])):
            results.append((image_id, rng.uniform(0, 500, (17, 2))))
    scores = rng.choice(np.linspace(0, 1, 12), len(results)) if ties else rng.random(len(results))
    return dict(images=images, annotations=annotations, categories=[
        dict(id=1, name='person', keypoints=[str(k) for k in range(17)], skeleton=[])]), [
        dict(image_id=image_id, category_id=1, score=float(score),
             keypoints=np.column_stack([points, np.ones(17)]).ravel().tolist(),
             **(dict(bbox=[*points.min(axis=0), *(1.4 * np.ptp(points, axis=0))]) if seed % 3 == 0 else {}))
        for (image_id, points), score in zip(results, scores)]


def ours(tmp_path, annotations: dict, results: list):
    (tmp_path / 'labels.json').write_text(json.dumps(annotations))
    (tmp_path / 'results.json').write_text(json.dumps(results))
    data = LabelledImages.read(tmp_path / 'labels.json', sigmas=SIGMAS)
    return data, coco_metric.match(read_results(tmp_path / 'results.json', data), data.labels, SIGMAS)


@pytest.mark.parametrize('block', range(4))
def test_random_sets(block, tmp_path):
    """50 a block; every second with repeated images, which pycocotools gets as images of their own."""
    compared = 0
    for seed in range(50 * block, 50 * block + 50):
        # Between the copies of an image pycocotools sorts equal scores in turns, we do not.
        annotations, results = case(seed, ties=not seed % 2)
        if not results or not any(one['num_keypoints'] for one in annotations['annotations']):
            continue
        data, matches = ours(tmp_path, annotations, results)
        weights = None
        if seed % 2:
            weights = np.random.default_rng(seed).integers(0, 4, len(data.image_ids))
            annotations, results = repeated(annotations, results, dict(zip(data.image_ids, weights)))
            if not results:
                continue
        got, wanted = coco_metric.summarize(matches, weights), cocos(annotations, results)
        for name in NAMES:
            assert got[name] == pytest.approx(wanted[name], abs=1e-10, nan_ok=True), (seed, name)
        compared += 1
    assert compared > 40


def repeated(annotations: dict, results: list, times: dict) -> tuple:
    """The set with each image as often as `times` says, by ids in the same order."""
    images, people, found = [], [], []
    for image in sorted(annotations['images'], key=lambda image: image['id']):
        for copy_number in range(times[image['id']]):
            new_id = 1000 * image['id'] + copy_number + 1
            images.append(dict(image, id=new_id))
            people += [dict(one, image_id=new_id) for one in annotations['annotations']
                       if one['image_id'] == image['id']]
            found += [dict(one, image_id=new_id) for one in results if one['image_id'] == image['id']]
    people = [dict(one, id=number + 1) for number, one in enumerate(people)]
    return dict(annotations, images=images, annotations=people), found


@pytest.mark.real_data
@pytest.mark.parametrize('name', ['coco_tiny/test_coco.json', 'coco_people/annotations/val.json'])
def test_real_annotations(name, test_data, tmp_path):
    """With labels that are moved at random for what a model finds."""
    annotations = json.loads((test_data / name).read_text())
    rng = np.random.default_rng(0)
    results = []
    for one in annotations['annotations']:
        points = np.array(one['keypoints'], float).reshape(-1, 3)
        points[:, :2] += rng.normal(0, 0.06 * np.sqrt(one['area']), (17, 2)) * rng.choice([0.2, 1, 2])
        points[:, 2] = 1  # xtcocotools leaves out who has no keypoint that scores more than 0
        results.append(dict(image_id=one['image_id'], category_id=1, keypoints=points.ravel().tolist(),
                            score=float(rng.random())))
    _, matches = ours(tmp_path, annotations, results)
    got = coco_metric.summarize(matches)
    assert 0.1 < got['AP'] < 0.95
    for wanted in (cocos(annotations, results), xtcocos(annotations, results)):
        for name in NAMES:
            assert got[name] == pytest.approx(wanted[name], abs=1e-10), name


def test_nobody_found_and_nobody_labelled(tmp_path):
    annotations, _ = case(3)
    data, matches = ours(tmp_path, annotations, [])
    assert coco_metric.summarize(matches)['AP'] == 0
    assert np.isnan(coco_metric.summarize(matches, np.zeros(len(data.image_ids)))['AP'])
