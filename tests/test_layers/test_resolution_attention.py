import math

import pytest
import torch

from rampose.layers import ResolutionWiseAttention, upsample_nearest


def randomised(channels, num_inputs):
    layer = ResolutionWiseAttention(channels, num_inputs)
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter)
    return layer


def weights_by_the_equations(layer, maps):
    """Eqs. 1-2, one sample and one input at a time."""
    rows = []
    for b in range(maps[0].shape[0]):
        scores = []
        for h, x in enumerate(maps):
            pooled = [float(x[b, c].mean()) for c in range(x.shape[1])]
            scores.append(sum(w * p for w, p in zip(layer.score_weight[h].tolist(), pooled)) + float(
                layer.score_bias[h]))
        total = sum(math.exp(score) for score in scores)
        rows.append([math.exp(score) / total * float(layer.omega[h]) + float(layer.beta[h])
                     for h, score in enumerate(scores)])
    return torch.tensor(rows)


@pytest.mark.parametrize('num_inputs', [2, 3, 4])
def test_equals_the_equations(num_inputs):
    layer = randomised(5, num_inputs)
    maps = [torch.randn(3, 5, 6, 4) for _ in range(num_inputs)]
    torch.testing.assert_close(layer(maps), weights_by_the_equations(layer, maps), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('num_inputs', [2, 3, 4])
def test_initial_weights_are_exactly_one(num_inputs):
    maps = [torch.randn(2, 5, 6, 4) for _ in range(num_inputs)]
    assert torch.equal(ResolutionWiseAttention(5, num_inputs)(maps), torch.ones(2, num_inputs))


def test_pooling_before_nearest_upsampling_is_exact():
    layer = randomised(5, 2).double()
    high, low = torch.randn(2, 5, 8, 4).double(), torch.randn(2, 5, 2, 1).double()
    torch.testing.assert_close(layer([high, low]), layer([high, upsample_nearest(low, 4)]))


def test_gradcheck():
    layer = randomised(3, 2).double()
    maps = [torch.randn(2, 3, 4, 2, dtype=torch.double, requires_grad=True) for _ in range(2)]
    parameters = tuple(layer.parameters())
    assert torch.autograd.gradcheck(lambda *inputs: layer(inputs[:2]), (*maps, *parameters))


def test_every_parameter_has_a_gradient_from_the_first_step():
    layer = ResolutionWiseAttention(3, 3)
    (layer([torch.randn(2, 3, 4, 2) for _ in range(3)]) * torch.tensor([1., 2., -4.])).sum().backward()
    for name, parameter in layer.named_parameters():
        assert parameter.grad.isfinite().all() and parameter.grad.abs().sum() > 0, name


def test_one_input_is_refused():
    with pytest.raises(ValueError, match='num_inputs=1.*at least 2'):
        ResolutionWiseAttention(4, 1)


@pytest.mark.parametrize('channels', [[4, 5], [4], [4, 4, 4]])
def test_other_maps_are_refused(channels):
    with pytest.raises(ValueError, match='weighs 2 maps of 4 channels'):
        ResolutionWiseAttention(4, 2)([torch.rand(1, c, 2, 2) for c in channels])


@pytest.mark.parametrize('memory_format', [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize('factor', [2, 4, 8])
def test_upsample_nearest_equals_interpolate(memory_format, factor):
    x = torch.randn(2, 3, 4, 5).to(memory_format=memory_format)
    assert torch.equal(upsample_nearest(x, factor), torch.nn.functional.interpolate(x, scale_factor=factor))
