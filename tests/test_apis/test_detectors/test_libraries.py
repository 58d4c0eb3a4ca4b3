"""Detectors of torchvision and transformers, with random weights: the boxes are theirs, in px of the image."""

import subprocess
import sys

import numpy as np
import pytest
import torch
import torchvision

from rampose.apis import TopdownPredictor
from rampose.apis.detectors import open_named_detector

SSD = 'ssdlite320_mobilenet_v3_large'


@pytest.fixture
def random_weights(monkeypatch):
    """torchvision's smallest detector, whose random weights take much for a person."""
    torch.manual_seed(0)
    model = torchvision.models.get_model(SSD, weights=None, weights_backbone=None, num_classes=91).eval()
    for scores in model.head.classification_head.module_list:
        torch.nn.init.constant_(scores[-1].bias.view(-1, 91)[:, 1], 3.)
    asked = {}

    def get_state_dict(self, **options):
        asked.update(options)
        return model.state_dict()

    monkeypatch.setattr(type(torchvision.models.get_model_weights(SSD).DEFAULT), 'get_state_dict', get_state_dict)
    return model, asked


@pytest.mark.needs_torch('2.0')
def test_torchvision(random_weights, photo):
    model, asked = random_weights
    detector = open_named_detector(f'torchvision:{SSD}', min_score=0.)
    assert asked['check_hash'] and asked.get('weights_only', True)
    boxes, scores = detector(photo)
    with torch.inference_mode():
        expected, = model([torch.from_numpy(photo[..., ::-1].copy()).permute(2, 0, 1) / 255])
    people = expected['labels'] == 1
    np.testing.assert_allclose(boxes, expected['boxes'][people].numpy(), atol=1e-3)
    np.testing.assert_allclose(scores, expected['scores'][people].numpy(), atol=1e-5)
    assert len(boxes) > 0 and (np.diff(scores) <= 0).all() and boxes.dtype == scores.dtype == np.float32
    # torchvision counts COCO's 80 categories with gaps.
    assert open_named_detector(f'torchvision:{SSD}', 'toothbrush').category == 90
    assert open_named_detector(f'torchvision:{SSD}', 79).category == 90


@pytest.mark.needs_torch('2.0')
def test_the_predictor_takes_it_by_name(random_weights, pose_config, pose_checkpoint, photo):
    predictor = TopdownPredictor(pose_config, pose_checkpoint, device='cpu', detector=f'torchvision:{SSD}')
    predictor._detector.min_score = 0.
    assert len(predictor(photo)[0]) > 0


@pytest.mark.parametrize(('source', 'options', 'message'), [
    ('torchvision:yolo', {}, "has no detector 'yolo'; it has fasterrcnn"),
    (f'torchvision:{SSD}', dict(category='unicorn'), "does not find 'unicorn'"),
    (f'torchvision:{SSD}', dict(category=80), 'COCO has 0 to 79')])
@pytest.mark.needs_torch('2.0')
def test_bad_calls(source, options, message):
    with pytest.raises(ValueError, match=message):
        open_named_detector(source, **options)


def test_a_missing_library_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, 'transformers', None)
    with pytest.raises(ImportError, match='transformers needs transformers: pip install torch transformers'):
        open_named_detector('transformers')


def test_torchvision_needs_nothing_of_openmmlab(root):
    code = ('import sys; sys.modules.update(dict.fromkeys(("mmcv", "mmdet", "mmengine", "mmpose"))); '
            'import rampose.apis.detectors.torchvision_detector')
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, cwd=root)
    assert done.returncode == 0, done.stderr


def test_transformers(tmp_path, photo):
    transformers = pytest.importorskip('transformers')
    torch.manual_seed(0)
    config = transformers.RTDetrConfig(
        backbone_config=transformers.RTDetrResNetConfig(embedding_size=8, hidden_sizes=[8, 8, 16, 16],
                                                        depths=[1, 1, 1, 1], layer_type='basic',
                                                        out_features=['stage2', 'stage3', 'stage4']),
        encoder_in_channels=[8, 16, 16], encoder_hidden_dim=16, decoder_in_channels=[16, 16, 16], d_model=16,
        num_queries=20, encoder_ffn_dim=16, decoder_ffn_dim=16, encoder_layers=1, decoder_layers=1,
        encoder_attention_heads=2, decoder_attention_heads=2, id2label={0: 'person', 1: 'dog'})
    transformers.RTDetrForObjectDetection(config).save_pretrained(tmp_path)
    transformers.RTDetrImageProcessor(size=dict(height=64, width=64)).save_pretrained(tmp_path)
    people = open_named_detector(f'transformers:{tmp_path}', min_score=0.)(photo)
    dogs = open_named_detector(f'transformers:{tmp_path}', 'dog', min_score=0.)(photo)
    assert len(people[0]) + len(dogs[0]) == 20
    for boxes, scores in (people, dogs):
        assert boxes.shape == (len(scores), 4) and (np.diff(scores) <= 0).all()
        assert (boxes >= 0).all() and (boxes[:, [0, 2]] <= 320).all() and (boxes[:, [1, 3]] <= 240).all()
    with pytest.raises(ValueError, match="does not find 'cat'"):
        open_named_detector(f'transformers:{tmp_path}', 'cat')
