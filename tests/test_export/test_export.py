"""Exported models give PyTorch's keypoints, and nothing is kept that does not."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine import Config
from mmpose.registry import MODELS

import rampose.export.exporting as exporting
from rampose.apis import TopdownPredictor
from rampose.apis.exported_model import ExportedPoseModel
from rampose.core.decoding import decode
from rampose.core.images import read_image
from rampose.core.model_info import ModelInfo
from rampose.export.exporting import ExportError, export

pytestmark = pytest.mark.needs_torch('2.5')  # which exporting needs


@pytest.fixture(scope='module')
def eager(pose_config, pose_checkpoint) -> dict:
    """Predictors with and without flip test."""
    return {flip_test: TopdownPredictor(pose_config, pose_checkpoint, device='cpu', flip_test=flip_test)
            for flip_test in (False, True)}


@pytest.mark.parametrize('flip_test', [False, True], ids=['once', 'flip'])
@pytest.mark.parametrize('backend', ['onnxruntime', 'openvino'])
def test_exported_equals_eager(backend, flip_test, onnx_model, openvino_model, eager, photo, bboxes):
    path = dict(onnxruntime=onnx_model, openvino=openvino_model)[backend]
    predictor = TopdownPredictor(path, flip_test=flip_test, batch_size=3)
    keypoints, scores = predictor(photo, bboxes)
    expected, expected_scores = eager[flip_test](photo, bboxes)
    np.testing.assert_allclose(keypoints, expected, atol=1e-3)
    np.testing.assert_allclose(scores, expected_scores, rtol=1e-4, atol=1e-6)
    assert keypoints.dtype == scores.dtype == np.float32
    for keypoints_of_one, bbox in zip(keypoints, bboxes):  # batched equals one by one
        np.testing.assert_allclose(predictor(photo, [bbox])[0][0], keypoints_of_one, atol=1e-3)
    assert predictor(photo, [])[0].shape == (0, 17, 2)


def test_openvino_reads_onnx_too(onnx_model, eager, photo, bboxes):
    keypoints, _ = TopdownPredictor(onnx_model, backend='openvino', num_threads=1)(photo, bboxes)
    np.testing.assert_allclose(keypoints, eager[True](photo, bboxes)[0], atol=1e-3)


def test_the_file_says_nothing_of_where_it_was_made(onnx_model, openvino_model, root):
    shipped = next((root / 'checkpoints').glob('ram-hrnet*.onnx'))
    for path in (onnx_model, openvino_model, shipped):
        content = Path(path).read_bytes()
        for private in (str(root), str(Path.home()), 'site-packages', 'stack_trace'):
            assert private.encode() not in content, (path, private)


def test_the_file_describes_itself(onnx_model, openvino_model, predictor):
    for path in (onnx_model, openvino_model):
        info = TopdownPredictor(path).pose_model.info
        assert info.input_size == (96, 128) and info.heatmap_size == (24, 32) and info.precision == 'fp32'
        assert info.codec['type'] == 'MSRAHeatmap' and info.flip_indices[:3] == [0, 2, 1]
        assert info.mean == pytest.approx([123.675, 116.28, 103.53]) and info.bgr_to_rgb and info.shift_heatmap
        assert info.dataset_meta.keys() == predictor.dataset_meta.keys()
        for key, value in predictor.dataset_meta.items():
            assert np.array_equal(np.asarray(info.dataset_meta[key]), np.asarray(value)), key


@pytest.mark.slow
@pytest.mark.parametrize('kwargs', [
    dict(format='openvino', inputs='uint8', outputs='keypoints', flip_test=True),
    dict(inputs='uint8', outputs='keypoints'),
    dict(flip_test=True),
], ids=str)
def test_what_is_part_of_the_model(kwargs, pose_config, pose_checkpoint, tmp_path, eager, photo, bboxes):
    report = export(pose_config, pose_checkpoint, tmp_path, **kwargs)
    flip_test = kwargs.get('flip_test', False)
    predictor = TopdownPredictor(report.path)  # does what the model can
    expected = eager[flip_test or 'outputs' not in kwargs](photo, bboxes)[0]
    np.testing.assert_allclose(predictor(photo, bboxes)[0], expected, atol=1e-2)
    with pytest.raises(ValueError, match=f'construct with flip_test={flip_test}'):
        TopdownPredictor(report.path, flip_test=not flip_test)
    assert sorted(path.suffix for path in tmp_path.iterdir()) == (
        ['.bin', '.xml'] if kwargs.get('format') == 'openvino' else ['.onnx'])
    if 'inputs' in kwargs:
        pixels = np.stack([predictor.pose_model.crop(photo, np.float32(bbox)).pixels for bbox in bboxes])
        keypoints, scores = predictor.pose_model.run(pixels)
        assert keypoints.shape == (5, 17, 2) and scores.shape == (5, 17)
        assert (keypoints >= -4).all() and (keypoints <= (96, 128)).all()


def found_by(predictor, people) -> tuple:
    """Keypoints (N, K, 2) and scores (N, K) of all people in the pictures."""
    return tuple(map(np.concatenate, zip(*(predictor(path, bboxes) for path, bboxes in people.items()))))


@pytest.fixture(scope='module')
def found_by_trained(trained_model, sample_people) -> tuple:
    return found_by(TopdownPredictor(*trained_model, device='cpu'), sample_people)


@pytest.fixture(scope='module')
def trained_bytes(trained_model) -> int:
    """What the small model's parameters take in float32."""
    state = torch.load(trained_model[1], weights_only=True)['state_dict']
    return 4 * sum(value.numel() for value in state.values())


