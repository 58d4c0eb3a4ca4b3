import numpy as np
import pytest
import torch
from mmpose.registry import MODELS

from rampose.analysis.attention import record_attention
from rampose.analysis.plots import plot_attention


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
