import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmpose.registry import MODELS

from rampose.apis.attention import predict_with_attention
from rampose.lab.plots import plot_attention
from rampose.layers import record_attention
from rampose.prediction.attention import plot_person_attention


@pytest.fixture
def model(tiny_config):
    return MODELS.build(tiny_config.model).eval()


def test_records_every_exchange_unit(model):
    x = torch.randn(2, 3, 128, 96)
    with record_attention(model) as weights, torch.no_grad():
        model(x, None, mode='tensor')
        model(x[:1], None, mode='tensor')
    assert {unit: values.shape for unit, values in weights.items()} == {
        'stage2.0': (3, 2, 2), 'stage3.0': (3, 3, 3), 'stage4.0': (3, 4, 4)}
    assert all((values == 1).all() for values in weights.values())  # before training
    assert not any(module._forward_hooks for module in model.modules())


def test_the_weights_are_those_of_the_layers(model):
    layer = model.backbone.stage3[0].attention[1]
    torch.nn.init.normal_(layer.beta)
    with record_attention(model) as weights, torch.no_grad():
        model(torch.randn(1, 3, 128, 96), None, mode='tensor')
    np.testing.assert_allclose(weights['stage3.0'][0, 1], 1 + layer.beta.detach().numpy(), rtol=1e-6)
    assert (weights['stage3.0'][0, 0] == 1).all()


def test_a_model_without_attention_is_refused(model):
    with pytest.raises(ValueError, match='HeatmapHead|GPRHead'), record_attention(model.head):
        pass


def test_plot_has_a_panel_for_each_unit():
    rng = np.random.default_rng(0)
    figure = plot_attention({f'stage{m}.0': rng.normal(1, 0.1, (5, m, m)) for m in (2, 3, 4)})
    assert [ax.get_title() for ax in figure.axes[:3]] == ['stage2.0', 'stage3.0', 'stage4.0']


def test_each_person_gets_its_own_weights(predictor, photo):
    """Over several batches, with the mirrored crops of flip test between them."""
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 150, (9, 2))
    bboxes = np.hstack([corners, corners + rng.uniform(30, 100, (9, 2))])
    groups = [bboxes[:5], bboxes[5:5], bboxes[5:]]
    keypoints, scores, weights = predict_with_attention(predictor, [photo] * 3, groups)
    np.testing.assert_array_equal(keypoints[2], predictor([photo] * 3, groups)[0][2])
    assert [of_image['stage4.0'].shape for of_image in weights] == [(5, 4, 4), (0, 4, 4), (4, 4, 4)]
    for group, of_image in zip(groups, weights):
        for number, bbox in enumerate(group):
            crop = predictor.pose_model.crop(photo, bbox.astype(np.float32))
            batch = predictor.pose_model.model.data_preprocessor(pseudo_collate([crop]))
            with record_attention(predictor.pose_model.model) as alone, torch.no_grad():
                predictor.pose_model.model(batch['inputs'], None, mode='tensor')
            for unit, matrices in of_image.items():
                np.testing.assert_allclose(matrices[number], alone[unit][0], atol=1e-5)
    assert np.ptp(weights[0]['stage4.0'], axis=0).max() > 0.01  # they differ from person to person


def test_nobody_has_no_weights(predictor, photo):
    assert predict_with_attention(predictor, [photo], [[]])[2] == [{}]
    with pytest.raises(ValueError, match=r'needed are lists'):
        predict_with_attention(predictor, photo, [[0, 0, 9, 9]])


def test_plot_of_a_person_shows_the_person_and_every_unit(photo):
    weights = {f'stage3.{number}': np.ones((3, 3)) for number in range(4)}
    figure = plot_person_attention(photo, [-5, 200, 500, 300], weights)  # over the border
    assert len(figure.axes) == 5 and figure.axes[0].images[0].get_array().shape == (40, 320, 3)