@pytest.mark.slow
@pytest.mark.filterwarnings('ignore:this CPU has no bfloat16')  # where it falls back, the bounds hold all the more
@pytest.mark.parametrize(('kwargs', 'smaller'), [
    (dict(precision='fp16'), 0.65), (dict(format='openvino', precision='fp16'), 0.65),
    (dict(format='openvino', precision='bf16'), 1.1)], ids=str)
def test_lower_precisions_are_near_and_no_larger(kwargs, smaller, trained_model, trained_bytes, found_by_trained,
                                                 sample_people, tmp_path):
    report = export(*trained_model, tmp_path, **kwargs)
    assert report.difference <= report.tolerance and report.num_bytes < smaller * trained_bytes
    keypoints, scores = found_by(TopdownPredictor(report.path), sample_people)
    expected, expected_scores = found_by_trained
    np.testing.assert_allclose(scores, expected_scores, atol=0.02)
    assert np.median(np.linalg.norm(keypoints - expected, axis=2)) < 0.2


CODECS = dict(msra=dict(type='MSRAHeatmap'), dark=dict(type='MSRAHeatmap', unbiased=True), udp=dict(type='UDPHeatmap'))


def with_codec(config, codec, folder):
    """A config of 96x128 px with another codec."""
    path = folder / 'config.py'
    path.write_text(f"_base_ = '{config}'\n"
                    f'codec = dict(input_size=(96, 128), heatmap_size=(24, 32), sigma=2, **{codec})\n'
                    'model = dict(head=dict(decoder=dict(_delete_=True, **codec)))\n')
    return path


@pytest.mark.slow
@pytest.mark.parametrize('format', ['onnx', 'openvino'])
@pytest.mark.parametrize('codec', CODECS)
def test_each_codec_within_the_model(codec, format, pose_config, pose_checkpoint, tmp_path):
    config = with_codec(pose_config, CODECS[codec], tmp_path)
    decoding = ExportedPoseModel(export(config, pose_checkpoint, tmp_path / 'a', format, outputs='keypoints').path)
    heatmaps = ExportedPoseModel(export(config, pose_checkpoint, tmp_path / 'b', format).path, flip_test=False)
    crops = np.random.default_rng(0).integers(0, 256, (4, 128, 96, 3), dtype=np.uint8)
    inputs = decoding.info.prepare(crops)
    keypoints, scores = decoding.run(inputs)
    expected, expected_scores = decode(heatmaps.heatmaps(crops), heatmaps.info.codec)
    np.testing.assert_allclose(scores, expected_scores, rtol=1e-3, atol=1e-6)
    # Flat heatmaps amplify rounding: of nearly all keypoints, not of all.
    assert np.quantile(np.linalg.norm(keypoints - expected, axis=2), 0.9) < 0.02


