"""Exported models in other people's programs."""

from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pytest
import torch

from rampose.apis import TopdownPredictor, read_image
from rampose.core.decoding import decode
from rampose.export.exporting import _write_onnx, export
from rampose.export.network import ExportedNetwork

pytestmark = pytest.mark.needs_torch('2.5')  # which exporting needs


class Blots(torch.nn.Module):
    """Stands for a trained network: heatmaps whose peaks are where the picture is bright, one channel a keypoint."""

    def __init__(self, num_keypoints: int) -> None:
        super().__init__()
        self.head = torch.nn.Conv2d(3, num_keypoints, 1)
        self.head.weight.data = torch.eye(3)[torch.arange(num_keypoints) % 3][:, :, None, None] / 5
        self.head.bias.data.fill_(0.45)

    def extract_feat(self, inputs: torch.Tensor) -> torch.Tensor:
        for _ in range(3):
            inputs = torch.nn.functional.avg_pool2d(inputs, 7, stride=1, padding=3)
        return torch.nn.functional.avg_pool2d(inputs, 4)


@pytest.fixture(scope='module')
def blots_model(onnx_model, tmp_path_factory) -> Path:
    info = TopdownPredictor(onnx_model).pose_model.info
    path = tmp_path_factory.mktemp('blots') / 'model.onnx'
    _write_onnx(ExportedNetwork(Blots(17), info).eval(), info, path)
    return path


@pytest.fixture(scope='module')
def trained_onnx_model(trained_model, tmp_path_factory) -> Path:
    return export(*trained_model, tmp_path_factory.mktemp('trained')).path


@pytest.fixture
def dots() -> np.ndarray:
    """A soft dot in each of the three channels, (240, 320, 3) uint8."""
    y, x = np.mgrid[:240, :320]
    centers = ((150, 120), (165, 90), (170, 150))
    return np.stack([255 * np.exp(-((x - cx)**2 + (y - cy)**2) / (2 * 12**2)) for cx, cy in centers],
                    axis=2).astype(np.uint8)


@pytest.mark.parametrize('backend', ['onnxruntime', 'openvino'])
def test_rtmlib_gives_the_same_keypoints(backend, blots_model, dots):
    """Its ViTPose class cuts out plainly, decodes as UDP does, and takes the channels as the picture has them."""
    from rtmlib import ViTPose
    bboxes = [[100, 40, 220, 200], [90.5, 30.25, 230, 210], [60, 20, 250, 230]]
    model = TopdownPredictor(blots_model, flip_test=False).pose_model
    keypoints, scores = ViTPose(str(blots_model), model.info.input_size, backend=backend)(dots[..., ::-1], bboxes)

    crops = [model.crop(dots, np.float32(bbox)) for bbox in bboxes]
    heatmaps = model.heatmaps(np.stack([crop.pixels for crop in crops]))
    udp = dict(type='UDPHeatmap', input_size=model.info.input_size)
    expected = np.stack([crop.to_image(of_crop) for crop, of_crop in zip(crops, decode(heatmaps, udp)[0])])
    np.testing.assert_allclose(expected[0, :3], [(170, 150), (165, 90), (150, 120)], atol=4)  # RGB
    # rtmlib lets OpenVINO compute in bfloat16.
    np.testing.assert_allclose(scores, heatmaps.max(axis=(2, 3)), rtol=1e-2 if backend == 'openvino' else 1e-4)
    np.testing.assert_allclose(keypoints, expected, atol=0.5 if backend == 'openvino' else 1e-2)
    # MMPose's decoder for this codec: within a cell.
    cells = np.array([crop.scale[0] / 24 for crop in crops])[:, None]
    plain = TopdownPredictor(blots_model, flip_test=False)(dots, bboxes)[0]
    assert (np.abs(keypoints - plain).max(axis=2) < cells).all()


@pytest.mark.parametrize('backend', ['onnxruntime', 'openvino'])
def test_rtmlib_runs_a_real_network(backend, trained_onnx_model, sample_people):
    from rtmlib import ViTPose
    path, bboxes = max(sample_people.items(), key=lambda entry: len(entry[1]))
    picture = read_image(path)
    model = TopdownPredictor(trained_onnx_model, flip_test=False).pose_model
    _, scores = ViTPose(str(trained_onnx_model), model.info.input_size, backend=backend)(picture[..., ::-1], bboxes)
    margins = 0.125 * (bboxes[:, 2:] - bboxes[:, :2])  # rtmlib adds them to every box, this model's config to none
    wide = np.hstack([bboxes[:, :2] - margins, bboxes[:, 2:] + margins])
    heatmaps = model.heatmaps(np.stack([model.crop(picture, np.float32(bbox)).pixels for bbox in wide]))
    # In bfloat16, as above, where the processor has it.
    atol = dict(onnxruntime=1e-4, openvino=0.03)[backend] * heatmaps.max()
    np.testing.assert_allclose(scores, heatmaps.max(axis=(2, 3)), atol=atol)


def test_plain_onnxruntime_as_the_docs_say(blots_model, root, dots, tmp_path, monkeypatch):
    """The twenty lines of docs/deployment.md."""
    text = (root / 'docs/deployment.md').read_text()
    start = text.index('```python\nimport cv2') + len('```python\n')
    code = text[start:text.index('```', start)]
    namespace = dict(onnxruntime=onnxruntime)
    cv2.imwrite(str(tmp_path / 'photo.png'), dots)
    (tmp_path / 'exported').mkdir()
    (tmp_path / 'exported/model.onnx').symlink_to(blots_model)
    monkeypatch.chdir(tmp_path)
    exec(code.replace('photo.jpg', 'photo.png').replace('50, 30, 210, 420', '100, 40, 220, 200'), namespace)
    predictor = TopdownPredictor(blots_model, flip_test=False)
    expected = predictor(dots, [[100, 40, 220, 200]])[0][0]
    # They leave out the quarter of a cell.
    shifts = np.linalg.norm(namespace['keypoints'] - expected, axis=1)
    crop = predictor.pose_model.crop(dots, np.float32([100, 40, 220, 200]))
    assert shifts.max() <= 0.26 * np.sqrt(2) * crop.scale[0] / 24
