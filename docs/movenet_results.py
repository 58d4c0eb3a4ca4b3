"""MoveNet's keypoints for labelled people, as a COCO results file that `rampose compare` reads.

    python docs/movenet_results.py movenet_lightning_int8.tflite IMAGES ANNOTATIONS movenet.json

Needs `ai-edge-litert`, OpenCV and pycocotools. Each person is cut out as a square, 1.25 times the longer side of the
labelled box; MoveNet takes RGB of 192x192 px and gives (y, x, score) in shares of the crop, in COCO's order.
"""

import json
import sys
from pathlib import Path

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from pycocotools.coco import COCO

model, images, annotations, out = map(Path, sys.argv[1:])
interpreter = Interpreter(str(model), num_threads=2)
interpreter.allocate_tensors()
(inputs, ), (outputs, ) = interpreter.get_input_details(), interpreter.get_output_details()
side = int(inputs['shape'][1])
coco = COCO(str(annotations))
results = []
for image_id, image_info in coco.imgs.items():
    people = [person for person in coco.imgToAnns[image_id] if person.get('num_keypoints') and not person['iscrowd']]
    image = cv2.imread(str(images / image_info['file_name'])) if people else None
    for person in people:
        x, y, w, h = person['bbox']
        length = 1.25 * max(w, h)
        scale = side / length
        left, top = x + w / 2 - length / 2, y + h / 2 - length / 2
        to_crop = np.array([[scale, 0, -left * scale], [0, scale, -top * scale]])
        crop = cv2.warpAffine(image, to_crop, (side, side), flags=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        interpreter.set_tensor(inputs['index'], crop[None, :, :, ::-1].astype(inputs['dtype']))
        interpreter.invoke()
        found = interpreter.get_tensor(outputs['index']).reshape(17, 3)
        keypoints = np.column_stack([found[:, 1] * length + left, found[:, 0] * length + top, found[:, 2]])
        results.append(dict(image_id=image_id, category_id=person['category_id'], bbox=[x, y, w, h],
                            keypoints=keypoints.round(3).ravel().tolist(), score=float(found[:, 2].mean())))
out.write_text(json.dumps(results))
print(f'{len(results)} people: {out}')