@pytest.fixture
def pictures_to_calibrate(sample_people, tmp_path) -> tuple:
    """The sample's pictures and an empty broken.png, and a file of the boxes in them."""
    images, boxes = tmp_path / 'images', tmp_path / 'boxes.json'
    images.mkdir()
    people = {path.name: bboxes.tolist() for path, bboxes in sample_people.items()}
    for path in sample_people:
        (images / path.name).symlink_to(path)
    (images / 'broken.png').touch()
    boxes.write_text(json.dumps({**people, 'broken.png': [[0, 0, 10, 10]]}))
    return images, boxes


@pytest.mark.slow
@pytest.mark.parametrize('format', ['onnx', 'openvino'])
@pytest.mark.parametrize('codec', ['msra', 'dark'])
def test_int8_leaves_the_decoder_alone(codec, format, trained_model, pictures_to_calibrate, tmp_path):
    config, checkpoint = trained_model
    path = export(with_codec(config, CODECS[codec], tmp_path), checkpoint, tmp_path / 'out', format, 'int8', 'uint8',
                  'keypoints', flip_test=True, calibrate=pictures_to_calibrate, thorough=False).path
    if format == 'onnx':
        import onnx
        kinds = [node.op_type for node in onnx.load(path).graph.node]
        convolution, rounding = 'Conv', 'QuantizeLinear'
    else:
        import openvino
        kinds = [node.get_type_name() for node in openvino.Core().read_model(path).get_ordered_ops()]
        convolution, rounding = 'Convolution', 'FakeQuantize'
    of_network = [i for i, kind in enumerate(kinds) if kind == convolution]
    last = of_network[-3 if codec == 'dark' else -1]  # DARK blurs by two of its own
    assert kinds[:last].count(rounding) > 20 and rounding not in kinds[last:]


@pytest.mark.long
@pytest.mark.parametrize('format', ['onnx', 'openvino'])
def test_int8(format, trained_model, trained_bytes, found_by_trained, sample_people, pictures_to_calibrate, tmp_path):
    report = export(*trained_model, tmp_path / 'out', format=format, precision='int8',
                    calibrate=pictures_to_calibrate, thorough=format == 'openvino')
    assert report.num_bytes < 0.45 * trained_bytes
    keypoints, scores = found_by(TopdownPredictor(report.path), sample_people)
    expected, expected_scores = found_by_trained
    assert np.abs(scores - expected_scores).max() < 0.15
    assert np.median(np.linalg.norm(keypoints - expected, axis=2)) < 1
    with pytest.raises(ValueError, match='found nobody to calibrate on'):
        export(*trained_model, tmp_path / 'out', precision='int8',
               calibrate=(tmp_path / 'none', pictures_to_calibrate[1]))


def write_other(folder, pose_config, backbone: dict, head: dict) -> tuple:
    config = Config.fromfile(pose_config)
    config.model.backbone = backbone
    config.model.head = dict(dict(type='HeatmapHead', out_channels=17, decoder=config.model.head.decoder), **head)
    config.dump(folder / 'other.py')
    network = MODELS.build(Config.fromfile(folder / 'other.py').model)
    network.train()
    with torch.no_grad():
        for _ in range(5):
            network(torch.randn(2, 3, 128, 96), None, mode='tensor')
    torch.save(dict(state_dict=network.state_dict()), folder / 'other.pth')
    return folder / 'other.py', folder / 'other.pth'


