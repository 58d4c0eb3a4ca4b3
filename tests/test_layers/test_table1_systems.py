"""Hourglass and CPN, with which Table 1 compares: shapes, structure, a gradient for every parameter."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from rampose.layers import GlobalNet, Hourglass, PreActivationBottleneck, RefineNet


def pyramid(channels, size=16):
    return [torch.randn(2, c, size // 2**k, size // 2**k) for k, c in enumerate(channels)]


def all_have_gradients(module: nn.Module) -> bool:
    return all(p.grad is not None and p.grad.isfinite().all() and p.grad.abs().sum() > 0 for p in module.parameters())


def test_hourglass_goes_down_and_up():
    """A slow reference for two halvings, level by level."""
    hourglass = Hourglass(2, 8).eval()
    x = torch.randn(2, 8, 8, 12)
    down1 = hourglass.down(F.max_pool2d(x, 2))
    inner = hourglass.inner
    down2 = inner.down(F.max_pool2d(down1, 2))
    up2 = inner.up(inner.inner(down2))
    up1 = hourglass.up(inner.across(down1) + up2.repeat_interleave(2, 2).repeat_interleave(2, 3))
    expected = hourglass.across(x) + up1.repeat_interleave(2, 2).repeat_interleave(2, 3)
    torch.testing.assert_close(hourglass(x), expected)


def test_hourglass_has_thirteen_residual_modules():
    """Three for each of four halvings, one at the bottom; each c^2 (1/2 + 9/4 + 1/2) weights and its norms."""
    hourglass = Hourglass(4, 256)
    modules = [m for m in hourglass.modules() if isinstance(m, PreActivationBottleneck)]
    assert len(modules) == 13
    convolutions = 256 * 128 + 128 + 9 * 128 * 128 + 128 + 128 * 256 + 256
    norms = 2 * (256 + 128 + 128)
    assert sum(p.numel() for p in hourglass.parameters()) == 13 * (convolutions + norms)


def test_hourglass_reaches_every_parameter():
    hourglass = Hourglass(2, 8)
    hourglass(torch.randn(2, 8, 8, 8)).square().mean().backward()
    assert all_have_gradients(hourglass)


def test_a_residual_module_adapts_its_shortcut():
    assert isinstance(PreActivationBottleneck(8, 8).shortcut, nn.Identity)
    assert PreActivationBottleneck(4, 8)(torch.randn(1, 4, 6, 5)).shape == (1, 8, 6, 5)


def test_global_net_is_a_feature_pyramid():
    """A slow reference: upsampled first, then brought through the 1x1 convolution, as its authors do."""
    net = GlobalNet((4, 8, 16), out_channels=5, num_channels=6).eval()
    maps = pyramid((4, 8, 16))
    lowest = net.laterals[2](maps[2])
    middle = net.laterals[1](maps[1]) + net.upsampled[1](
        F.interpolate(lowest, scale_factor=2, mode='bilinear', align_corners=False))
    highest = net.laterals[0](maps[0]) + net.upsampled[0](
        F.interpolate(middle, scale_factor=2, mode='bilinear', align_corners=False))
    for got, expected in zip(net(maps), (highest, middle, lowest)):
        torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)
    assert [tuple(x.shape) for x in net.predict(net(maps))] == [(2, 5, 16, 16)] * 3


def test_refine_net_sends_lower_levels_through_more_bottlenecks():
    net = RefineNet(4, out_channels=5, num_channels=8)
    assert [len(branch) for branch in net.branches] == [0, 1, 2, 3]
    assert net(pyramid((8, 8, 8, 8))).shape == (2, 5, 16, 16)


def test_cpn_reaches_every_parameter():
    global_net, refine_net = GlobalNet((4, 8, 16), 5, 8), RefineNet(3, 5, 8)
    levels = global_net(pyramid((4, 8, 16)))
    sum(x.square().mean() for x in (*global_net.predict(levels), refine_net(levels))).backward()
    assert all_have_gradients(global_net) and all_have_gradients(refine_net)


@pytest.mark.parametrize(('channels', 'message'), [((4, 8), 'in_channels'), ((4, 8, 15), 'in_channels')])
def test_global_net_refuses_other_maps(channels, message):
    with pytest.raises(ValueError, match=message):
        GlobalNet((4, 8, 16), 5)(pyramid(channels))
