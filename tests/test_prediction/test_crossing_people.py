"""A film of people who cross and hide each other, from the command to HOTA and ID switches as TrackEval counts them."""

import json

import cv2
import numpy as np
import pytest

from rampose.cli.main import main
from rampose.core.pose_result import NO_TRACK
from rampose.prediction.tracking import check_installed

FRAMES, WIDTH, HEIGHT = 120, 480, 320
# Of four people: x in the first frame, px a frame, y of the feet (who stands lower is nearer), height.
WALKS = ((20, 3.4, 250, 150), (430, -3.1, 265, 160), (240, 0.4, 240, 140), (-60, 2.2, 285, 175))


def boxes_at(frame):
    """``(4, 4)`` xyxy; some may lie outside of the image."""
    rows = [(x + step * frame - height / 5, feet - height, x + step * frame + height / 5, feet)
            for x, step, feet, height in WALKS]
    return np.array(rows) + [0, 3 * np.sin(frame / 4), 0, 0]


def hidden(boxes, number):
    """The share of somebody that a nearer one covers."""
    shares = [0.]
    for other in range(len(boxes)):
        if boxes[other, 3] > boxes[number, 3]:
            low, high = np.maximum(boxes[number, :2], boxes[other, :2]), np.minimum(boxes[number, 2:], boxes[other, 2:])
            shares.append((high - low).clip(0).prod() / (boxes[number, 2:] - boxes[number, :2]).prod())
    return max(shares)


@pytest.fixture(scope='module')
def film(tmp_path_factory):
    """The film, what a detector would find in it (less than all, nobody who is hidden), and who is really there."""
    folder, rng = tmp_path_factory.mktemp('film'), np.random.default_rng(0)
    writer = cv2.VideoWriter(str(folder / 'film.mp4'), cv2.VideoWriter_fourcc(*'mp4v'), 30, (WIDTH, HEIGHT))
    lines, truth = [], []
    for frame in range(FRAMES):
        image, boxes = np.full((HEIGHT, WIDTH, 3), 90, np.uint8), boxes_at(frame)
        there = [number for number in range(4) if boxes[number, 2] > 25 and boxes[number, 0] < WIDTH - 25]
        for number in sorted(there, key=lambda number: boxes[number, 3]):
            x1, y1, x2, y2 = boxes[number].astype(int).tolist()
            cv2.rectangle(image, (x1, y1), (x2, y2), (60 * number, 200 - 40 * number, 250), -1)
            share = hidden(boxes, number)
            if share < 0.65 and rng.uniform() > 0.03:
                x1, y1, x2, y2 = boxes[number] + rng.normal(0, 2, 4)
                lines.append(f'{frame + 1},-1,{x1:.2f},{y1:.2f},{x2 - x1:.2f},{y2 - y1:.2f},{0.9 - 0.6 * share:.3f}')
        if rng.uniform() < 0.05:  # somebody who is not there
            x, y = rng.uniform(0, 400), rng.uniform(0, 200)
            lines.append(f'{frame + 1},-1,{x:.2f},{y:.2f},40,90,0.32')
        writer.write(image)
        truth.append({number: boxes[number] for number in there})
    writer.release()
    (folder / 'detections.txt').write_text('\n'.join(lines))
    return folder, truth


def ious(boxes, others):
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    inner = (high - low).clip(0).prod(axis=2)
    areas = [(of[:, 2:] - of[:, :2]).prod(axis=1) for of in (boxes, others)]
    return inner / (areas[0][:, None] + areas[1] - inner)


def test_who_is_who(film, onnx_model, tmp_path, monkeypatch):
    pytest.importorskip('trackeval')
    monkeypatch.setattr(np, 'float', float, raising=False)  # TrackEval is older than numpy 1.24
    from trackeval.metrics.clear import CLEAR
    from trackeval.metrics.hota import HOTA
    try:
        check_installed(smooth=False)
    except ImportError as error:
        pytest.skip(str(error))
    folder, truth = film
    assert main(['predict', str(folder / 'film.mp4'), '--config', str(onnx_model), '--boxes',
                 str(folder / 'detections.txt'), '--track', '--no-draw', '--no-flip-test', '--out', str(tmp_path)]) == 0
    records = [json.loads(line) for line in (tmp_path / 'frames.jsonl').read_text().splitlines()]
    assert len(records) == FRAMES
    numbers = {}
    data = dict(num_timesteps=FRAMES, gt_ids=[], tracker_ids=[], similarity_scores=[])
    for record, there in zip(records, truth):
        found = [(one['track_id'], one['bbox']) for one in record['instances'] if one['track_id'] != NO_TRACK]
        data['gt_ids'].append(np.array(list(there), int))
        data['tracker_ids'].append(np.array([numbers.setdefault(number, len(numbers)) for number, _ in found], int))
        data['similarity_scores'].append(ious(np.array(list(there.values())).reshape(-1, 4),
                                              np.array([box for _, box in found]).reshape(-1, 4)))
    data.update(num_gt_ids=4, num_tracker_ids=len(numbers), num_gt_dets=sum(map(len, data['gt_ids'])),
                num_tracker_dets=sum(map(len, data['tracker_ids'])))
    hota = HOTA().eval_sequence(data)
    clear = CLEAR(dict(PRINT_CONFIG=False)).eval_sequence(data)
    print({name: round(float(np.mean(hota[name])), 3) for name in ('HOTA', 'DetA', 'AssA')}, clear['IDSW'],
          clear['MOTA'])
    assert np.mean(hota['HOTA']) > 0.7 and np.mean(hota['AssA']) > 0.7
    assert clear['IDSW'] <= 2 and clear['MOTA'] > 0.75