@pytest.mark.slow
@pytest.mark.parametrize('name', ['HRNet', 'SimpleBaseline', 'CPN'])
def test_other_systems_are_exported_too(name, pose_config, tmp_path, photo, bboxes):
    extra = Config.fromfile(pose_config).model.backbone.extra
    extra.stage4.multiscale_output = False
    models = dict(
        HRNet=dict(backbone=dict(type='HRNet', in_channels=3, extra=extra),
                   head=dict(in_channels=16, deconv_out_channels=None)),
        SimpleBaseline=dict(backbone=dict(type='ResNet', depth=18), head=dict(in_channels=512)),
        CPN=dict(backbone=dict(type='ResNet', depth=18, out_indices=(0, 1, 2, 3)),  # its head gives a list
                 head=dict(type='CPNHead', in_channels=[64, 128, 256, 512], num_channels=32)))
    files = write_other(tmp_path, pose_config, **models[name])
    report = export(*files, tmp_path)
    keypoints, _ = TopdownPredictor(report.path)(photo, bboxes)
    np.testing.assert_allclose(keypoints, TopdownPredictor(*files, device='cpu')(photo, bboxes)[0], atol=1e-3)


def test_what_differs_too_much_is_not_kept(pose_config, pose_checkpoint, tmp_path, monkeypatch):
    monkeypatch.setattr(exporting, '_compare', lambda *args: (2e-4, 1.0, None))
    with pytest.raises(ExportError, match='fp32 export differs from eager PyTorch by 0.0002, where 0.0001 was'):
        export(pose_config, pose_checkpoint, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(('kwargs', 'message'), [
    (dict(format='tflite'), 'format'),
    (dict(precision='bf16'), 'onnx takes fp32, fp16, int8'),
    (dict(precision='int8'), 'int8 needs pictures'),
    (dict(inputs='float'), "got 'float'"),
    (dict(outputs='points'), "got 'points'"),
])
def test_choices_that_there_are_not(kwargs, message, pose_config, pose_checkpoint, tmp_path):
    with pytest.raises(ValueError, match=message):
        export(pose_config, pose_checkpoint, tmp_path, **kwargs)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(('change', 'message'), [
    ({'model.head.decoder.type': 'MegviiHeatmap', 'model.head.decoder.kernel_size': 7, 'codec': None}, 'MegviiHeatmap'),
    ({'model.test_cfg.output_keypoint_indices': [0, 1]}, 'output_keypoint_indices'),
    ({'test_dataloader.dataset.pipeline': [dict(type='LoadImage'), dict(type='BottomupResize')]}, 'BottomupResize'),
])
def test_configs_that_the_run_time_does_not_know(change, message, pose_config, pose_checkpoint):
    config = Config.fromfile(pose_config)
    config.merge_from_dict(change)
    config.model.head.decoder.pop('unbiased', None) if 'codec' in change else None
    config.model.head.decoder.pop('sigma', None) if 'codec' in change else None
    with pytest.raises(ValueError, match=message):
        export(config, pose_checkpoint, 'nowhere')


def test_metadata_survives_json(onnx_model):
    info = TopdownPredictor(onnx_model).pose_model.info
    again = ModelInfo.from_json(info.to_json(), 'x')
    assert again.to_json() == info.to_json()


@pytest.mark.slow
def test_weights_in_int8_take_a_quarter_and_move_little(trained_model, sample_people, tmp_path):
    """On a trained network: random ones have heatmaps without a peak."""
    whole = export(*trained_model, tmp_path / 'fp32')
    small = export(*trained_model, tmp_path / 'int8', int8_weights=True)
    assert small.num_bytes < 0.35 * whole.num_bytes
    images, bboxes = list(sample_people), list(sample_people.values())
    scores = [np.concatenate([result.keypoint_scores for result in TopdownPredictor(one.path).predict(images, bboxes)])
              for one in (whole, small)]
    assert 0 < np.abs(scores[0] - scores[1]).max() < 0.1
    for backend in ('onnxruntime', 'openvino'):
        TopdownPredictor(small.path, backend=backend)(read_image(images[0]), bboxes[0])
    with pytest.raises(ValueError, match='got int8_weights for onnx in fp16; it is for onnx in fp32'):
        export(*trained_model, tmp_path / 'x', precision='fp16', int8_weights=True)
