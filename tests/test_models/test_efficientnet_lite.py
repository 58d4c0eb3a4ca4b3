"""EfficientNet-Lite0: its size, its maps, and that the published names become ours."""

import pytest
import torch
import torch.nn.functional as F

from rampose.models.backbones import efficientnet_lite
from rampose.models.backbones.efficientnet_lite import EfficientNetLite, SameConv2d
from rampose.models.heads.gpr_head import GPRHead


def make():
    torch.manual_seed(0)
    backbone = EfficientNetLite()
    backbone.eval()  # of MMPose's backbones it returns nothing
    return backbone


def published(backbone):
    """Its tensors under the names of the package, with a classifier's beside them."""
    backs = {'stem.0.conv.': '_conv_stem.', 'stem.1.': '_bn0.', 'expand.0.conv.': '_expand_conv.', 'expand.1.': '_bn0.',
             'depthwise.0.conv.': '_depthwise_conv.', 'depthwise.1.': '_bn1.', 'project.0.conv.': '_project_conv.',
             'project.1.': '_bn2.', 'blocks.': '_blocks.'}
    state = {}
    for name, value in backbone.state_dict().items():
        for ours, theirs in backs.items():
            name = name.replace(ours, theirs)
        state[name] = value
    return dict(state, **{'_fc.weight': torch.zeros(1000, 1280), '_conv_head.weight': torch.zeros(1280, 320, 1, 1)})


@pytest.mark.parametrize('size', [(256, 192), (100, 70)])
def test_maps_at_four_strides(size):
    maps = make()(torch.rand(1, 3, *size))
    expected = []
    for _ in range(5):
        size = tuple(-(-side // 2) for side in size)
        expected.append(size)
    assert [tuple(map_.shape[2:]) for map_ in maps] == expected[1:]
    assert tuple(map_.shape[1] for map_ in maps) == efficientnet_lite.CHANNELS == (24, 40, 112, 320)
    assert sum(parameter.numel() for parameter in EfficientNetLite().parameters()) == 2_958_848


def test_the_published_names():
    source, target = make(), EfficientNetLite()
    target.eval()
    torch.nn.init.ones_(target.stem[0].conv.weight)
    missing, unexpected = target.load_state_dict(published(source), strict=False)
    assert not missing and not unexpected
    image = torch.rand(1, 3, 64, 64)
    assert all(torch.equal(a, b) for a, b in zip(source(image), target(image)))


def test_padding_is_tensorflows():
    """A stride of 2 over an even size: nothing above and to the left, one row and column below and to the right."""
    conv, image = SameConv2d(1, 1, 3, 2), torch.rand(1, 1, 8, 10)
    assert torch.equal(conv(image), F.conv2d(F.pad(image, (0, 1, 0, 1)), conv.conv.weight, stride=2))
    image = torch.rand(1, 1, 7, 7)
    assert torch.equal(conv(image), F.conv2d(F.pad(image, (1, 1, 1, 1)), conv.conv.weight, stride=2))


def test_with_gpr_on_sizes_that_do_not_halve():
    maps = make()(torch.rand(1, 3, 100, 70))
    head = GPRHead(in_channels=efficientnet_lite.CHANNELS, out_channels=17,
                   loss=dict(type='KeypointMSELoss', use_target_weight=True)).eval()
    assert head(maps).shape == (1, 17, 25, 18)


@pytest.mark.parametrize(('frozen', 'blocks'), [(-1, 0), (0, 0), (1, 3), (2, 5), (4, 16)])
def test_frozen_stages_keep_weights_and_statistics(frozen, blocks):
    torch.manual_seed(0)
    backbone = EfficientNetLite(frozen_stages=frozen)
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    backbone.train()
    optimizer = torch.optim.SGD([value for value in backbone.parameters() if value.requires_grad] or
                                [torch.zeros(1, requires_grad=True)], lr=1.)
    maps = backbone(torch.rand(2, 3, 64, 64))
    if frozen < 4:
        sum(map_.sum() for map_ in maps).backward()
        optimizer.step()
    kept = {name.split('.')[0] if 'stem' in name else int(name.split('.')[1])
            for name, value in backbone.state_dict().items() if torch.equal(value, before[name])}
    changed = {name.split('.')[0] if 'stem' in name else int(name.split('.')[1])
               for name, value in backbone.state_dict().items() if not torch.equal(value, before[name])}
    assert kept - changed == ({'stem', *range(blocks)} if frozen >= 0 else set())
    with pytest.raises(ValueError, match='got frozen_stages 5; it goes from -1, none, to 4, all'):
        EfficientNetLite(frozen_stages=5)
