import pytest
import torch
import torch.nn.functional as F

from rampose.layers import GradualPyramidRefinement, RescaleSum


def pyramid(channels=(4, 8, 16), size=(16, 12), batch=2, dtype=torch.float):
    return [torch.randn(batch, c, size[0] // 2**k, size[1] // 2**k, dtype=dtype) for k, c in enumerate(channels)]


def refine_by_the_equations(layer, maps):
    """Eqs. 4-5 from k = M down to 2, for M = 3."""
    x1, x2, x3 = maps
    for step, high in ((layer.steps[1], x2), (layer.steps[0], x1)):
        x3 = F.interpolate(x3, size=high.shape[2:], mode='bilinear', align_corners=False) + step.deconv(x3)  # Eq. 4
        x3 = torch.cat([x3, high], dim=1)  # Eq. 5
        x3 = step.convs(x3)
    return x3


def test_equals_the_equations():
    layer = GradualPyramidRefinement([4, 8, 16]).eval()
    maps = pyramid()
    torch.testing.assert_close(layer(maps), refine_by_the_equations(layer, maps))


def test_bilinear_part_keeps_a_constant():
    layer = GradualPyramidRefinement([4, 8]).eval()
    torch.nn.init.zeros_(layer.steps[0].deconv[0].weight)
    seen = []
    layer.steps[0].convs.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))
    layer([torch.zeros(1, 4, 8, 8), torch.full((1, 8, 4, 4), 3.)])
    assert torch.equal(seen[0], torch.cat([torch.full((1, 8, 8, 8), 3.), torch.zeros(1, 4, 8, 8)], dim=1))


@pytest.mark.parametrize('layer_cls', [GradualPyramidRefinement, RescaleSum])
@pytest.mark.parametrize('channels', [(4, 8), (4, 8, 16, 32), (8, 8, 8)])
def test_gives_the_highest_resolution(layer_cls, channels):
    assert layer_cls(channels)(pyramid(channels, (32, 24))).shape == (2, channels[0], 32, 24)


def test_starts_near_the_identity_on_the_higher_resolution():
    layer = GradualPyramidRefinement((4, 8, 16))
    for step, channels in zip(layer.steps, (4, 8)):
        for conv in (step.convs[0], step.convs[3]):
            centre = conv.weight[:, -channels:, 1, 1].clone()
            bound = (9 * conv.in_channels)**-0.5  # of torch's values
            assert (centre.diagonal() - 1).abs().max() <= bound
            assert conv.weight.sum() - centre.diagonal().sum() != 0
            centre.diagonal().zero_()
            assert centre.abs().max() <= bound
    # So the output follows the highest resolution, whatever the lower ones are.
    torch.manual_seed(0)
    highest, *lower = pyramid(size=(32, 32))
    with torch.no_grad():
        output = layer((highest.relu(), *lower))
    joined = torch.stack([output.flatten(), highest.relu().flatten()])
    assert torch.corrcoef(joined)[0, 1] > 0.5


def test_gradcheck():
    layer = GradualPyramidRefinement([2, 3]).double().eval()
    # Away from ReLU's kink, where a finite difference means nothing.
    for module in layer.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.constant_(module.bias, 4.)
    maps = [x.requires_grad_() for x in pyramid((2, 3), (4, 4), 1, torch.double)]
    assert torch.autograd.gradcheck(lambda *inputs: layer(inputs[:2]), (*maps, *layer.parameters()))


def test_rescale_sum_by_hand():
    layer = RescaleSum([2, 2]).eval()
    maps = pyramid((2, 2))
    expected = maps[0] + F.interpolate(maps[1], scale_factor=2, mode='bilinear', align_corners=False)
    torch.testing.assert_close(layer(maps), expected)
    assert sum(p.numel() for p in layer.parameters()) == 0
    assert sum(p.numel() for p in RescaleSum([2, 4]).parameters()) == 2 * 4 + 2


@pytest.mark.parametrize('layer_cls', [GradualPyramidRefinement, RescaleSum])
@pytest.mark.parametrize('in_channels', [[4], [], 4])
def test_fewer_than_two_maps_are_refused(layer_cls, in_channels):
    with pytest.raises(ValueError, match='at least 2 maps'):
        layer_cls(in_channels)


@pytest.mark.parametrize('layer_cls', [GradualPyramidRefinement, RescaleSum])
@pytest.mark.parametrize(('maps', 'message'), [
    (pyramid((4, 8)), r'got 2 maps with \[4, 8\] channels.*in_channels=\[4, 8, 16\] is needed'),
    (pyramid((4, 8, 15)), r'\[4, 8, 15\] channels'),
    (pyramid((16, 8, 4)), r'\[16, 8, 4\] channels'),
    ([torch.rand(1, c, s, s) for c, s in ((4, 4), (8, 8), (16, 16))],
     'half the size.*order of the maps reversed'),
    ([torch.rand(1, c, s, s) for c, s in ((4, 16), (8, 8), (16, 2))], 'half the size'),
])
def test_other_maps_are_refused(layer_cls, maps, message):
    with pytest.raises(ValueError, match=message):
        layer_cls([4, 8, 16])(maps)
