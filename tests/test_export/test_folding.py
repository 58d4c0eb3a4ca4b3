"""A folded network computes what it was made from."""

import pytest
import torch
from mmengine import Config
from mmpose.registry import MODELS

from rampose.export.folding import FoldedRAMHRModule, fold


def randomize(model: torch.nn.Module) -> torch.nn.Module:
    """Statistics of batch norm that differ, attention far from 1, and maps that do not vanish."""
    for name, parameter in model.named_parameters():
        if name.endswith(('score_weight', 'score_bias', 'omega', 'beta')):
            torch.nn.init.normal_(parameter, std=0.5)
    model.train()
    with torch.no_grad():
        for _ in range(5):
            model(torch.randn(2, 3, 128, 96), None, mode='tensor')
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.normal_(0, 0.2)
    return model.eval()


@pytest.mark.parametrize('change', [
    {},
    {'backbone.with_attention': False},
    {'head.with_refinement': False},
    {'backbone.extra.stage4.multiscale_output': False, 'head.type': 'HeatmapHead', 'head.in_channels': 16,
     'head.deconv_out_channels': None},
    {'backbone.type': 'HRNet'},
], ids=['ours', 'without attention', 'rescale and sum', 'one resolution', 'HRNet'])
def test_folding_changes_nothing_but_rounding(pose_config, change):
    config = Config.fromfile(pose_config)
    config.merge_from_dict({f'model.{key}': value for key, value in change.items()})
    model = randomize(MODELS.build(config.model))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    folded = fold(model)
    inputs = torch.randn(3, 3, 128, 96)
    with torch.no_grad():
        expected = model.head.forward(model.extract_feat(inputs))
        got = folded.head.forward(folded.extract_feat(inputs))
    assert expected.abs().max() > 1e-3
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in folded.modules())
    assert any(isinstance(module, FoldedRAMHRModule) for module in folded.modules()) == (
        change.get('backbone.type') != 'HRNet')
    for name, value in model.state_dict().items():  # the original stays as it was
        assert torch.equal(value, before[name])
