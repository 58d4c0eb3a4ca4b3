import copy

import pytest
import torch
from mmpose.models.backbones.hrnet import HRModule, HRNet
from mmpose.models.backbones.resnet import BasicBlock
from torch import nn

from rampose.models import RAMHRModule, RAMHRNet


def extra_of(width, modules=(1, 4, 3), blocks=4):
    extra = dict(stage1=dict(num_modules=1, num_branches=1, block='BOTTLENECK', num_blocks=(4, ), num_channels=(64, )))
    for stage, num_modules in zip((2, 3, 4), modules):
        extra[f'stage{stage}'] = dict(
            num_modules=num_modules,
            num_branches=stage,
            block='BASIC',
            num_blocks=(blocks, ) * stage,
            num_channels=tuple(width * 2**k for k in range(stage)))
    return extra


def randomise_bn(model):
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.5, 0.5)
            nn.init.uniform_(module.running_mean, -0.5, 0.5)
            nn.init.uniform_(module.running_var, 0.5, 1.5)


@pytest.mark.parametrize('width', [32, 48])
def test_loads_hrnet_and_computes_its_map(width):
    hrnet = HRNet(extra_of(width))
    randomise_bn(hrnet)
    ours = RAMHRNet(extra_of(width))
    missing, unexpected = ours.load_state_dict(hrnet.state_dict(), strict=False)
    assert not unexpected
    assert missing
    last = ('stage4.2.fuse_layers.1.', 'stage4.2.fuse_layers.2.', 'stage4.2.fuse_layers.3.')
    assert [key for key in missing if '.attention.' not in key and not key.startswith(last)] == []
    hrnet.eval()
    ours.eval()
    x = torch.randn(2, 3, 64, 96)
    with torch.no_grad():
        expected, maps = hrnet(x)[0], ours(x)
    assert [tuple(y.shape) for y in maps] == [(2, width * 2**k, 16 // 2**k, 24 // 2**k) for k in range(4)]
    torch.testing.assert_close(maps[0], expected, rtol=1e-5, atol=1e-5 * float(expected.abs().max()))
    hrnet.to(memory_format=torch.channels_last)
    with torch.no_grad():
        assert torch.equal(maps[0], hrnet(x)[0])
    assert maps[0].is_contiguous(memory_format=torch.channels_last)


def exchange_by_the_equations(module, x):
    """Eqs. 1-3 as written: transform and upsample, then weigh, then sum."""
    outputs = []
    for i, fuse in enumerate(module.fuse_layers):
        maps = [x[h] if h == i else fuse[h](x[h]) for h in range(module.num_branches)]
        weights = module.attention[i](maps)
        outputs.append(sum(maps[h] * weights[:, h, None, None, None] for h in range(len(maps))).relu())
    return outputs


@pytest.mark.parametrize('multiscale_output', [True, False])
def test_exchange_equals_the_equations(multiscale_output):
    module = RAMHRModule(3, BasicBlock, (1, 1, 1), [4, 8, 16], (4, 8, 16), multiscale_output).eval()
    randomise_bn(module)
    for name, parameter in module.named_parameters():
        if 'attention' in name:
            nn.init.normal_(parameter)
    x = [torch.randn(2, 4 * 2**h, 16 // 2**h, 8 // 2**h) for h in range(3)]
    before = [y.clone() for y in x]
    branches = [branch(y) for branch, y in zip(module.branches, x)]
    expected = exchange_by_the_equations(module, branches)
    outputs = module(x)
    assert len(outputs) == (3 if multiscale_output else 1)
    for output, wanted in zip(outputs, expected):
        torch.testing.assert_close(output, wanted, rtol=1e-5, atol=1e-5)
    assert all(torch.equal(y, z) for y, z in zip(x, before)), 'the caller\'s maps were changed'


def test_taking_over_a_module_keeps_its_layers():
    module = HRModule(2, BasicBlock, (1, 1), [4, 8], (4, 8), True)
    ours = RAMHRModule.from_hr_module(module)
    assert ours.branches is module.branches and ours.fuse_layers is module.fuse_layers
    assert {key for key in ours.state_dict() if 'attention' not in key} == {
        key for key in module.state_dict() if 'attention' not in key}


def test_without_attention_is_hrnet():
    ours = RAMHRNet(extra_of(8, (1, 1, 1), 1), with_attention=False).eval()
    assert not [key for key in ours.state_dict() if 'attention' in key]
    extra = extra_of(8, (1, 1, 1), 1)
    extra['stage4']['multiscale_output'] = True
    hrnet = HRNet(extra)
    hrnet.eval()  # it returns None
    hrnet.load_state_dict(ours.state_dict())
    hrnet.to(memory_format=torch.channels_last)
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        for ours_map, hrnet_map in zip(ours(x), hrnet(x)):
            assert torch.equal(ours_map, hrnet_map)


def test_parameters_of_the_attention():
    with_attention, without = (
        sum(p.numel() for p in RAMHRNet(extra_of(8, (1, 1, 1), 1), with_attention=flag).parameters())
        for flag in (True, False))
    # For each output i of M inputs: M * C_i weights of the scores, and a bias, an omega and a beta for each input.
    expected = sum(m * (8 * 2**i) + 3 * m for m in (2, 3, 4) for i in range(m))
    assert with_attention - without == expected


@pytest.mark.parametrize('batch_size', [1, 2])
@pytest.mark.slow
def test_every_parameter_has_a_gradient_after_one_step(batch_size):
    backbone = RAMHRNet(extra_of(32))
    backbone.init_weights()
    optimizer = torch.optim.Adam(backbone.parameters(), lr=1e-3)
    for _ in range(2):
        optimizer.zero_grad()
        sum((y * torch.randn_like(y)).mean() for y in backbone(torch.randn(batch_size, 3, 128, 64))).backward()
        optimizer.step()
    for name, parameter in backbone.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().sum() > 0, name


def test_init_weights_leaves_the_attention_at_one():
    backbone = RAMHRNet(extra_of(8, (1, 1, 1), 1))
    backbone.init_weights()
    weights = backbone.stage4[0].attention[1]([torch.randn(2, 16, 4, 4)] * 4)
    assert torch.equal(weights, torch.ones(2, 4))


def test_eval_and_train_return_the_model():
    backbone = RAMHRNet(extra_of(8, (1, 1, 1), 1))
    assert backbone.eval() is backbone and not backbone.training
    assert backbone.train() is backbone and backbone.training


@pytest.mark.parametrize('frozen_stages', [1, 3])
def test_frozen_stages_have_no_gradient(frozen_stages):
    backbone = RAMHRNet(extra_of(8, (1, 1, 1), 1), frozen_stages=frozen_stages).train()
    frozen = {name for name, parameter in backbone.named_parameters() if not parameter.requires_grad}
    assert any('stage3.0.attention' in name for name in frozen) == (frozen_stages == 3)
    assert not any(name.startswith('stage4') for name in frozen)


def test_gradient_checkpointing_gives_the_same_gradients():
    plain, checkpointed = (RAMHRNet(extra_of(8, (1, 1, 1), 1), with_cp=flag).train() for flag in (False, True))
    checkpointed.load_state_dict(plain.state_dict())
    x = torch.randn(2, 3, 64, 64)
    for model in (plain, checkpointed):
        sum(y.square().mean() for y in model(x)).backward()
    for (name, a), b in zip(plain.named_parameters(), checkpointed.parameters()):
        torch.testing.assert_close(a.grad, b.grad, msg=name)


def test_autocast_keeps_the_maps_in_half_precision():
    backbone = RAMHRNet(extra_of(8, (1, 1, 1), 1)).eval()
    with torch.no_grad(), torch.autocast('cpu', dtype=torch.bfloat16):
        maps = backbone(torch.randn(1, 3, 64, 64))
    assert {y.dtype for y in maps} == {torch.bfloat16}
    assert all(y.isfinite().all() for y in maps)


def test_the_callers_config_is_left_alone():
    extra = extra_of(8, (1, 1, 1), 1)
    before = copy.deepcopy(extra)
    RAMHRNet(extra)
    assert extra == before


def test_one_resolution_on_request():
    extra = extra_of(8, (1, 1, 1), 1)
    extra['stage4']['multiscale_output'] = False
    assert len(RAMHRNet(extra).eval()(torch.rand(1, 3, 64, 64))) == 1


@pytest.mark.parametrize('size', [(256, 200), (250, 192), (16, 32)])
def test_image_sizes_that_do_not_divide_are_refused(size):
    with pytest.raises(ValueError, match=f'{size[0]}x{size[1]}.*multiples of 32'):
        RAMHRNet(extra_of(8, (1, 1, 1), 1))(torch.rand(1, 3, *size))


def test_other_upsampling_is_refused():
    extra = dict(extra_of(8, (1, 1, 1), 1), upsample=dict(mode='bilinear', align_corners=False))
    with pytest.raises(ValueError, match="'bilinear'.*nearest"):
        RAMHRNet(extra)
