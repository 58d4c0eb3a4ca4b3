"""The small model in checkpoints/: what its card says, and what people who never trained see of it."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from rampose.apis import TopdownPredictor, read_image
from rampose.checkpoints import zoo
from rampose.export.evaluation import LabelledPeople, boxes_of
from rampose.lab.comparison.coco_metric import Found, match, summarize
from rampose.lab.comparison.contenders import label_boxes
from rampose.lab.comparison.data import LabelledImages


@pytest.fixture(scope='module')
def card(root) -> str:
    return (root / 'checkpoints/ram-hrnet-w16-gpr_lspet-128x96.md').read_text()


@pytest.fixture(scope='module')
def small_model(trained_model) -> TopdownPredictor:
    return TopdownPredictor(*trained_model, device='cpu')


@pytest.mark.needs_torch('2.1')
def test_the_card_is_of_this_file(card, trained_model):
    checkpoint = trained_model[1]
    assert checkpoint.name in card and checkpoint.stat().st_size <= 20e6
    state = torch.load(checkpoint, weights_only=True)['state_dict']
    assert {value.dtype for value in state.values() if value.ndim >= 2} == {torch.float16}


@pytest.mark.real_data
def test_pck_on_lspet_is_what_the_card_says(small_model, card, test_data):
    labelled = LabelledPeople(test_data / 'lspet/images', test_data / 'lspet/annotations/val.json')
    right, total = np.zeros(14), np.zeros(14)
    for path, people in labelled.pictures().items():
        bboxes = boxes_of(people)
        keypoints, _ = small_model(read_image(path), bboxes)
        for person, box, found in zip(people, bboxes, keypoints):
            labels = np.array(person['keypoints']).reshape(-1, 3)
            known = labels[:, 2] > 0
            distance = np.linalg.norm(found - labels[:, :2], axis=1)
            right += known & (distance < 0.2 * max(box[2:] - box[:2]))
            total += known
    stated = float(re.search(r'PCK@0.2.*?\*\*([\d.]+)\*\*', card).group(1))
    # As MMPose's PCKAccuracy: the mean over the keypoints.
    assert 100 * (right / total).mean() == pytest.approx(stated, abs=0.1)


@pytest.mark.real_data
def test_people_in_photographs_of_another_data_set(small_model, card, test_data):
    """COCO's twelve keypoints that LSP has too, of people who are shown from head to foot."""
    content = json.loads((test_data / 'coco_tiny/test_coco.json').read_text())
    names = content['categories'][0]['keypoints']
    ours = small_model.dataset_meta['keypoint_name2id']
    shared = [name for name in names if name in ours]
    assert len(shared) == 12
    right = total = people = 0
    for image in content['images']:
        picture = read_image(test_data / 'coco_tiny' / image['file_name'])
        for person in content['annotations']:
            labels = {name: np.array(person['keypoints'][3 * k:3 * k + 3]) for k, name in enumerate(names)}
            labelled = [name for name in shared if labels[name][2] > 0]
            if person['image_id'] != image['id'] or len(labelled) < 10:
                continue
            x, y, w, h = person['bbox']
            (keypoints, ), _ = small_model(picture, [[x, y, x + w, y + h]])
            distances = [np.linalg.norm(keypoints[ours[name]] - labels[name][:2]) for name in labelled]
            right += sum(distance < 0.2 * max(w, h) for distance in distances)
            total += len(distances)
            people += 1
    stated = re.search(r'the (\d+) people of four COCO images.*\| (\d+) of (\d+) right', card)
    # A keypoint between two cells of equal height goes this way or that by a processor's rounding.
    assert (people, right, total) == (int(stated[1]), pytest.approx(int(stated[2]), abs=2), int(stated[3]))


@pytest.mark.real_data
@pytest.mark.slow
def test_ap_on_people_of_coco_is_what_the_card_of_the_packaged_model_says(root, test_data):
    """In the labels' boxes, on the 300 images of val2017 that it was not trained on, as `rampose compare` measures."""
    weights = zoo.all_weights()[0]
    text = (root / 'checkpoints/efficientnet-lite0-gpr_coco-people-256x192.md').read_text()
    assert weights.name in text and all(Path(file['file']).name in text for file in weights.files.values())
    data = LabelledImages.read(test_data / 'coco_people/annotations/val.json')
    predictor = TopdownPredictor(weights.name, num_threads=1)
    boxes = label_boxes(data)
    results = [predictor.predict([test_data / 'coco_people/images' / name], [boxes(number)])[0]
               for number, name in enumerate(data.names)]
    found = [Found(result.keypoints, result.scores, result.keypoint_scores) for result in results]
    stated = float(re.search(r'\| AP, all 300 images \| \*\*([\d.]+)\*\*', text)[1])
    ap = 100 * summarize(match(found, data.labels, data.sigmas))['AP']
    assert ap == pytest.approx(stated, abs=0.1) and stated == weights.measured["AP, COCO's people"]
