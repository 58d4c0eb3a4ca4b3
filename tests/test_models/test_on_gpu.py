import copy

import pytest
import torch
from mmpose.registry import MODELS


@pytest.mark.gpu
def test_cuda_gives_the_heatmaps_of_the_cpu(tiny_config):
    model = MODELS.build(tiny_config.model).eval()
    x = torch.randn(2, 3, 128, 96)
    with torch.no_grad():
        expected = model(x, None, mode='tensor')
        heatmaps = copy.deepcopy(model).cuda()(x.cuda(), None, mode='tensor').cpu()
    torch.testing.assert_close(heatmaps, expected, rtol=1e-3, atol=1e-4)
