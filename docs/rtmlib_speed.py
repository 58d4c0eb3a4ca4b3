"""rampose and rtmlib timed on the same files: photographs, or a film, to everybody's keypoints in memory.

    python docs/rtmlib_speed.py IMAGES yolox_nano.onnx model.onnx [model.xml ...] --rounds 5 --out speed.json

Needs `rtmlib`. Both find people by the same YOLOX (scores from 0.3, NMS at 0.65, people alone) and estimate them by the
same exported model without flip test; rtmlib on ONNX Runtime, one image after another, as its API is; rampose on ONNX
Runtime, and on OpenVINO where a model is an .xml or named as FILE:openvino or FILE:openvino:bfloat16. Each candidate
has a process of its own; they take turns in an order that changes. Ratios are medians over the rounds.
"""

import argparse
import json
import tempfile
from pathlib import Path

import cv2
import numpy as np

FILM_FRAMES = 300


def rtmlib_candidate(detector, model, source):
    from rtmlib import YOLOX, ViTPose

    from rampose.apis import TopdownPredictor
    info = TopdownPredictor(model, flip_test=False).pose_model.info
    find = YOLOX(detector, (416, 416), det_mode='multiclass', nms_thr=0.65, score_thr=0.3)
    estimate = ViTPose(model, info.input_size, info.mean, info.std)

    def call():
        people = 0
        for image in images_of(source):
            boxes, categories = find(image)
            boxes = boxes[categories == 0]
            if len(boxes):
                people += len(estimate(image[..., ::-1], boxes)[0])
        return people

    return call


def rampose_candidate(detector, model, source, backend, dtype):
    from rampose.apis import TopdownPredictor
    from rampose.apis.detectors.exported import ExportedDetector
    from rampose.prediction.stream import read_ahead
    # An int8 model computes in bfloat16 what is left in floating point; so does its detector.
    find = ExportedDetector(detector, backend=backend, dtype='bfloat16' if model.endswith('.xml') else dtype)
    predictor = TopdownPredictor(model, backend=backend, dtype=dtype, flip_test=False, batch_size=16,
                                 detector=find)

    def call():
        if not source.endswith('.mp4'):
            paths = sorted(map(str, Path(source).glob('*.jpg')))
            return sum(result.num_people for result in predictor.predict(paths))
        people, frames = 0, []
        for frame in read_ahead(images_of(source), lambda frame: frame.nbytes):
            frames.append(frame)
            if len(frames) == 16:
                people += sum(result.num_people for result in predictor.predict(frames))
                frames = []
        return people + sum(result.num_people for result in predictor.predict(frames))

    return call


def images_of(source):
    if not source.endswith('.mp4'):
        for path in sorted(Path(source).glob('*.jpg')):
            yield cv2.imread(str(path))
        return
    capture = cv2.VideoCapture(source)
    while True:
        more, frame = capture.read()
        if not more:
            return
        yield frame


def make_film(images, path):
    """Ten frames of each of 30 photographs, over which a camera of 640x480 px pans."""
    film = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'mp4v'), 25, (640, 480))
    for photograph in sorted(images.glob('*.jpg'))[:FILM_FRAMES // 10]:
        image = cv2.resize(cv2.imread(str(photograph)), (720, 540))
        for step in range(10):
            film.write(np.ascontiguousarray(image[6 * step:6 * step + 480, 8 * step:8 * step + 640]))
    film.release()


def differences(config, checkpoint, model, detector, images, number=60):
    """How far keypoints lie from those of MMPose's `inference_topdown` in the same boxes, px of the image."""
    from mmpose.apis import inference_topdown
    from rtmlib import ViTPose

    from rampose.apis import TopdownPredictor
    from rampose.apis.detectors.exported import ExportedDetector
    from rampose.apis.torch_model import load_estimator
    reference = load_estimator(config, checkpoint)[0]
    reference.test_cfg['flip_test'] = False
    ours, find = TopdownPredictor(model, flip_test=False), ExportedDetector(detector)
    info = ours.pose_model.info
    theirs = ViTPose(model, info.input_size, info.mean, info.std)
    far = dict(rampose=[], rtmlib=[])
    for path in sorted(images.glob('*.jpg'))[:number]:
        image = cv2.imread(str(path))
        boxes = find(image)[0]
        if len(boxes):
            expected = np.concatenate([sample.pred_instances.keypoints
                                       for sample in inference_topdown(reference, image, boxes)])
            for name, found in (('rampose', ours(image, boxes)[0]), ('rtmlib', theirs(image[..., ::-1], boxes)[0])):
                far[name].append(np.linalg.norm(found - expected, axis=2).ravel())
    return {name: dict(mean=float(np.concatenate(of).mean()), median=float(np.median(np.concatenate(of))),
                       max=float(np.concatenate(of).max()), keypoints=sum(map(len, of))) for name, of in far.items()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('images', type=Path)
    parser.add_argument('detector')
    parser.add_argument('models', nargs='+')
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--mmpose', nargs=2, metavar=('CONFIG', 'CHECKPOINT'),
                        help='of the first model: say how far its keypoints lie from MMPose\'s, too')
    parser.add_argument('--out', type=Path)
    args = parser.parse_args()

    from rampose.core.machine import describe
    from rampose.lab.isolation import isolated
    from rampose.lab.latency import time_interleaved
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        film = f'{folder}/film.mp4'
        make_film(args.images, film)
        for source, name in ((str(args.images), 'photographs'), (film, 'film')):
            candidates = {'rtmlib': (rtmlib_candidate, args.detector, args.models[0], source)}
            for text in args.models:
                model, _, engine = text.partition(':')
                backend, _, dtype = engine.partition(':')
                backend = backend or ('openvino' if model.endswith('.xml') else 'onnxruntime')
                candidates[f'rampose, {Path(model).name}, {backend}{" " * bool(dtype)}{dtype}'] = (
                    rampose_candidate, args.detector, model, source, backend, dtype or None)
            with isolated(candidates) as calls:
                latencies = time_interleaved(calls, args.rounds, warmup=1)
                for candidate, latency in latencies.items():
                    people = calls[candidate].last()
                    rows.append(dict(
                        source=name, candidate=candidate, people=people,
                        people_per_second=round(people / latency.median, 1), times_as_fast=round(1 / latency.ratio, 2),
                        quartiles=[round(1 / ratio, 2) for ratio in reversed(latency.ratio_quartiles)],
                        memory_mb=round(calls[candidate].peak_memory() / 1e6)))
                    print(rows[-1], flush=True)
    report = dict(machine=describe(), rounds=args.rounds, rows=rows)
    if args.mmpose:
        report['px_from_mmpose'] = differences(*args.mmpose, args.models[0], args.detector, args.images)
        print(report['px_from_mmpose'])
    if args.out:
        args.out.write_text(json.dumps(report, indent=1) + '\n')


if __name__ == '__main__':
    main()
